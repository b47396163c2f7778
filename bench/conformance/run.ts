/**
 * Runs the server suite of `@modelcontextprotocol/conformance` against one server twice, as the SDK serves it and behind
 * our router, and says where the two differ.
 *
 *   npm ci --prefix bench/conformance
 *   npx tsx bench/conformance/run.ts [--node <a Node 22 or newer for the suite>] [--suite active]
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { createMcpRouter } from '../../packages/session/src/adapters/mcp-v1.ts'
import { createGuard, createSessions } from '../../packages/session/src/index.ts'
import { makeServer } from './tested.ts'

const { values: flags } = parseArgs({
  options: { node: { type: 'string', default: process.execPath }, suite: { type: 'string', default: 'active' } },
})
const program = join(import.meta.dirname, 'node_modules/@modelcontextprotocol/conformance/dist/index.js')

const bare = await resultsOf((hosts) => serveBare(hosts))
const guarded = await resultsOf((hosts) => serveGuarded(hosts))
console.log('| scenario | the SDK alone | behind the router |\n|---|---|---|')
for (const [scenario, outcome] of bare) console.log(`| ${scenario} | ${outcome} | ${guarded.get(scenario)} |`)
const differ = [...bare].filter(([scenario, outcome]) => guarded.get(scenario) !== outcome)
console.log(`\n${bare.size} scenarios, ${differ.length} of them differ`)
process.exit(differ.length === 0 && bare.size > 0 && bare.size === guarded.size ? 0 : 1)

/** As the guide of the SDK has it, with its check of Host and Origin switched on. */
function serveBare(hosts: readonly string[]): RequestListener {
  const transports = new Map<string, StreamableHTTPServerTransport>()
  return async (request, response) => {
    const id = request.headers['mcp-session-id']
    const known = transports.get(String(id))
    if (known) return known.handleRequest(request, response)
    if (id !== undefined) return response.writeHead(404).end()
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void transports.set(session, transport),
      onsessionclosed: (session) => void transports.delete(session),
      eventStore: new InMemoryEventStore(),
      retryInterval: 500,
      enableDnsRebindingProtection: true,
      allowedHosts: [...hosts],
      allowedOrigins: hosts.map((host) => `http://${host}`),
    })
    await makeServer().connect(transport as Transport)
    return transport.handleRequest(request, response)
  }
}

/** The suite has no credential to send, so one is added on the way in. */
function serveGuarded(hosts: readonly string[]): RequestListener {
  const guard = createGuard({
    sessions: createSessions(),
    transport: { hosts, origins: hosts.map((host) => `http://${host}`), allowPlaintextLoopback: true },
    authenticate: (request) =>
      request.header('authorization')[0] === 'Bearer suite'
        ? { principal: { issuer: 'https://id.example', subject: 'suite', client: 'conformance' } }
        : undefined,
  })
  const mcp = createMcpRouter({ guard, createServer: makeServer, mayRead: () => true, retryMs: 500 })
  return (request, response) => {
    request.rawHeaders.push('authorization', 'Bearer suite')
    request.headers.authorization = 'Bearer suite'
    void mcp.handle(request, response)
  }
}

/** What the suite says of each of its scenarios. */
async function resultsOf(serve: (hosts: readonly string[]) => RequestListener): Promise<ReadonlyMap<string, string>> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  server.on('request', serve([`localhost:${port}`, `127.0.0.1:${port}`]))
  const said = await runSuite(`http://127.0.0.1:${port}/mcp`)
  server.closeAllConnections()
  server.close()
  return new Map(
    [...said.matchAll(/^\s*(\S) (\S+): (\d+ passed, \d+ failed.*)$/gm)].map(([, , scenario = '', outcome = '']) => [
      scenario,
      outcome,
    ]),
  )
}

function runSuite(url: string): Promise<string> {
  const suite = spawn(flags.node, [program, 'server', '--url', url, '--suite', flags.suite], {
    cwd: import.meta.dirname,
  })
  let said = ''
  suite.stdout.on('data', (part) => (said += String(part)))
  suite.stderr.on('data', (part) => (said += String(part)))
  return new Promise((resolve, reject) => {
    suite.once('error', reject)
    suite.once('close', () => resolve(said))
  })
}
