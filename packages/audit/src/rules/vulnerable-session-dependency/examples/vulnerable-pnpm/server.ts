// Vulnerable: the lockfile of pnpm holds the SDK to 2.1.0, which may answer the wrong client.
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer, originValidationResponse } from '@modelcontextprotocol/server'
//                                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 pinned to 2.1.0, mended in 2.3.0
import { Hono } from 'hono'

const handler = createMcpHandler(createClock)

const app = new Hono()
app.all('/mcp', async (c) => originValidationResponse(c.req.raw, ['localhost']) ?? handler.fetch(c.req.raw))

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
