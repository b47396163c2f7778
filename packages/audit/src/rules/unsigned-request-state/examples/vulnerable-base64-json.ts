// Vulnerable: what is to be deleted goes to the client as base64 and is believed when it comes back.
import { createHash, randomUUID } from 'node:crypto'
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
//                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 taken apart, unproven

function createNotes(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('note_put', { inputSchema: z.object({ text: z.string() }) }, async ({ text }, ctx) => {
    notes.set(callerOf(ctx), text)
    return { content: [{ type: 'text', text: 'kept' }] }
  })
  server.registerTool('note_delete', { description: 'Deletes your note, after asking.' }, async (ctx) => {
    const carried = ctx.mcpReq.requestState<string>()
//                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 comes back, as the client likes it
    if (carried === undefined) return ask(encode({ owner: callerOf(ctx) }))
    const pending = decode(carried)
    if (ctx.mcpReq.inputResponses?.['sure'] === undefined) return ask(carried)
    notes.delete(pending.owner)
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^ 4 acted upon, unproven
    return { content: [{ type: 'text', text: 'deleted' }] }
  })
  return server
}

function ask(requestState: string) {
  const sure = inputRequired.elicit({ message: 'Really?', requestedSchema: { type: 'object', properties: {} } })
  return inputRequired({ inputRequests: { sure }, requestState })
//                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 given to the client to carry
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
