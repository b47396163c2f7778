/** Where the server listens and whom it knows; every field can be set from the environment. */
import { createHash, randomBytes } from 'node:crypto'

export interface Config {
  readonly host: string
  readonly port: number
  readonly idleTimeoutMs: number
  readonly absoluteTimeoutMs: number
  /** User by digest of the bearer token. */
  readonly users: ReadonlyMap<string, string>
}

export function loadConfig(env = process.env, host = '0.0.0.0'): Config {
  return {
    host: env.HOST ?? host,
    port: Number(env.PORT ?? 3000),
    idleTimeoutMs: Number(env.IDLE_TIMEOUT_MS ?? 30 * 60_000),
    absoluteTimeoutMs: Number(env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000),
    users: readUsers(env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })),
  }
}

export function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function readUsers(json: string): Map<string, string> {
  const userByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(userByToken).map(([token, user]) => [digest(token), user]))
}
