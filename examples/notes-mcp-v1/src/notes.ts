import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { sessionOf } from '@sallyport/session/mcp-v1'
import { z } from 'zod'
import { sessions } from './guard.ts'

interface Notes {
  readonly notes?: readonly string[]
}

/** The tools, for one session. What they keep is in the session. */
export function createNotesServer(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })

  server.registerTool(
    'note_put',
    { description: 'Keep a note', inputSchema: { text: z.string() } },
    async ({ text }, extra) => {
      await sessions.update<Notes>(sessionOf(extra), ({ notes = [] }) => ({ notes: [...notes, text] }))
      return { content: [{ type: 'text', text: 'kept' }] }
    },
  )

  server.registerTool('note_list', { description: 'List your notes', annotations: { readOnlyHint: true } }, (extra) => {
    const { notes = [] } = sessionOf<Notes>(extra).data
    return { content: [{ type: 'text', text: notes.join('\n') }] }
  })

  return server
}
