// Safe: the record that a state names is given to its owner only.
import { createHash, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express from 'express'

interface Params {
  name: string
  arguments?: { door?: string }
  requestState?: string
  inputResponses?: { pin?: string }
}

interface Wish {
  owner: string
  door: string
  until: number
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const wishes = new Map<string, Wish>()
const unlocked = new Set<string>()

function take(state: string, user: string): Wish | undefined {
  const wish = wishes.get(state)
  if (wish === undefined || wish.owner !== user || wish.until < Date.now()) return undefined
  wishes.delete(state)
  return wish
}

async function callTool({ name, arguments: given, requestState, inputResponses }: Params, user: string) {
  if (name !== 'door_unlock') return { isError: true, content: [{ type: 'text', text: 'no such tool' }] }
  if (requestState === undefined) {
    const id = randomUUID()
    wishes.set(id, { owner: user, door: given?.door ?? 'front', until: Date.now() + 120_000 })
    return { resultType: 'input_required', inputRequests: { pin: {} }, requestState: id }
  }
  const wish = take(requestState, user)
  if (wish === undefined || inputResponses?.pin === undefined)
    return { isError: true, content: [{ type: 'text', text: 'start again' }] }
  unlocked.add(wish.door)
  return { content: [{ type: 'text', text: `${wish.door} is open` }] }
}

setInterval(() => {
  for (const [id, { until }] of wishes) if (until < Date.now()) wishes.delete(id)
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
