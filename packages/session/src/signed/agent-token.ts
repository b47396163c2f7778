/**
 * Tokens that only one agent instance can use: named, short, dead with the agent's context, and never a credential of
 * their own. They say which of a principal's agents is calling; the principal proves itself beside them.
 */
import { MisuseError } from '../errors.ts'
import { principalKey, type Principal } from '../principal.ts'
import { randomBytes, type RandomBytes } from '../random.ts'
import type { Sessions } from '../sessions.ts'
import type { KeyRing } from './key-ring.ts'

export interface AgentTokenOptions {
  readonly sessions: Sessions
  readonly keys: KeyRing
  /** The server that the tokens are for: a token for one is nothing to another with the same keys. */
  readonly audience: string
  /** 15 minutes unless said otherwise. */
  readonly ttlMs?: number
}

/** What a token says about its bearer. */
export interface AgentClaims {
  readonly agent: string
  /** The agent that handed this on, where it was handed on. */
  readonly from?: string
  /** What it may be used for; undefined for all that the agent may. */
  readonly scopes?: readonly string[]
  /** The session that it ends with. */
  readonly session?: string
  /** Milliseconds since 1970, by the store's clock. */
  readonly expiresAt: number
}

export interface MintRequest {
  readonly principal: Principal
  readonly agent: string
  readonly scopes?: readonly string[]
  /** Reference of the session that the token is for. */
  readonly session?: string
}

/** What the request proves beside the token. */
export interface TokenContext {
  readonly principal: Principal
  /** The agent instance that the caller says it is. */
  readonly agent: string
  /** Reference of the session that the request is in. */
  readonly session?: string
  readonly scope?: string
}

export type TokenVerdict =
  | { readonly valid: true; readonly claims: AgentClaims }
  | {
      readonly valid: false
      /** For events; the caller gets a 401 whatever it is. */
      readonly reason: 'malformed' | 'forged' | 'foreign' | 'expired' | 'revoked' | 'scope'
    }

export interface HandOffRequest {
  /** The agent that gets the token. */
  readonly agent: string
  /** At most those of the token that is handed on. */
  readonly scopes: readonly string[]
  /** At most what is left of it. */
  readonly ttlMs?: number
}

interface Payload {
  readonly agent: string
  readonly nonce: string
  readonly owner: string
  readonly audience: string
  readonly ends: number
  readonly epoch: string
  readonly scopes?: readonly string[]
  readonly session?: string
  readonly from?: string
  readonly fromEpoch?: string
}

const version = 'at1'
const purpose = 'agent token'
const maxTokenLength = 8192
const maxScopes = 32
const form = /^at1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/

export function createAgentTokens(options: AgentTokenOptions, random: RandomBytes = randomBytes): AgentTokens {
  return new AgentTokens(options, random)
}

export class AgentTokens {
  readonly #sessions: Sessions
  readonly #keys: KeyRing
  readonly #audience: string
  readonly #ttlMs: number
  readonly #random: RandomBytes

  constructor({ sessions, keys, audience, ttlMs = 15 * 60_000 }: AgentTokenOptions, random: RandomBytes) {
    if (audience === '') throw new MisuseError('a token is for one server: name it')
    if (!(ttlMs > 0 && ttlMs <= sessions.settings.absoluteTimeoutMs))
      throw new MisuseError('a token lives for some time, and for less than a session')
    this.#sessions = sessions
    this.#keys = keys
    this.#audience = audience
    this.#ttlMs = ttlMs
    this.#random = random
  }

  /** A token for an agent instance of a principal. @throws StoreUnavailableError, MisuseError for a name out of bounds */
  async mint({ principal, agent, scopes, session }: MintRequest): Promise<string> {
    const { epoch, now } = await this.#standing(principal, agent)
    return this.#sign({
      agent,
      nonce: this.#nonce(),
      owner: principalKey(principal),
      audience: this.#audience,
      ends: now + this.#ttlMs,
      epoch,
      ...(scopes && { scopes: bounded(scopes) }),
      ...(session !== undefined && { session }),
    })
  }

  /**
   * Whether the token is one of ours, for this server, this principal, this agent instance and this session, within its
   * time, and neither agent was reset since.
   *
   * @throws StoreUnavailableError
   */
  async verify(presented: unknown, context: TokenContext): Promise<TokenVerdict> {
    const payload = this.#open(presented)
    if (typeof payload === 'string') return { valid: false, reason: payload }
    const isTheirs =
      payload.audience === this.#audience &&
      payload.owner === principalKey(context.principal) &&
      payload.agent === context.agent &&
      (payload.session === undefined || payload.session === context.session)
    if (!isTheirs) return { valid: false, reason: 'foreign' }
    const { epoch, now } = await this.#standing(context.principal, payload.agent)
    if (now >= payload.ends) return { valid: false, reason: 'expired' }
    if (epoch !== payload.epoch || !(await this.#giverStands(context.principal, payload)))
      return { valid: false, reason: 'revoked' }
    if (context.scope !== undefined && payload.scopes && !payload.scopes.includes(context.scope))
      return { valid: false, reason: 'scope' }
    return { valid: true, claims: claimsOf(payload) }
  }

  /**
   * A token for a sub-agent: for less, for a shorter time, and not to be handed on again. It dies with the context of
   * either.
   *
   * @throws MisuseError where the token does not hold, was handed on already, or less is asked for than there is
   */
  async handOff(token: string, context: TokenContext, request: HandOffRequest): Promise<string> {
    const verdict = await this.verify(token, context)
    if (!verdict.valid) throw new MisuseError('only a token that holds can be handed on')
    const { claims } = verdict
    if (claims.from !== undefined) throw new MisuseError('what was handed on cannot be handed on again')
    if (request.scopes.some((scope) => claims.scopes && !claims.scopes.includes(scope)))
      throw new MisuseError('no more can be handed on than there is')
    const giver = await this.#standing(context.principal, claims.agent)
    const { epoch, now } = await this.#standing(context.principal, request.agent)
    return this.#sign({
      agent: request.agent,
      nonce: this.#nonce(),
      owner: principalKey(context.principal),
      audience: this.#audience,
      ends: Math.min(claims.expiresAt, now + (request.ttlMs ?? this.#ttlMs)),
      epoch,
      scopes: bounded(request.scopes),
      ...(claims.session !== undefined && { session: claims.session }),
      from: claims.agent,
      fromEpoch: giver.epoch,
    })
  }

  async #standing(principal: Principal, agent: string): Promise<{ epoch: string; now: number }> {
    const epoch = await this.#sessions.epochOf(principal, agent, this.#sessions.settings.absoluteTimeoutMs)
    return { epoch, now: await this.#sessions.now() }
  }

  async #giverStands(principal: Principal, { from, fromEpoch }: Payload): Promise<boolean> {
    return from === undefined || (await this.#standing(principal, from)).epoch === fromEpoch
  }

  #nonce(): string {
    return this.#random(16).toString('base64url')
  }

  /** The payload is encoded before it is signed, so that no name can pass for a separator. */
  #sign(payload: Payload): string {
    const body = Buffer.from(JSON.stringify(payload)).toString('base64url')
    const { id, mac } = this.#keys.sign(purpose, body)
    const token = `${version}.${id}.${body}.${mac}`
    if (token.length > maxTokenLength) throw new MisuseError('the names in this token are too long for a header')
    return token
  }

  #open(presented: unknown): Payload | 'malformed' | 'forged' {
    if (typeof presented !== 'string' || presented.length > maxTokenLength) return 'malformed'
    const [, id, body, mac] = form.exec(presented) ?? []
    if (id === undefined || body === undefined || mac === undefined) return 'malformed'
    if (!this.#keys.verify(purpose, id, body, mac)) return 'forged'
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as Payload
  }
}

function bounded(scopes: readonly string[]): readonly string[] {
  if (scopes.length > maxScopes) throw new MisuseError(`a token has at most ${maxScopes} scopes`)
  return scopes
}

function claimsOf({ agent, from, scopes, session, ends }: Payload): AgentClaims {
  return {
    agent,
    expiresAt: ends,
    ...(from !== undefined && { from }),
    ...(scopes && { scopes }),
    ...(session !== undefined && { session }),
  }
}
