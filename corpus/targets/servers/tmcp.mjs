// TMCP as its readme starts it, behind a bearer token; a note that belongs to a session, by the ID that TMCP hands to tools.
import { createServer } from 'node:http'
import { ZodJsonSchemaAdapter } from '@tmcp/adapter-zod'
import { HttpTransport } from '@tmcp/transport-http'
import { toNodeHandler } from 'srvx/node'
import { McpServer } from 'tmcp'
import { z } from 'zod'

const users = new Map(Object.entries(JSON.parse(process.env.TOKENS)))
const notes = new Map()
const server = new McpServer(
  { name: 'notes', version: '1.0.0', description: 'Notes' },
  { adapter: new ZodJsonSchemaAdapter(), capabilities: { tools: {} } },
)
server.tool({ name: 'note_put', description: 'Write', schema: z.object({ text: z.string() }) }, ({ text }) => {
  notes.set(server.ctx.sessionId, text)
  return { content: [{ type: 'text', text: 'written' }] }
})
server.tool({ name: 'note_get', description: 'Read', annotations: { readOnlyHint: true } }, () => ({
  content: [{ type: 'text', text: notes.get(server.ctx.sessionId) ?? '' }],
}))

const transport = new HttpTransport(server, { path: '/mcp' })
async function respond(request) {
  const user = users.get(request.headers.get('authorization')?.replace('Bearer ', ''))
  if (user === undefined) return new Response(null, { status: 401 })
  return (await transport.respond(request, { user })) ?? new Response(null, { status: 404 })
}
createServer(toNodeHandler(respond)).listen(3000)
