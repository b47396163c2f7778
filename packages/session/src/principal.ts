/** Who a session belongs to, and how two callers are told apart. */
import { sha256 } from './digest.ts'
import { MisuseError } from './errors.ts'

/**
 * Who the verified credential of a request says the caller is. Every field comes from the credential; nothing that the
 * request merely claims belongs here.
 */
export interface Principal {
  /** Who vouches for the subject: the `iss` of a token, or a name for the own login. */
  readonly issuer: string
  /** The user or service: the `sub` of a token. */
  readonly subject: string
  /** The OAuth client or application that acts for the subject; the empty string where there is only one. */
  readonly client: string
}

const maxFieldLength = 2048
const keys = new WeakMap<Principal, string>()

/**
 * The name under which stores know a principal. Fields are encoded before they are hashed, so that no choice of
 * separators makes two principals one, and a store does not tell who its users are.
 *
 * @throws MisuseError where a field is missing, empty (save the client) or beyond 2048 characters
 */
export function principalKey(principal: Principal): string {
  const known = keys.get(principal)
  if (known !== undefined) return known
  const { issuer, subject, client } = principal
  requireText('issuer', issuer, 1)
  requireText('subject', subject, 1)
  requireText('client', client, 0)
  const key = sha256(JSON.stringify([issuer, subject, client]))
  // A principal that can still change must be read again each time.
  if (Object.isFrozen(principal)) keys.set(principal, key)
  return key
}

/**
 * The name under which stores know an agent instance, within its principal.
 *
 * @throws MisuseError where the name is empty or beyond 2048 characters
 */
export function agentKey(agent: string): string {
  requireText('agent', agent, 1)
  return sha256(agent)
}

function requireText(field: string, value: unknown, min: number): void {
  if (typeof value !== 'string' || value.length < min || value.length > maxFieldLength)
    throw new MisuseError(`principal: ${field} must be a string of ${min} to ${maxFieldLength} characters`)
}
