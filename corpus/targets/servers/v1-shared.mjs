// SDK v1: one transport without sessions, made once, for all clients.
import { createServer } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

const server = new McpServer({ name: 'clock', version: '1.0.0' })
server.registerTool('now', { annotations: { readOnlyHint: true } }, async () => {
  await setTimeout(100)
  return { content: [{ type: 'text', text: String(Date.now()) }] }
})
const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
await server.connect(transport)

createServer((req, res) => {
  transport.handleRequest(req, res).catch(() => res.writeHead(500).end())
}).listen(3000)
