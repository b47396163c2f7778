// Vulnerable: the protection of the transport is switched on, and has no list to hold requests against.
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express, { type Request, type Response } from 'express'

const listener = express()
//               ^^^^^^^^^ 1 requests enter here, from whatever page
  .use(express.json())
  .post('/mcp', serve)
  .listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
    console.log(`listening on ${(listener.address() as AddressInfo).port}`)
  })

async function serve(req: Request, res: Response): Promise<void> {
  const transport = new StreamableHTTPServerTransport({
//                                                    ^ 2 a check is switched on, and no host or origin is listed to check by
    sessionIdGenerator: undefined,
    enableDnsRebindingProtection: true,
  })
  await createRuler().connect(transport)
  await transport.handleRequest(req, res, req.body)
//      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 MCP is served
}

function createRuler(): McpServer {
  const server = new McpServer({ name: 'ruler', version: '1.0.0' })
  server.registerTool('inch', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: '25.4 mm' }],
  }))
  return server
}
