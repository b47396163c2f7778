/** The open sessions of the server, their owners and their age. */
import { randomUUID } from 'node:crypto'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

export interface Session {
  readonly user: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

export interface Limits {
  readonly idleTimeoutMs: number
  readonly absoluteTimeoutMs: number
}

// When sessions were opened and last used, by their transports.
const openedAt = new WeakMap<object, number>()
export const usedAt = new WeakMap<object, number>()

export class SessionRegistry {
  readonly #sessions = new Map<string, Session>()
  readonly #limits: Limits

  constructor(limits: Limits) {
    this.#limits = limits
    setInterval(() => this.#sweep(Date.now()), 1_000).unref()
    // Sessions end 30 minutes after their last use and 4 hours after they were opened.
    setInterval(() => {
      const now = Date.now()
      for (const [id, { transport }] of this.#sessions) {
        const isIdle = now - (usedAt.get(transport) ?? 0) > 30 * 60 * 1000
        const isOld = now - (openedAt.get(transport) ?? 0) > 4 * 60 * 60 * 1000
        if (!isIdle && !isOld) continue
        transport.close().catch(console.error)
        this.#sessions.delete(id)
      }
    }, 60 * 1000).unref()
  }

  async open(user: string, server: McpServer): Promise<Session> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void this.#sessions.set(id, session),
    })
    openedAt.set(transport, Date.now())
    usedAt.set(transport, Date.now())
    transport.onclose = () => this.#sessions.delete(transport.sessionId ?? '')
    const session: Session = { user, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
    await server.connect(transport)
    return session
  }

  resume(id: string, user: string): Session | undefined {
    const session = this.#sessions.get(id)
    if (session === undefined || session.user !== user) return undefined
    session.lastSeenAt = Date.now()
    return session
  }

  #sweep(now: number): void {
    for (const session of this.#sessions.values()) {
      const idle = now - session.lastSeenAt > this.#limits.idleTimeoutMs
      const old = now - session.openedAt > this.#limits.absoluteTimeoutMs
      if (idle || old) this.#sessions.delete(session.user)
    }
  }
}
