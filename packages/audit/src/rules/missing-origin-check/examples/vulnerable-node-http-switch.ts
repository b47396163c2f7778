// Vulnerable: the transport's protection is switched on, but without a list it compares nothing.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

const port = Number(process.env.PORT ?? 3000)

const server = createServer((req, res) => void handle(req, res))
//             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 requests enter here, from whatever page
server.listen(port, '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const transport = new StreamableHTTPServerTransport({
//                                                    ^ 2 a check is switched on, and no host or origin is listed to check by
    sessionIdGenerator: undefined,
    enableDnsRebindingProtection: true,
  })
  await createClock().connect(transport)
  await transport.handleRequest(req, res)
//      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 MCP is served
}

function createClock(): McpServer {
  const clock = new McpServer({ name: 'clock', version: '1.0.0' })
  clock.registerTool('now', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: new Date().toISOString() }],
  }))
  return clock
}
