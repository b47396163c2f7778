// SDK v2, revision 2026-07-28: a payment that is asked back. STATE says how what the client carries is protected.
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createMcpHandler, createRequestStateCodec, inputRequired, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

const users = new Map(Object.entries(JSON.parse(process.env.TOKENS)))
const protection = process.env.STATE
const payments = []
const redeemed = new Set()

const plain = {
  mint: async (payment) => Buffer.from(JSON.stringify(payment)).toString('base64url'),
}
const codec = createRequestStateCodec({
  key: randomBytes(32),
  ttlSeconds: 300,
  ...(protection === 'person' || protection === 'once' ? { bind: callerOf } : {}),
})
const minting = protection === 'plain' ? plain : codec

function createPayments() {
  const server = new McpServer(
    { name: 'payments', version: '1.0.0' },
    protection === 'plain' ? {} : { requestState: { verify: codec.verify } },
  )
  const inputSchema = z.object({ to: z.string(), amount: z.number() })
  server.registerTool('pay_send', { inputSchema }, async ({ to, amount }, ctx) => {
    const given = ctx.mcpReq.requestState()
    if (given === undefined) return ask(await minting.mint({ id: randomUUID(), to, amount }, ctx))
    const payment = protection === 'plain' ? JSON.parse(Buffer.from(given, 'base64url').toString()) : given
    if (ctx.mcpReq.inputResponses?.approval?.action !== 'accept') return refused('not approved')
    if (protection === 'once' && redeemed.has(payment.id)) return refused('sent already')
    redeemed.add(payment.id)
    payments.push(`${payment.amount} to ${payment.to}`)
    return said(`sent ${payment.amount} to ${payment.to}`)
  })
  server.registerTool('pay_history', { annotations: { readOnlyHint: true } }, async () => said(payments.join('\n')))
  return server
}

function ask(requestState) {
  const requestedSchema = { type: 'object', properties: { approve: { type: 'boolean' } } }
  return inputRequired({
    inputRequests: { approval: inputRequired.elicit({ message: 'Send it?', requestedSchema }) },
    requestState,
  })
}

function said(text) {
  return { content: [{ type: 'text', text }] }
}

function refused(text) {
  return { ...said(text), isError: true }
}

function callerOf(ctx) {
  return String(ctx.http?.authInfo?.extra?.sub)
}

const handler = createMcpHandler(createPayments, { legacy: 'reject' })

async function handle(req, res) {
  const token = req.headers.authorization?.replace('Bearer ', '')
  const user = users.get(token)
  if (req.headers.origin !== undefined) return res.writeHead(403).end()
  if (user === undefined) return res.writeHead(401).end()
  const body = []
  for await (const chunk of req) body.push(chunk)
  const request = new Request(`http://${req.headers.host}${req.url}`, {
    method: req.method,
    headers: Object.entries(req.headers).map(([name, value]) => [name, String(value)]),
    ...(body.length > 0 && { body: Buffer.concat(body) }),
  })
  const authInfo = { token, clientId: 'app', scopes: [], expiresAt: Date.now() / 1000 + 60, extra: { sub: user } }
  const response = await handler.fetch(request, { authInfo })
  res.writeHead(response.status, Object.fromEntries(response.headers))
  if (response.body) for await (const chunk of response.body) res.write(chunk)
  res.end()
}

createServer((req, res) => {
  handle(req, res).catch(() => res.writeHead(500).end())
}).listen(3000)
