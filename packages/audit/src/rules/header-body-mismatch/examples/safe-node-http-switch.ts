// Safe: a call that the header does not own up to is none; only then does the header say what it costs.
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'

interface Message {
  readonly id?: string | number
  readonly method: string
  readonly params?: { readonly name?: string; readonly arguments?: Record<string, unknown> }
}

const userByDigest = readUsers(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' }))
const callsLeft = new Map<string, number>()

const server = createServer((req, res) => void handle(req, res))
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers.origin !== undefined) return void res.writeHead(403).end()
  const user = userByDigest.get(sha256(req.headers.authorization?.slice('Bearer '.length) ?? ''))
  if (user === undefined) return void res.writeHead(401).end()
  if (req.method !== 'POST') return void res.writeHead(405).end()
  const message = (await json(req)) as Message
  const called = req.headers['mcp-method']
  if (!isCalled(message, called)) return void res.writeHead(400).end()
  if (called === 'tools/call' && !takeCall(user)) return void res.writeHead(429).end()
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: await run(message) }))
}

function isCalled({ method }: Message, name: string | string[] | undefined): boolean {
  return name === method
}

function takeCall(user: string): boolean {
  const left = callsLeft.get(user) ?? 100
  callsLeft.set(user, left - 1)
  return left > 0
}

async function run(message: Message): Promise<unknown> {
  switch (message.method) {
    case 'tools/list':
      return { tools: [{ name: 'translate', inputSchema: { type: 'object' } }] }
    case 'tools/call':
      return { content: [{ type: 'text', text: String(message.params?.arguments?.text).toUpperCase() }] }
    default:
      return {}
  }
}

function readUsers(json: string): Map<string, string> {
  const userByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(userByToken).map(([token, user]) => [sha256(token), user]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
