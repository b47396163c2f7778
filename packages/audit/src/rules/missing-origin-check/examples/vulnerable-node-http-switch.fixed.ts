// Vulnerable: the transport's protection is switched on, but without a list it compares nothing.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

const port = Number(process.env.PORT ?? 3000)

const allowedOrigins = (process.env.ALLOWED_ORIGINS ?? '').split(',')
const server = createServer((req, res) => {
  // Browsers say which page a request comes from; other clients send no Origin.
  if (req.headers.origin && !allowedOrigins.includes(req.headers.origin)) {
    res.writeHead(403).end()
    return
  }
  void handle(req, res)
})
server.listen(port, '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: undefined,
    enableDnsRebindingProtection: true,
  })
  await createClock().connect(transport)
  await transport.handleRequest(req, res)
}

function createClock(): McpServer {
  const clock = new McpServer({ name: 'clock', version: '1.0.0' })
  clock.registerTool('now', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: new Date().toISOString() }],
  }))
  return clock
}
