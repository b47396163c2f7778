// Vulnerable: the list of origins decides which CORS header is sent, and no request is refused.
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express, { type NextFunction, type Request, type Response } from 'express'
import { localhostHostValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js'

const origins = ['http://localhost:5173', 'https://desk.example']

const app = express()
// A page whose name was rebound to this machine says that name in Host.
app.use(localhostHostValidation())
app.use(express.json())
app.use(limitOrigins)
app.post('/mcp', serve)

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function limitOrigins(req: Request, res: Response, next: NextFunction): void {
  const origin = req.get('origin')
  if (origin !== undefined && origins.includes(origin)) res.set('access-control-allow-origin', origin)
  next()
}

async function serve(req: Request, res: Response): Promise<void> {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createClock().connect(transport)
  await transport.handleRequest(req, res, req.body)
}

function createClock(): McpServer {
  const server = new McpServer({ name: 'clock', version: '1.0.0' })
  server.registerTool('now', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: new Date().toISOString() }],
  }))
  return server
}
