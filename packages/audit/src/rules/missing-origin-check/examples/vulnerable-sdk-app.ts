// Vulnerable: told to serve every address, the app of the SDK asks for no name of its own.
import type { AddressInfo } from 'node:net'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

const app = createMcpExpressApp({ host: '0.0.0.0' })
//          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 requests enter here, from whatever page

app.post('/mcp', async (req, res) => {
//<^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 no check of Origin or Host on the way
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createDice().connect(transport)
  await transport.handleRequest(req, res, req.body)
//      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 MCP is served
})

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function createDice(): McpServer {
  const server = new McpServer({ name: 'dice', version: '1.0.0' })
  server.registerTool('throw', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: '4' }],
  }))
  return server
}
