/**
 * One server of the benchmark of the MCP SDK, in a process of its own: `mcp-servers.ts <candidate>`. It tells its parent
 * the port and, when asked, the CPU it has used.
 */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomUUID } from 'node:crypto'
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { z } from 'zod'
import { createMcpRouter } from '../../packages/session/src/adapters/mcp-v1.ts'
import { createGuard, createSessions } from '../../packages/session/src/index.ts'

function makeServer(): McpServer {
  const server = new McpServer({ name: 'bench', version: '1' })
  const config = { inputSchema: { text: z.string() }, annotations: { readOnlyHint: true } }
  server.registerTool('echo', config, ({ text }) => ({ content: [{ type: 'text', text }] }))
  return server
}

/** As the guide of the SDK has it: a map from session ID to transport. */
function bare(resumable: boolean): RequestListener {
  const transports = new Map<string, StreamableHTTPServerTransport>()
  return async (request, response) => {
    const known = transports.get(String(request.headers['mcp-session-id']))
    if (known) return known.handleRequest(request, response)
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void transports.set(id, transport),
      ...(resumable && { eventStore: new InMemoryEventStore() }),
    })
    await makeServer().connect(transport as Transport)
    return transport.handleRequest(request, response)
  }
}

function guarded(resumable: boolean): RequestListener {
  const guard = createGuard({
    sessions: createSessions(),
    transport: { hosts: ['bench'], allowPlaintextLoopback: true },
    // Verifying a token costs what the verifier costs; here it is a comparison, so that what is measured is the layer.
    authenticate: (request) =>
      request.header('authorization')[0] === 'Bearer alice'
        ? { principal: { issuer: 'https://id.example', subject: 'alice', client: 'app' } }
        : undefined,
  })
  return createMcpRouter({ guard, createServer: makeServer, ...(!resumable && { events: false as const }) }).handle
}

const candidates: Readonly<Record<string, () => RequestListener>> = {
  bare: () => bare(false),
  guarded: () => guarded(false),
  'bare resumable': () => bare(true),
  'guarded resumable': () => guarded(true),
}

const make = candidates[process.argv[2] ?? '']
if (!make) throw new Error(`no such candidate: ${process.argv[2]}`)
const server = createServer(make()).listen(0, '127.0.0.1', () => {
  process.on('message', () => process.send?.(process.cpuUsage()))
  process.send?.({ port: (server.address() as AddressInfo).port })
})
