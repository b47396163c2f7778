import { randomUUID } from 'node:crypto'
import type { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

const IDLE_TIMEOUT_MS = 30 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

export interface Session {
  readonly id: string
  readonly owner: string
  readonly openedAt: number
  seenAt: number
  transport?: StreamableHTTPServerTransport
}

export class SessionStore {
  private readonly sessions = new Map<string, Session>()

  open(owner: string, id: string = randomUUID()): Session {
    const session = { id, owner, openedAt: Date.now(), seenAt: Date.now() }
    this.sessions.set(id, session)
    return session
  }

  find(id: string): Session | undefined {
    return this.sessions.get(id)
  }

  close(id: string): void {
    const session = this.sessions.get(id)
    this.sessions.delete(id)
    void session?.transport?.close()
  }

  closeExpired(now: number): void {
    for (const { id, seenAt, openedAt } of this.sessions.values()) {
      if (now - seenAt > IDLE_TIMEOUT_MS || now - openedAt > ABSOLUTE_TIMEOUT_MS) this.close(id)
    }
  }
}
