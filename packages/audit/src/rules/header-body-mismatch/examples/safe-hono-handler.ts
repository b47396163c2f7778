// Safe: only modern requests are served, and of those the SDK answers 400 where header and body differ.
import { createHash, randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { Hono } from 'hono'

const roleByDigest = readRoles(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'reader' }))
const methodsOfReaders = ['server/discover', 'tools/list', 'resources/list', 'resources/read']

const handler = createMcpHandler(createArchiveServer, { legacy: 'reject' })

const app = new Hono()
app.all('/mcp', async (c) => {
  if (c.req.header('origin') !== undefined) return c.text('', 403)
  const role = roleByDigest.get(sha256(c.req.header('authorization')?.replace(/^Bearer /i, '') ?? ''))
  if (role === undefined) return c.text('', 401)
  const method = c.req.header('mcp-method') ?? ''
  if (role === 'reader' && !methodsOfReaders.includes(method)) return c.text('', 403)
  return handler.fetch(c.req.raw)
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
