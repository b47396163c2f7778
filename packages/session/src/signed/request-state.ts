/**
 * `requestState` of MCP 2026-07-28: what the server lets the client carry from one round of a request to the next.
 * Sealed, so that the client can neither read nor change it; bound, so that it is good for one caller and one request;
 * and good once.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { MisuseError } from '../errors.ts'
import { agentKey, principalKey, type Principal } from '../principal.ts'
import { randomBytes, type RandomBytes } from '../random.ts'
import { sha256 } from '../digest.ts'
import type { Sessions } from '../sessions.ts'
import { canonicalJson } from './canonical.ts'
import type { KeyRing } from './key-ring.ts'

export interface RequestStateOptions {
  readonly sessions: Sessions
  readonly keys: KeyRing
  /** The server that the state is for. */
  readonly audience: string
  /** 5 minutes unless said otherwise: a person has to answer meanwhile. At most an hour. */
  readonly ttlMs?: number
}

/** What a state is good for. Of the retry all of it must be the same. */
export interface RequestBinding {
  readonly principal: Principal
  readonly agent?: string
  /** `tools/call`, `prompts/get` or `resources/read`. */
  readonly method: string
  /** Name of the tool or prompt, URI of the resource. */
  readonly name: string
  /** The arguments of the request, without what the rounds add. */
  readonly arguments?: unknown
}

export type Unsealed<State> =
  | { readonly good: true; readonly state: State }
  | {
      readonly good: false
      /** `refused`: changed, made elsewhere, another's, or for another request; nobody can tell which. */
      readonly reason: 'malformed' | 'refused' | 'expired' | 'used'
    }

interface Sealed {
  readonly nonce: string
  readonly ends: number
  readonly once: boolean
  readonly state: unknown
}

const version = 'rs1'
const purpose = 'request state'
const maxStateBytes = 16 * 1024
const maxSealedLength = 32 * 1024
const ivBytes = 12
const tagBytes = 16
const form = /^rs1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{40,})$/

export function createRequestStates(options: RequestStateOptions, random: RandomBytes = randomBytes): RequestStates {
  return new RequestStates(options, random)
}

export class RequestStates {
  readonly #sessions: Sessions
  readonly #keys: KeyRing
  readonly #audience: string
  readonly #ttlMs: number
  readonly #random: RandomBytes

  constructor({ sessions, keys, audience, ttlMs = 5 * 60_000 }: RequestStateOptions, random: RandomBytes) {
    if (audience === '') throw new MisuseError('a state is for one server: name it')
    if (!(ttlMs > 0 && ttlMs <= 60 * 60_000))
      throw new MisuseError('a state lives for more than no time and at most an hour')
    this.#sessions = sessions
    this.#keys = keys
    this.#audience = audience
    this.#ttlMs = ttlMs
    this.#random = random
  }

  /**
   * Seals a state for one caller and one request. `once` (the default) makes it good for one redemption; leave it only
   * where redeeming twice does no more than redeeming once.
   *
   * @throws MisuseError where the state is no JSON or too large, StoreUnavailableError
   */
  async seal(
    state: unknown,
    binding: RequestBinding,
    { once = true }: { readonly once?: boolean } = {},
  ): Promise<string> {
    const bound = await this.#boundTo(binding)
    const sealed: Sealed = {
      nonce: this.#random(16).toString('base64url'),
      ends: (await this.#sessions.now()) + this.#ttlMs,
      once,
      state,
    }
    const text = Buffer.from(JSON.stringify(sealed))
    if (state === undefined || text.length > maxStateBytes) throw new MisuseError('a state is JSON of at most 16 KiB')
    const id = this.#keys.current
    const iv = this.#random(ivBytes)
    const cipher = createCipheriv('aes-256-gcm', this.#keys.keyFor(id, purpose) as KeyObject, iv)
    cipher.setAAD(Buffer.from(bound))
    const body = Buffer.concat([iv, cipher.update(text), cipher.final(), cipher.getAuthTag()])
    return `${version}.${id}.${body.toString('base64url')}`
  }

  /**
   * Opens a state that came back and, where it is good once, takes it: of any number of redemptions at once, on any
   * number of processes, one gets it. Do what it is for only after this.
   *
   * @throws StoreUnavailableError, BusyError where the store cannot promise to remember the redemption
   */
  async unseal<State = unknown>(presented: unknown, binding: RequestBinding): Promise<Unsealed<State>> {
    const parts = partsOf(presented)
    if (!parts) return { good: false, reason: 'malformed' }
    const sealed = this.#decrypt(parts, await this.#boundTo(binding))
    if (!sealed) return { good: false, reason: 'refused' }
    const left = sealed.ends - (await this.#sessions.now())
    if (left <= 0) return { good: false, reason: 'expired' }
    if (sealed.once && !(await this.#sessions.consume(`request state ${sealed.nonce}`, left)))
      return { good: false, reason: 'used' }
    return { good: true, state: sealed.state as State }
  }

  /** With the epochs: after a reset of the agent's context, or once all of the principal is revoked, nothing opens. */
  async #boundTo({ principal, agent, method, name, arguments: given }: RequestBinding): Promise<string> {
    const rememberMs = Math.max(this.#ttlMs, this.#sessions.settings.absoluteTimeoutMs)
    const epoch = await this.#sessions.epochOf(principal, agent, rememberMs)
    const owner = principalKey(principal)
    const digest = sha256(canonicalJson(given ?? null))
    const instance = agent === undefined ? '' : agentKey(agent)
    return JSON.stringify([version, this.#audience, owner, instance, epoch, method, name, digest])
  }

  #decrypt({ id, body }: { id: string; body: Buffer }, bound: string): Sealed | undefined {
    const key = this.#keys.keyFor(id, purpose)
    if (!key) return undefined
    const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, ivBytes), { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(bound))
    decipher.setAuthTag(body.subarray(-tagBytes))
    try {
      const text = Buffer.concat([decipher.update(body.subarray(ivBytes, -tagBytes)), decipher.final()])
      return JSON.parse(text.toString()) as Sealed
    } catch {
      return undefined
    }
  }
}

function partsOf(presented: unknown): { id: string; body: Buffer } | undefined {
  if (typeof presented !== 'string' || presented.length > maxSealedLength) return undefined
  const [, id, encoded] = form.exec(presented) ?? []
  if (id === undefined || encoded === undefined) return undefined
  const body = Buffer.from(encoded, 'base64url')
  return body.toString('base64url') === encoded ? { id, body } : undefined
}
