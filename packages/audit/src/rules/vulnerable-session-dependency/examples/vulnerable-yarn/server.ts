// Vulnerable: the lockfile of yarn holds the SDK to 1.23.1, which is open to DNS rebinding and may answer the wrong client.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
//                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 pinned to 1.23.1, mended in 1.24.0
//                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 pinned to 1.23.1, mended in 1.26.0
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

const server = createServer((req, res) => void handle(req, res))
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers.origin !== undefined) return void res.writeHead(403).end()
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
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
