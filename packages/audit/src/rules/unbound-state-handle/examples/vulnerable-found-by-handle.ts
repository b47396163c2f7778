// Vulnerable: a cart opens for whoever names it.
import { createHash, randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import {
  type AuthInfo,
  type ServerContext,
  createMcpHandler,
  hostHeaderValidationResponse,
  McpServer,
  requireBearerAuth,
} from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { z } from 'zod'

const AUDIENCE = 'https://shop.example/mcp'
const IDLE_TIMEOUT_MS = 30 * 60_000
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))

interface Cart {
  items: string[]
  owner: string
  usedAt: number
}

const carts = new Map<string, Cart>()

function createShop(): McpServer {
  const server = new McpServer({ name: 'shop', version: '1.0.0' })
  server.registerTool('cart_create', { description: 'A new cart.' }, async (ctx) => {
    const cart = randomUUID()
    carts.set(cart, { items: [], owner: callerOf(ctx), usedAt: Date.now() })
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 kept under a new handle
    return text(cart)
  })
  const inCart = z.object({ cart: z.string(), item: z.string() })
  server.registerTool('cart_add', { inputSchema: inCart }, async ({ cart, item }, ctx) => {
    const found = carts.get(cart)
//                ^^^^^^^^^^^^^^^ 2 looked up by the argument alone
    if (found === undefined) return unknownCart(callerOf(ctx))
    found.items.push(item)
//  ^^^^^^^^^^^^^^^^^^^^^^ 3 changed without comparing the owner
    found.usedAt = Date.now()
//  ^^^^^^^^^^^^ 4 changed without comparing the owner
    return text('added')
  })
  server.registerTool('cart_show', { inputSchema: z.object({ cart: z.string() }) }, async ({ cart }, ctx) => {
    const found = carts.get(cart)
//                ^^^^^^^^^^^^^^^ 5 looked up by the argument alone
    if (found === undefined) return unknownCart(callerOf(ctx))
    return text(found.items.join(', '))
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 6 answered without comparing the owner
  })
  return server
}

const text = (content: string) => ({ content: [{ type: 'text' as const, text: content }] })
const unknownCart = (user: string) => ({ ...text(`${user} has no such cart`), isError: true })

function callerOf(ctx: ServerContext): string {
  return String(ctx.http?.authInfo?.extra?.['sub'])
}

async function verifyAccessToken(token: string): Promise<AuthInfo> {
  const user = users.get(digest(token))
  if (user === undefined) throw new Error('unknown token')
  const expiresAt = Date.now() / 1000 + 60
  return { token, clientId: 'shop-app', scopes: [], expiresAt, resource: new URL(AUDIENCE), extra: { sub: user } }
}

const gate = requireBearerAuth({ verifier: { verifyAccessToken }, expectedResource: new URL(AUDIENCE) })
const handler = createMcpHandler(createShop, { legacy: 'reject' })
const app = new Hono()
app.all('/mcp', async (c) => {
  const refusal = hostHeaderValidationResponse(c.req.raw, ['localhost', '127.0.0.1'])
  if (refusal !== undefined) return refusal
  const authInfo = await gate(c.req.raw)
  if (authInfo instanceof Response) return authInfo
  return handler.fetch(c.req.raw, { authInfo })
})

setInterval(() => {
  for (const [id, { usedAt }] of carts) if (Date.now() - usedAt > IDLE_TIMEOUT_MS) carts.delete(id)
}, 60_000).unref()

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})
