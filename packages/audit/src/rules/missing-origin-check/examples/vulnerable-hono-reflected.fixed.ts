// Vulnerable: Host is checked, but whichever page asks is told that it may send cookies and read the answer.
import { serve } from '@hono/node-server'
import { createMcpHandler, hostHeaderValidationResponse, McpServer } from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { cors } from 'hono/cors'

const handler = createMcpHandler(createClock)

const app = new Hono()
app.use(cors({ origin: (process.env.ALLOWED_ORIGINS ?? '').split(','), credentials: true }))
app.all('/mcp', async (c) => {
  const refusal = hostHeaderValidationResponse(c.req.raw, ['localhost', '127.0.0.1'])
  if (refusal !== undefined) return refusal
  return handler.fetch(c.req.raw)
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

function createClock(): McpServer {
  const server = new McpServer({ name: 'clock', version: '1.0.0' })
  server.registerTool('now', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: new Date().toISOString() }],
  }))
  return server
}
