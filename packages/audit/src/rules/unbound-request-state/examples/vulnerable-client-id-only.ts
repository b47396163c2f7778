// Vulnerable: the state is bound to the application, which Alice and Mallory share.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import {
  type AuthInfo,
  type ServerContext,
  createMcpHandler,
  createRequestStateCodec,
  hostHeaderValidationResponse,
  inputRequired,
  McpServer,
  requireBearerAuth,
} from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { z } from 'zod'

const AUDIENCE = 'https://pay.example/mcp'
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))

interface Payment {
  id: string
  to: string
  amount: number
}

const payments: { to: string; amount: number; by: string }[] = []
const redeemed = new Set<string>()
const codec = createRequestStateCodec<Payment>({
//            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 shown to be genuine
  key: randomBytes(32),
  ttlSeconds: 300,
  bind: (ctx) => `${ctx.mcpReq.method} ${ctx.http?.authInfo?.clientId ?? ''}`,
})

function createPayments(): McpServer {
  const options = { requestState: { verify: codec.verify } }
  const server = new McpServer({ name: 'payments', version: '1.0.0' }, options)
  const inputSchema = z.object({ to: z.string(), amount: z.number() })
  server.registerTool('pay_send', { inputSchema }, async ({ to, amount }, ctx) => {
    const payment = ctx.mcpReq.requestState<Payment>()
//                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 comes back
    if (payment === undefined) return ask(await codec.mint({ id: randomUUID(), to, amount }, ctx))
    if (!approved(ctx)) return refused('not approved')
    if (redeemed.has(payment.id)) return refused('already sent')
    redeemed.add(payment.id)
    payments.push({ to: payment.to, amount: payment.amount, by: callerOf(ctx) })
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 4 acted upon; the caller never compared
    return { content: [{ type: 'text', text: `sent ${payment.amount} to ${payment.to}` }] }
  })
  return server
}

function ask(requestState: string) {
  const approval = inputRequired.elicit({
    message: 'Send it?',
    requestedSchema: { type: 'object', properties: { approve: { type: 'boolean' } } },
  })
  return inputRequired({ inputRequests: { approval }, requestState })
//                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 given to the client to carry
}

const approved = (ctx: ServerContext) => (ctx.mcpReq.inputResponses?.['approval'] as any)?.content?.approve === true
const refused = (text: string) => ({ isError: true, content: [{ type: 'text' as const, text }] })

function callerOf(ctx: ServerContext): string {
  return String(ctx.http?.authInfo?.extra?.['sub'])
}

async function verifyAccessToken(token: string): Promise<AuthInfo> {
  const user = users.get(digest(token))
  if (user === undefined) throw new Error('unknown token')
  const expiresAt = Date.now() / 1000 + 60
  return { token, clientId: 'pay-app', scopes: [], expiresAt, resource: new URL(AUDIENCE), extra: { sub: user } }
}

const gate = requireBearerAuth({ verifier: { verifyAccessToken }, expectedResource: new URL(AUDIENCE) })
const handler = createMcpHandler(createPayments, { legacy: 'reject' })
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
