// Safe: a request whose header and body name different tools is answered 400 before anybody decides by either.
import { createHash, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express, { type NextFunction, type Request, type Response } from 'express'

interface User {
  readonly name: string
  readonly isAdmin: boolean
}

const users = readUsers(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' }))
const toolsOfAdmins = new Set(['ledger_close', 'ledger_void'])

const app = express()
app.use(express.json())
app.post('/mcp', authenticate, authorise, async (req, res) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createLedgerServer().connect(transport)
  await transport.handleRequest(req, res, req.body)
})

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function authenticate(req: Request, res: Response, next: NextFunction): void {
  const user = users.get(sha256(req.get('authorization')?.replace(/^Bearer /i, '') ?? ''))
  if (req.get('origin') !== undefined) return void res.sendStatus(403)
  if (user === undefined) return void res.sendStatus(401)
  res.locals.user = user
  next()
}

function authorise(req: Request, res: Response, next: NextFunction): void {
  const tool = req.get('mcp-name') ?? ''
  if (tool !== (req.body.params?.name ?? '')) return void res.sendStatus(400)
  if (toolsOfAdmins.has(tool) && !res.locals.user.isAdmin) return void res.sendStatus(403)
  next()
}

function createLedgerServer(): McpServer {
  const server = new McpServer({ name: 'ledger', version: '2.0.1' })
  server.registerTool('ledger_read', { annotations: { readOnlyHint: true } }, () => ({ content: [] }))
  server.registerTool('ledger_close', {}, () => ({ content: [{ type: 'text', text: 'closed' }] }))
  return server
}

function readUsers(json: string): Map<string, User> {
  const nameByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(nameByToken).map(([token, name]) => [sha256(token), { name, isAdmin: false }]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
