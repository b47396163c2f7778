// Safe: the transport numbers requests anew and remembers whose stream each came over; the answer goes there alone.
import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js'

const HOST = '127.0.0.1'
const PORT = Number(process.env.PORT ?? 3000)
const IDLE_TIMEOUT_MS = 15 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Connection {
  readonly res: ServerResponse
  readonly owner: string
  readonly openedAt: number
  usedAt: number
}

const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

class EventTransport implements Transport {
  onmessage?: (message: JSONRPCMessage) => void
  onclose?: () => void
  private readonly connections = new Map<string, Connection>()
  private readonly asked = new Map<RequestId, { readonly id: RequestId; readonly res: ServerResponse }>()
  private readonly listener = createServer((req, res) => void this.handle(req, res))

  async start(): Promise<void> {
    setInterval(() => this.sweep(), 60_000).unref()
    this.listener.listen(PORT, HOST, () => {
      console.log(`listening on ${(this.listener.address() as AddressInfo).port}`)
    })
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!('id' in message) || message.id === undefined) return
    const asked = this.asked.get(message.id)
    if (asked === undefined) return
    this.asked.delete(message.id)
    asked.res.write(`data: ${JSON.stringify({ ...message, id: asked.id })}\n\n`)
  }

  async close(): Promise<void> {
    this.listener.close()
    this.onclose?.()
  }

  private async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const user = users.get(digest((req.headers.authorization ?? '').replace(/^Bearer /, '')))
    if (req.headers.origin !== undefined) return void res.writeHead(403).end()
    if (user === undefined) return void res.writeHead(401).end()
    if (req.method === 'GET') return this.open(user, res)
    const id = String(req.headers['mcp-session-id'])
    const connection = this.connections.get(id)
    if (connection === undefined || connection.owner !== user) return void res.writeHead(404).end()
    if (req.method === 'DELETE') {
      this.connections.delete(id)
      connection.res.end()
      return void res.writeHead(204).end()
    }
    connection.usedAt = Date.now()
    const message = (await json(req)) as JSONRPCMessage
    if ('id' in message && message.id !== undefined) {
      const own = randomUUID()
      this.asked.set(own, { id: message.id, res: connection.res })
      message.id = own
    }
    this.onmessage?.(message)
    res.writeHead(202).end()
  }

  private open(owner: string, res: ServerResponse): void {
    const id = randomUUID()
    this.connections.set(id, { res, owner, openedAt: Date.now(), usedAt: Date.now() })
    res.on('close', () => this.connections.delete(id))
    res.writeHead(200, { 'content-type': 'text/event-stream', 'mcp-session-id': id })
    res.write(': open\n\n')
  }

  private sweep(): void {
    const now = Date.now()
    for (const [id, { res, openedAt, usedAt }] of this.connections) {
      if (now - usedAt < IDLE_TIMEOUT_MS && now - openedAt < ABSOLUTE_TIMEOUT_MS) continue
      this.connections.delete(id)
      res.end()
    }
  }
}

const server = new McpServer({ name: 'contracts', version: '1.0.0' })
server.registerTool('terms', { annotations: { readOnlyHint: true } }, () => ({
  content: [{ type: 'text', text: 'thirty days' }],
}))
await server.connect(new EventTransport())
