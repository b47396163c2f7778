// What every server here offers: a note that belongs to one session. Loaded by the servers beside it.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'

/** The users, by their bearer tokens. */
export const users = new Map(Object.entries(JSON.parse(process.env.TOKENS)))

/** Who calls, by a bearer header. */
export function callerOf(authorization) {
  return users.get(authorization?.replace(/^Bearer /, ''))
}

export function createNotes() {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  let note = ''
  server.registerTool('note_put', { inputSchema: { text: z.string() } }, ({ text }) => {
    note = text
    return { content: [{ type: 'text', text: 'written' }] }
  })
  server.registerTool('note_get', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: note }],
  }))
  return server
}
