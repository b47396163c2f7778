import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'

const notes = new Map<string, string[]>()

export function createNotesServer(user: string): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })

  server.registerTool('note_put', { description: 'Keep a note', inputSchema: { text: z.string() } }, ({ text }) => {
    notes.set(user, [...(notes.get(user) ?? []), text])
    return { content: [{ type: 'text', text: 'kept' }] }
  })

  server.registerTool('note_list', { description: 'List your notes' }, () => {
    return { content: [{ type: 'text', text: (notes.get(user) ?? []).join('\n') }] }
  })

  return server
}
