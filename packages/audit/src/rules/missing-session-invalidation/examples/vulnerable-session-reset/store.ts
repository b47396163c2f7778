/** Sessions in memory: opaque ID to record, with an idle and an absolute limit. */
import { randomBytes } from 'node:crypto'

export interface Session {
  readonly id: string
  readonly user: string
  readonly openedAt: number
  lastSeenAt: number
  readonly basket: string[]
}

const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 30 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000)

export class SessionStore {
  private readonly sessions = new Map<string, Session>()
//                            ^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 sessions are kept here

  create(user: string): Session {
    const now = Date.now()
    const id = randomBytes(32).toString('base64url')
    const session: Session = { id, user, openedAt: now, lastSeenAt: now, basket: [] }
    this.sessions.set(id, session)
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 a session is added
    return session
  }

  /** The live session of that ID, if it is this user's. */
  find(id: string, user: string): Session | undefined {
    const session = this.sessions.get(id)
    if (session === undefined || session.user !== user) return undefined
    const now = Date.now()
    if (now - session.lastSeenAt > idleTimeoutMs || now - session.openedAt > absoluteTimeoutMs) {
      this.sessions.delete(id)
//    ^^^^^^^^^^^^^^^^^^^^^^^^ 5 removed only when its time is over
      return undefined
    }
    session.lastSeenAt = now
    return session
  }
}
