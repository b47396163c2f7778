// Vulnerable: the state is a signed token, of which only the content is read.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import {
  type AuthInfo,
  type ServerContext,
  createMcpHandler,
  hostHeaderValidationResponse,
  inputRequired,
  McpServer,
  requireBearerAuth,
} from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { SignJWT, decodeJwt } from 'jose'

const AUDIENCE = 'https://desk.example/mcp'
const TOOL = 'desk_reserve'
const key = randomBytes(32)
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))

class Desks {
  private readonly reserved = new Map<string, string>()

  reserve(desk: string, user: string): string {
    this.reserved.set(desk, user)
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 4 acted upon, unproven
    return `${desk} is yours`
  }
}

class Rounds {
  mint(user: string, desk: string): Promise<string> {
    const token = new SignJWT({ desk }).setProtectedHeader({ alg: 'HS256' }).setSubject(user).setAudience(TOOL)
    return token.setExpirationTime('5m').sign(key)
  }

  async redeem(state: string, user: string): Promise<string> {
    const { desk, sub } = decodeJwt<{ desk: string }>(state)
//                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 taken apart, unproven
    if (sub !== user) throw new Error('not yours')
    return desk
  }
}

const desks = new Desks()
const rounds = new Rounds()

function createDesks(): McpServer {
  const server = new McpServer({ name: 'desks', version: '1.0.0' })
  server.registerTool(TOOL, { description: 'Reserves the free desk, after asking.' }, async (ctx) => {
    const state = ctx.mcpReq.requestState<string>()
//                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 comes back, as the client likes it
    const user = callerOf(ctx)
    if (!state || !ctx.mcpReq.inputResponses) return ask(await rounds.mint(user, `desk ${new Date().getDate()}`))
    const desk = await rounds.redeem(state, user)
    return { content: [{ type: 'text', text: desks.reserve(desk, user) }] }
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 5 the answer is made of it, unproven
  })
  return server
}

function ask(requestState: string) {
  const sure = inputRequired.elicit({ message: 'Take it?', requestedSchema: { type: 'object', properties: {} } })
  return inputRequired({ inputRequests: { sure }, requestState })
//                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 given to the client to carry
}

function callerOf(ctx: ServerContext): string {
  return String(ctx.http?.authInfo?.extra?.['sub'])
}

async function verifyAccessToken(token: string): Promise<AuthInfo> {
  const user = users.get(digest(token))
  if (user === undefined) throw new Error('unknown token')
  const expiresAt = Date.now() / 1000 + 60
  return { token, clientId: 'desk-app', scopes: [], expiresAt, resource: new URL(AUDIENCE), extra: { sub: user } }
}

const gate = requireBearerAuth({ verifier: { verifyAccessToken }, expectedResource: new URL(AUDIENCE) })
const handler = createMcpHandler(createDesks, { legacy: 'reject' })
const app = new Hono()
app.all('/mcp', async (c) => {
  const refusal = hostHeaderValidationResponse(c.req.raw, ['localhost', '127.0.0.1'])
  if (refusal !== undefined) return refusal
  const authInfo = await gate(c.req.raw)
  if (authInfo instanceof Response) return authInfo
  return handler.fetch(c.req.raw, { authInfo })
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})
