import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import type { Session, Visit } from '@sallyport/session'
import { z } from 'zod'
import { sessions } from './guard.ts'

export interface Notes {
  readonly notes: readonly string[]
}

/** What a client is told whose message is no JSON. */
export const parseError = { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } }

/** The session of the visit; a new one for a client that begins, and none for a client that should have begun. */
export async function sessionFor(visit: Visit<Notes>, message: unknown): Promise<Session<Notes> | undefined> {
  if (visit.session) return visit.session
  return isInitializeRequest(message) ? visit.open({ data: { notes: [] } }) : undefined
}

/** The tools, for one request in one session. What they keep is in the session, on whatever process it is found. */
export function createNotesServer(session: Session<Notes>): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })

  server.registerTool(
    'note_put',
    { description: 'Keep a note', inputSchema: { text: z.string() } },
    async ({ text }) => {
      await sessions.update(session, ({ notes }) => ({ notes: [...notes, text] }))
      return { content: [{ type: 'text', text: 'kept' }] }
    },
  )

  server.registerTool('note_list', { description: 'List your notes' }, () => {
    return { content: [{ type: 'text', text: session.data.notes.join('\n') }] }
  })

  return server
}
