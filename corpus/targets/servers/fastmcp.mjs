// FastMCP as its readme starts it.
import { FastMCP } from 'fastmcp'

const server = new FastMCP({ name: 'notes', version: '1.0.0' })
server.addTool({
  name: 'now',
  description: 'The time.',
  annotations: { readOnlyHint: true },
  execute: async () => String(Date.now()),
})
await server.start({ transportType: 'httpStream', httpStream: { port: 3000 } })
