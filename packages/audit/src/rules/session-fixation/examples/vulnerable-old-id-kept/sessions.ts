import { randomBytes } from 'node:crypto'

const IDLE_TIMEOUT_MS = 20 * 60_000
const ABSOLUTE_TIMEOUT_MS = 10 * 60 * 60_000

export interface Session {
  user?: string
  language: string
  readonly openedAt: number
  seenAt: number
}

const sessions = new Map<string, Session>()
//               ^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 the session exists before login

export function open(language: string): string {
  const id = randomBytes(32).toString('base64url')
  sessions.set(id, { language, openedAt: Date.now(), seenAt: Date.now() })
  return id
}

export function find(id: string | undefined): Session | undefined {
  const session = id === undefined ? undefined : sessions.get(id)
  if (session) session.seenAt = Date.now()
  return session
}

/** Gives the session a new ID. */
export function rotate(session: Session): string {
  const fresh = randomBytes(32).toString('base64url')
  sessions.set(fresh, session)
//^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 stored under a new ID; the old one stays
  return fresh
}

export function close(id: string): void {
  sessions.delete(id)
}

export function closeExpired(now: number): void {
  for (const [id, session] of sessions) {
    if (now - session.seenAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) close(id)
  }
}
