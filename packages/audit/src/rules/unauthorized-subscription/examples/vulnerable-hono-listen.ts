// Vulnerable: the SDK lets every caller listen to every URI, and news of each user's jobs go to all who listen.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { Hono } from 'hono'

const userByDigest = readUsers(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' }))
const handler = createMcpHandler(({ authInfo }) => createJobServer(authInfo?.clientId ?? 'nobody'), {
//              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 made once, for all who listen
  legacy: 'reject',
})

const app = new Hono()
app.all('/mcp', async (c) => {
  if (c.req.header('origin') !== undefined) return c.text('', 403)
  const user = userByDigest.get(sha256(c.req.header('authorization')?.replace(/^Bearer /i, '') ?? ''))
  if (user === undefined) return c.text('', 401)
  return handler.fetch(c.req.raw, { authInfo: { token: '', clientId: user, scopes: [] } })
//       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 taken as named, whoever asks
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

function createJobServer(user: string): McpServer {
  const server = new McpServer({ name: 'jobs', version: '0.4.0' }, { capabilities: { resources: { subscribe: true } } })
  server.registerTool('run', {}, () => {
    handler.notify.resourceUpdated(`jobs://${user}/last`)
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 told to all who named it
    return { content: [{ type: 'text', text: `started ${randomUUID()}` }] }
  })
  return server
}

function readUsers(json: string): Map<string, string> {
  const userByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(userByToken).map(([token, user]) => [sha256(token), user]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
