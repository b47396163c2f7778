// Vulnerable: the owner is compared only when the client names its agent, so a request that leaves the header out is served to anyone.
import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { z } from 'zod'

const HOST = '127.0.0.1'
const PORT = Number(process.env.PORT ?? 3000)
const IDLE_TIMEOUT_MS = 15 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  transport: StreamableHTTPServerTransport
  owner: string
  openedAt: number
  usedAt: number
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))

class AgentServer {
  private readonly sessions = new Map<string, Session>()

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.headers.origin !== undefined) return void res.writeHead(403).end()
    const user = users.get(digest((req.headers.authorization ?? '').replace(/^Bearer /, '')))
    if (user === undefined) {
      res.writeHead(401).end()
      return
    }
    const agent = req.headers['x-agent-id']
    const id = req.headers['mcp-session-id']
    if (id === undefined) return (await this.open(`${user}/${agent}`)).handleRequest(req, res)
    const session = this.sessions.get(String(id))
//                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 looked up by its ID alone
    if (session === undefined || (agent !== undefined && session.owner !== `${user}/${agent}`)) {
      res.writeHead(404).end()
      return
    }
    session.usedAt = Date.now()
    return session.transport.handleRequest(req, res)
//         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 served without comparing the owner
  }

  sweep(now = Date.now()): void {
    for (const [id, session] of this.sessions) {
      if (now - session.usedAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) {
        this.sessions.delete(id)
        void session.transport.close()
      }
    }
  }

  private async open(owner: string): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => {
        this.sessions.set(id, { transport, owner, openedAt: Date.now(), usedAt: Date.now() })
      },
    })
    transport.onclose = () => this.sessions.delete(transport.sessionId ?? '')
    await this.buildServer().connect(transport)
    return transport
  }

  private buildServer(): McpServer {
    const plan: string[] = []
    const server = new McpServer({ name: 'planner', version: '1.0.0' })
    server.registerTool('plan_add', { inputSchema: { step: z.string() } }, async ({ step }) => {
      plan.push(step)
      return { content: [{ type: 'text', text: plan.join('\n') }] }
    })
    return server
  }
}

const agents = new AgentServer()
setInterval(() => agents.sweep(), 60_000).unref()

const listener = createServer((req, res) => void agents.handle(req, res)).listen(PORT, HOST, () => {
//                                               ^^^^^^^^^^^^^^^^^^^^^^^ 2 reached from here
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
