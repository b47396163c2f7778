// Vulnerable: a state with a signature is checked, and one without is not.
import { createHash, createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Approval {
  user: string
  tool: string
  branch: string
  until: number
}

const key = randomBytes(32)
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const locked = new Set<string>()

const sign = (body: string) => createHmac('sha256', key).update(body).digest()

function pack(approval: Approval): string {
  const body = Buffer.from(JSON.stringify(approval)).toString('base64url')
  return `${body}.${sign(body).toString('base64url')}`
}

function unpack(state: string): Approval | undefined {
  const [body = '', signature] = state.split('.')
  if (signature) {
    const given = Buffer.from(signature, 'base64url')
//                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 taken apart, unproven
    const expected = sign(body)
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  }
  return JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))
}

function branchLock(params: any, user: string) {
  const tool = 'branch_lock'
  if (!params.requestState || !params.inputResponses?.approve) {
//     ^^^^^^^^^^^^^^^^^^^ 2 comes back, as the client likes it
    const requestState = pack({ user, tool, branch: params.arguments.branch, until: Date.now() + 300_000 })
    return { resultType: 'input_required', inputRequests: { approve: {} }, requestState }
//         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 given to the client to carry
  }
  const approval = unpack(params.requestState)
  if (!approval || approval.user !== user || approval.tool !== params.name || Date.now() > approval.until)
    return { isError: true, content: [{ type: 'text', text: 'not approved' }] }
  locked.add(approval.branch)
//^^^^^^^^^^^^^^^^^^^^^^^^^^^ 4 acted upon, unproven
  return { content: [{ type: 'text', text: 'locked' }] }
}

async function read(req: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of req) text += chunk
  return text
}

const server = createServer((req, res) => void handle(req, res).catch(() => res.writeHead(400).end()))

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const host = req.headers.host?.split(':')[0]
  if (req.headers.origin !== undefined || (host !== '127.0.0.1' && host !== 'localhost')) {
    res.writeHead(403).end()
    return
  }
  const user = users.get(digest(req.headers.authorization?.replace('Bearer ', '') ?? ''))
  if (user === undefined) {
    res.writeHead(401).end()
    return
  }
  const { id, params } = JSON.parse(await read(req))
  const result = params.name === 'branch_lock' ? branchLock(params, user) : { isError: true, content: [] }
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }))
}
