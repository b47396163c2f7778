// Safe: signed for its owner, and for five minutes.
import { createHash, createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express from 'express'

interface Params {
  name: string
  arguments?: { theme?: string }
  requestState?: string
  inputResponses?: { keep?: boolean }
}

const lifeMs = Number(process.env.STATE_LIFE_MS ?? 5 * 60_000)
const key = randomBytes(32)
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const themes = new Map<string, string>()

const macOf = (user: string, body: string) => createHmac('sha256', key).update(`${user}\n${body}`).digest()

const sign = (user: string, state: object) => {
  const body = Buffer.from(JSON.stringify(state)).toString('base64url')
  return `${body}.${macOf(user, body).toString('base64url')}`
}

function open(user: string, text: string): { theme: string; until: number } {
  const [body = '', mac = ''] = text.split('.')
  const given = Buffer.from(mac, 'base64url')
  const expected = macOf(user, body)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Error('refused')
  return JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))
}

async function callTool({ name, arguments: given, requestState, inputResponses }: Params, user: string) {
  if (name !== 'theme_set') return { isError: true, content: [{ type: 'text', text: 'no such tool' }] }
  if (!requestState) {
    const state = { theme: given?.theme ?? 'dark', until: Date.now() + lifeMs }
    return { resultType: 'input_required', inputRequests: { keep: {} }, requestState: sign(user, state) }
  }
  const wanted = open(user, requestState)
  if (Date.now() > wanted.until) return { isError: true, content: [{ type: 'text', text: 'start again' }] }
  if (inputResponses?.keep) themes.set(user, wanted.theme)
  return { content: [{ type: 'text', text: `${wanted.theme} it is` }] }
}

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
