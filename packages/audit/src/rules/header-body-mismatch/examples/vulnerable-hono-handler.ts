// Vulnerable: the SDK compares header and body of modern requests only, and older ones are served as well.
import { createHash, randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { Hono } from 'hono'

const roleByDigest = readRoles(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'reader' }))
const methodsOfReaders = ['server/discover', 'tools/list', 'resources/list', 'resources/read']

const handler = createMcpHandler(createArchiveServer)

const app = new Hono()
app.all('/mcp', async (c) => {
  if (c.req.header('origin') !== undefined) return c.text('', 403)
  const role = roleByDigest.get(sha256(c.req.header('authorization')?.replace(/^Bearer /i, '') ?? ''))
  if (role === undefined) return c.text('', 401)
  const method = c.req.header('mcp-method') ?? ''
  if (role === 'reader' && !methodsOfReaders.includes(method)) return c.text('', 403)
//                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 decided by what a header says is called
  return handler.fetch(c.req.raw)
//       ^^^^^^^^^^^^^^^^^^^^^^^^ 2 what the body calls is done
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

function createArchiveServer(): McpServer {
  const server = new McpServer({ name: 'archive', version: '3.1.0' })
  server.registerTool('archive_purge', {}, () => ({ content: [{ type: 'text', text: 'purged' }] }))
  return server
}

function readRoles(json: string): Map<string, string> {
  const roleByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(roleByToken).map(([token, role]) => [sha256(token), role]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
