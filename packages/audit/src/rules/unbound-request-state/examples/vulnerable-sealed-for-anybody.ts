// Vulnerable: sealed and soon over, and good for whoever brings it.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { EncryptJWT, jwtDecrypt } from 'jose'

interface Params {
  name: string
  arguments?: { title?: string }
  requestState?: string
  inputResponses?: { publish?: { action: string } }
}

const key = randomBytes(32)
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const shelves = new Map<string, string>()

async function seal(title: string, user: string): Promise<string> {
  const token = new EncryptJWT({ title }).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
  return token.setSubject(user).setAudience('book_publish').setExpirationTime('10m').encrypt(key)
}

async function unseal(state: string, _user: string): Promise<string | undefined> {
  try {
    const { payload } = await jwtDecrypt(state, key, { audience: 'book_publish' })
//                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 shown to be genuine
    return String(payload['title'])
  } catch {
    return undefined
  }
}

async function callTool({ name, arguments: given, requestState, inputResponses }: Params, user: string) {
//                                                ^^^^^^^^^^^^ 2 comes back
  if (name !== 'book_publish') return { isError: true, content: [{ type: 'text', text: 'no such tool' }] }
  if (requestState === undefined)
    return {
//         ^ 1 given to the client to carry
      resultType: 'input_required',
      inputRequests: { publish: {} },
      requestState: await seal(given?.title ?? '', user),
    }
  const title = await unseal(requestState, user)
  if (title === undefined || inputResponses?.publish?.action !== 'accept')
    return { isError: true, content: [{ type: 'text', text: 'not published' }] }
  shelves.set(title, user)
//^^^^^^^^^^^^^^^^^^^^^^^^ 4 acted upon; the caller never compared
  return { content: [{ type: 'text', text: `${title} is out` }] }
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
