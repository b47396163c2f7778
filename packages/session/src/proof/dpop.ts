/**
 * Proof of possession (RFC 9449): the caller shows with each request that it holds the key its access token is bound
 * to, so that a stolen token alone is worth nothing. Needs `jose`.
 */
import { timingSafeEqual } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify, type JWK, type JWTPayload } from 'jose'
import { sha256 } from '../digest.ts'
import { MisuseError } from '../errors.ts'
import type { RequestView } from '../http/request.ts'
import type { Sessions } from '../sessions.ts'

export interface DpopOptions {
  /** Remembers the proofs that were used, for all processes on its store. */
  readonly sessions: Sessions
  /** Scheme and host by which clients know this server, such as `https://mcp.example.com`. */
  readonly origin: string
  /** How old a proof may be, and how far ahead a client's clock. A minute, and five seconds. */
  readonly maxAgeMs?: number
  readonly maxAheadMs?: number
  /** Signatures that are accepted. None of them is symmetric. */
  readonly algorithms?: readonly string[]
  /** Whether a nonce is one that this server handed out lately. Without it none is asked for. */
  readonly isOurNonce?: (nonce: string) => Promise<boolean> | boolean
  /** Milliseconds since 1970. */
  readonly wall?: () => number
}

/** What the access token says, once it was verified. */
export interface BoundToken {
  readonly token: string
  /** `cnf.jkt` of the token. */
  readonly thumbprint: string | undefined
}

export type DpopVerdict =
  | { readonly valid: true; readonly thumbprint: string }
  | {
      readonly valid: false
      readonly reason:
        | 'missing'
        | 'malformed'
        | 'stale'
        | 'replayed'
        | 'wrong-request'
        | 'wrong-key'
        | 'unbound-token'
        | 'nonce'
      /** `WWW-Authenticate` of the 401. */
      readonly challenge: string
    }

type Fault = Extract<DpopVerdict, { valid: false }>['reason']

const defaultAlgorithms = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256']
const maxProofLength = 4096
const maxIdLength = 256
/**
 * How far the clocks of the processes and that of their store may be apart. A proof that is forgotten where it is still
 * good could be used again there.
 */
const maxSkewMs = 60_000

/** @throws MisuseError where a symmetric or no algorithm is to be accepted, or the origin is none */
export function createDpop(options: DpopOptions): Dpop {
  return new Dpop(options)
}

export class Dpop {
  readonly #options: DpopOptions
  readonly #algorithms: string[]
  readonly #origin: string
  readonly #maxAgeMs: number
  readonly #maxAheadMs: number
  readonly #wall: () => number

  constructor(options: DpopOptions) {
    this.#options = options
    this.#algorithms = [...(options.algorithms ?? defaultAlgorithms)]
    if (this.#algorithms.some((name) => name === 'none' || name.startsWith('HS')))
      throw new MisuseError('a proof is made with a private key')
    this.#origin = new URL(options.origin).origin
    if (this.#origin === 'null') throw new MisuseError('an origin is a scheme and a host')
    this.#maxAgeMs = options.maxAgeMs ?? 60_000
    this.#maxAheadMs = options.maxAheadMs ?? 5000
    this.#wall = options.wall ?? Date.now
  }

  /**
   * Whether the request proves the key of its access token. Each proof is good once.
   *
   * @throws StoreUnavailableError, BusyError where the store cannot remember the proof
   */
  async verify(request: RequestView, access: BoundToken): Promise<DpopVerdict> {
    const proofs = request.header('dpop')
    // A token that is bound is no bearer token, and one that is not must not pass for bound.
    if (access.thumbprint === undefined) return this.#refuse('unbound-token')
    if (proofs.length === 0) return this.#refuse('missing')
    const [proof] = proofs
    if (proofs.length > 1 || proof === undefined || proof.length > maxProofLength) return this.#refuse('malformed')
    const opened = await this.#open(proof)
    if (!opened) return this.#refuse('malformed')
    const fault = this.#faultOf(opened.claims, request, access) ?? (await this.#nonceFault(opened.claims))
    if (fault) return this.#refuse(fault)
    if (!sameText(opened.thumbprint, access.thumbprint)) return this.#refuse('wrong-key')
    const key = `dpop ${sha256(JSON.stringify([opened.thumbprint, opened.claims.jti]))}`
    const rememberMs = this.#maxAgeMs + this.#maxAheadMs + maxSkewMs
    if (!(await this.#options.sessions.consume(key, rememberMs))) return this.#refuse('replayed')
    return { valid: true, thumbprint: opened.thumbprint }
  }

  /** The signature holds, under the public key that the proof itself brings. */
  async #open(proof: string): Promise<{ claims: JWTPayload; thumbprint: string } | undefined> {
    try {
      const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
        typ: 'dpop+jwt',
        algorithms: this.#algorithms,
        currentDate: new Date(this.#wall()),
      })
      const jwk = protectedHeader.jwk as JWK | undefined
      if (!jwk || 'd' in jwk || 'k' in jwk) return undefined
      return { claims: payload, thumbprint: await calculateJwkThumbprint(jwk) }
    } catch {
      return undefined
    }
  }

  #faultOf(claims: JWTPayload, request: RequestView, access: BoundToken): Fault | undefined {
    const { jti, iat, htm, htu, ath } = claims
    const isComplete = typeof jti === 'string' && jti.length > 0 && jti.length <= maxIdLength && typeof iat === 'number'
    if (!isComplete) return 'malformed'
    const ageMs = this.#wall() - iat * 1000
    if (ageMs >= this.#maxAgeMs || ageMs < -this.#maxAheadMs) return 'stale'
    if (htm !== request.method || !this.#isHere(htu, request.target)) return 'wrong-request'
    return typeof ath === 'string' && sameText(ath, sha256(access.token)) ? undefined : 'wrong-key'
  }

  /**
   * Compared without query and fragment, as URLs and not as texts. A request line may hold a whole URL, of which routers
   * take the path.
   */
  #isHere(htu: unknown, target: string): boolean {
    const asked = target.startsWith('/') ? this.#origin + target : target
    if (typeof htu !== 'string' || !URL.canParse(htu) || !URL.canParse(asked)) return false
    const said = new URL(htu)
    return said.origin === this.#origin && said.pathname === new URL(asked).pathname
  }

  async #nonceFault({ nonce }: JWTPayload): Promise<Fault | undefined> {
    const { isOurNonce } = this.#options
    if (!isOurNonce) return undefined
    return typeof nonce === 'string' && (await isOurNonce(nonce)) ? undefined : 'nonce'
  }

  #refuse(reason: Fault): DpopVerdict {
    const error =
      reason === 'nonce' ? 'use_dpop_nonce' : reason === 'unbound-token' ? 'invalid_token' : 'invalid_dpop_proof'
    return { valid: false, reason, challenge: `DPoP error="${error}", algs="${this.#algorithms.join(' ')}"` }
  }
}

function sameText(one: string, other: string): boolean {
  const left = Buffer.from(one)
  const right = Buffer.from(other)
  return left.length === right.length && timingSafeEqual(left, right)
}
