// Sessions that belong to who opened them, for servers that know who calls. Loaded by the servers beside it.
import { randomUUID } from 'node:crypto'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createNotes } from './notes.mjs'

/** By their IDs. */
export const sessions = new Map()

/** The transport of a session that will be `user`'s. */
export async function opened(user) {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => sessions.set(id, { transport, user }),
  })
  transport.onclose = () => sessions.delete(transport.sessionId)
  await createNotes().connect(transport)
  return transport
}
