import type { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

const IDLE_TIMEOUT_MS = 15 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

export interface Session {
  readonly transport: StreamableHTTPServerTransport
  readonly owner: string
  readonly openedAt: number
  usedAt: number
}

/** Sessions by ID, each with its owner and its time. */
export class SessionStore {
  private readonly sessions = new Map<string, Session>()

  add(id: string, transport: StreamableHTTPServerTransport, owner: string): void {
    this.sessions.set(id, { transport, owner, openedAt: Date.now(), usedAt: Date.now() })
  }

  isValid(id: string): boolean {
    const session = this.sessions.get(id)
//                  ^^^^^^^^^^^^^^^^^^^^^ 1 looked up by its ID alone
    return session !== undefined && isAlive(session)
  }

  get(id: string): Session | undefined {
    const session = this.sessions.get(id)
    if (session !== undefined) session.usedAt = Date.now()
    return session
  }

  remove(id: string): void {
    this.sessions.delete(id)
  }

  sweep(): void {
    for (const [id, session] of this.sessions) {
      if (isAlive(session)) continue
      this.sessions.delete(id)
      void session.transport.close()
    }
  }
}

function isAlive(session: Session): boolean {
  const now = Date.now()
  return now - session.usedAt <= IDLE_TIMEOUT_MS && now - session.openedAt <= ABSOLUTE_TIMEOUT_MS
}
