// Safe: what was asked is asked for once: the second time it is no longer there.
import { createHash, createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express from 'express'

interface Params {
  name: string
  arguments?: { amount?: number }
  requestState?: string
  inputResponses?: { approve?: boolean }
}

interface Withdrawal {
  id: string
  user: string
  tool: string
  amount: number
  until: number
}

const key = randomBytes(32)
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const accounts = new Map<string, { balance: number }>([['alice', { balance: 1_000 }]])
const asked = new Map<string, number>()

function pack(withdrawal: Withdrawal): string {
  const body = Buffer.from(JSON.stringify(withdrawal)).toString('base64url')
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`
}

function unpack(state: string): Withdrawal {
  const [body = '', mac = ''] = state.split('.')
  const given = Buffer.from(mac, 'base64url')
  const expected = createHmac('sha256', key).update(body).digest()
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Error('refused')
  return JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))
}

function withdraw(state: string, user: string, tool: string): number {
  const { id, amount, ...made } = unpack(state)
  if (made.user !== user || made.tool !== tool || made.until < Date.now()) throw new Error('refused')
  if (!asked.delete(id)) throw new Error('used')
  const account = accounts.get(user)
  if (account === undefined) throw new Error('no account')
  account.balance -= amount
  return account.balance
}

async function callTool({ name, arguments: given, requestState, inputResponses }: Params, user: string) {
  if (name === 'balance') return { content: [{ type: 'text', text: String(accounts.get(user)?.balance) }] }
  if (name !== 'cash_withdraw') return { isError: true, content: [{ type: 'text', text: 'no such tool' }] }
  if (requestState === undefined || inputResponses?.approve !== true) {
    const id = randomUUID()
    const until = Date.now() + 300_000
    asked.set(id, until)
    const state = pack({ id, user, tool: name, amount: given?.amount ?? 0, until })
    return { resultType: 'input_required', inputRequests: { approve: {} }, requestState: state }
  }
  try {
    return { content: [{ type: 'text', text: `${withdraw(requestState, user, name)} left` }] }
  } catch {
    return { isError: true, content: [{ type: 'text', text: 'start again' }] }
  }
}

setInterval(() => {
  for (const [id, until] of asked) if (until < Date.now()) asked.delete(id)
}, 60_000).unref()

const app = express()
app.use(express.json())
app.use((req, res, next) => {
  const host = req.headers.host?.split(':')[0]
  if (req.headers.origin !== undefined || (host !== '127.0.0.1' && host !== 'localhost')) res.sendStatus(403)
  else next()
})
app.post('/mcp', async (req, res) => {
  const user = users.get(digest(req.get('authorization')?.replace('Bearer ', '') ?? ''))
  if (user === undefined) {
    res.sendStatus(401)
    return
  }
  const { id, params } = req.body as { id: number; params: Params }
  res.json({ jsonrpc: '2.0', id, result: await callTool(params, user) })
})

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
