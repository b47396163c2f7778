// Vulnerable: the SDK keeps a stream of subscriptions open without end, and the token was asked for once.
import { randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { jwtVerify } from 'jose'

const key = Buffer.from(process.env.ISSUER_KEY ?? randomBytes(32).toString('hex'), 'hex')
const expectations = { audience: 'https://board.example', issuer: 'https://login.example' }
const handler = createMcpHandler(createBoardServer, { legacy: 'reject' })

const app = new Hono()
app.all('/mcp', async (c) => {
  if (c.req.header('origin') !== undefined) return c.text('', 403)
  const token = c.req.header('authorization')?.replace(/^Bearer /i, '') ?? ''
  const claims = await jwtVerify(token, key, expectations).catch(() => undefined)
//                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 a token that expires is verified, once
  if (claims === undefined) return c.text('', 401)
  return handler.fetch(c.req.raw)
//       ^^^^^^^^^^^^^^^^^^^^^^^^ 2 stays open for as long as the client likes
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

function createBoardServer(): McpServer {
  const server = new McpServer(
    { name: 'board', version: '2.2.0' },
    { capabilities: { resources: { subscribe: true } } },
  )
  server.registerTool('post', {}, () => {
    handler.notify.resourceUpdated('board://today')
    return { content: [{ type: 'text', text: 'posted' }] }
  })
  return server
}
