// Vulnerable: what is to be deleted goes to the client as base64 and is believed when it comes back.
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
import { z } from 'zod'

const AUDIENCE = 'https://notes.example/mcp'
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const notes = new Map([['alice', 'milk, eggs']])

interface Pending {
  owner: string
}

async function verifyAccessToken(token: string): Promise<AuthInfo> {
  const user = users.get(digest(token))
  if (user === undefined) throw new Error('unknown token')
  const expiresAt = Date.now() / 1000 + 60
  return { token, clientId: 'notes-app', scopes: [], expiresAt, resource: new URL(AUDIENCE), extra: { sub: user } }
}

const encode = (pending: Pending) => Buffer.from(JSON.stringify(pending)).toString('base64url')
const decode = (text: string): Pending => JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))

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

function createNotes(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' }, { requestState: { verify: requestStates.verify } })
  server.registerTool('note_put', { inputSchema: z.object({ text: z.string() }) }, async ({ text }, ctx) => {
    notes.set(callerOf(ctx), text)
    return { content: [{ type: 'text', text: 'kept' }] }
  })
  server.registerTool('note_delete', { description: 'Deletes your note, after asking.' }, async (ctx) => {
    const carried = ctx.mcpReq.requestState<string>()
    if (carried === undefined) return ask(await requestStates.mint(encode({ owner: callerOf(ctx) }), ctx))
    const pending = decode(carried)
    if (ctx.mcpReq.inputResponses?.['sure'] === undefined) return ask(await requestStates.mint(carried, ctx))
    notes.delete(pending.owner)
    return { content: [{ type: 'text', text: 'deleted' }] }
  })
  return server
}

function ask(requestState: string) {
  const sure = inputRequired.elicit({ message: 'Really?', requestedSchema: { type: 'object', properties: {} } })
  return inputRequired({ inputRequests: { sure }, requestState })
}

function callerOf(ctx: ServerContext): string {
  return String(ctx.http?.authInfo?.extra?.['sub'])
}

const gate = requireBearerAuth({ verifier: { verifyAccessToken }, expectedResource: new URL(AUDIENCE) })
const handler = createMcpHandler(createNotes, { legacy: 'reject' })
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
