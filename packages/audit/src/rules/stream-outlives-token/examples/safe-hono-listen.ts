// Safe: whatever is answered, a stream of subscriptions too, is cut off when the token is over.
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
  if (claims === undefined) return c.text('', 401)
  const left = Number(claims.payload.exp ?? 0) * 1_000 - Date.now()
  const answer = await handler.fetch(c.req.raw)
  const signal = AbortSignal.timeout(Math.max(left, 0))
  return new Response(answer.body?.pipeThrough(new TransformStream(), { signal }), answer)
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
