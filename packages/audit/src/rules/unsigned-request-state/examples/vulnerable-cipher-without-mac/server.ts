// Vulnerable: the state is encrypted, so it looks safe; a stream cipher lets whoever knows the text change it bit by bit.
import { createHash, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { seal, unseal } from './seal.ts'

interface Rpc {
  id: number
  method: string
  params: { name: string; arguments?: { city?: string }; requestState?: string; inputResponses?: { seat?: string } }
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const seats = new Map<string, string>()

function callTool({ name, arguments: given, requestState, inputResponses }: Rpc['params'], user: string) {
//                                          ^^^^^^^^^^^^ 2 comes back, as the client likes it
  if (name !== 'seat_choose') return { isError: true, content: [{ type: 'text', text: 'no such tool' }] }
  const seat = inputResponses?.seat
  if (requestState === undefined || seat === undefined) {
    const state = { user, city: given?.city, until: Date.now() + 300_000 }
    return { resultType: 'input_required', inputRequests: { seat: {} }, requestState: seal(state) }
//         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 given to the client to carry
  }
  const trip = unseal(requestState)
  if (trip.user !== user || trip.until < Date.now())
    return { isError: true, content: [{ type: 'text', text: 'start again' }] }
  seats.set(`${user} to ${trip.city}`, seat)
//^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 4 acted upon, unproven
  return { content: [{ type: 'text', text: `${seat} to ${trip.city}` }] }
//^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 5 the answer is made of it, unproven
}

const app = express()
app.use(express.json())
app.use((req, res, next) => {
  const host = req.headers.host?.split(':')[0]
  const { origin } = req.headers
  if (origin !== undefined || (host !== '127.0.0.1' && host !== 'localhost')) res.sendStatus(403)
  else next()
})
app.post('/mcp', (req, res) => {
  const user = users.get(digest(req.get('authorization')?.replace('Bearer ', '') ?? ''))
  if (user === undefined) {
    res.sendStatus(401)
    return
  }
  const { id, params } = req.body as Rpc
  res.json({ jsonrpc: '2.0', id, result: callTool(params, user) })
})

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
