// Vulnerable: an order remembers that it was placed, and is not asked before it is placed again.
import { createHash, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { type Params, Orders } from './orders.ts'

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const orders = new Orders()

const callTool = (params: Params, user: string) => orders.call(params, user)

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
