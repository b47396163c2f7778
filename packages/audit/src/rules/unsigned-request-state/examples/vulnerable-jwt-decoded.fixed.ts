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
  createRequestStateCodec,
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
    if (sub !== user) throw new Error('not yours')
    return desk
  }
}

const desks = new Desks()
const rounds = new Rounds()

/** State that a client carries, for its caller and its request. Several instances of this server need one key. */
const sealed = createRequestStateCodec<{ id: string; state: string }>({
  key: randomBytes(32),
  bind: (ctx) =>
    JSON.stringify([
      ctx.mcpReq.method,
      ctx.http?.req?.headers.get('mcp-name'),
      ctx.http?.authInfo?.clientId,
      ctx.http?.authInfo?.extra?.sub
    ])
})

/** States that came back already, for as long as they would be good. */
const redeemed = new Set<string>()
const requestStates: ReturnType<typeof createRequestStateCodec<string>> = {
  mint: (state, ctx) => sealed.mint({ id: randomUUID(), state }, ctx),
  verify: async (text, ctx) => {
    const { id, state } = await sealed.verify(text, ctx)
    if (redeemed.has(id)) throw new Error('This requestState was redeemed before.')
    redeemed.add(id)
    setTimeout(() => redeemed.delete(id), 600_000).unref()
    return state
  }
}

function createDesks(): McpServer {
  const server = new McpServer({ name: 'desks', version: '1.0.0' }, { requestState: { verify: requestStates.verify } })
  server.registerTool(TOOL, { description: 'Reserves the free desk, after asking.' }, async (ctx) => {
    const state = ctx.mcpReq.requestState<string>()
    const user = callerOf(ctx)
    if (!state || !ctx.mcpReq.inputResponses) return ask(await requestStates.mint(await rounds.mint(user, `desk ${new Date().getDate()}`), ctx))
    const desk = await rounds.redeem(state, user)
    return { content: [{ type: 'text', text: desks.reserve(desk, user) }] }
  })
  return server
}

function ask(requestState: string) {
  const sure = inputRequired.elicit({ message: 'Take it?', requestedSchema: { type: 'object', properties: {} } })
  return inputRequired({ inputRequests: { sure }, requestState })
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
