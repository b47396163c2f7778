/**
 * What a `tools/call` of the MCP SDK costs the server behind our router, beside the SDK's own router as its guide has
 * it, which knows no principal, no timeout and no bound.
 *
 *   npx tsx bench/session/mcp.ts [--rounds 5] [--calls 4000] [--only bare,guarded]
 *
 * Each round starts every candidate in a process of its own, in turn, opens a session on each of 16 connections, warms
 * it up, and takes the CPU time of that process alone over so many calls. Compare within one table only.
 */
import { fork } from 'node:child_process'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { join } from 'node:path'
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { least, median, said, usageOf } from './measured.ts'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '4000' },
    only: { type: 'string' },
  },
})
const rounds = Number(flags.rounds)
const calls = Number(flags.calls)
const connections = 16
const shared = {
  host: 'bench',
  authorization: 'Bearer alice',
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
}
/** Each stands under the one that it is compared with. */
const pairs = [
  ['bare', 'guarded'],
  ['bare resumable', 'guarded resumable'],
] as const
const candidates = flags.only?.split(',') ?? pairs.flat()

const costs = new Map<string, number[]>(candidates.map((name) => [name, []]))
for (let round = 0; round < rounds; round += 1) for (const name of candidates) costs.get(name)?.push(await costOf(name))
printTable()

/** Microseconds of CPU of the server for a call. */
async function costOf(name: string): Promise<number> {
  const server = fork(join(import.meta.dirname, 'mcp-servers.ts'), [name], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  try {
    const { port } = await said<{ port: number }>(server)
    const sessions = await Promise.all(Array.from({ length: connections }, () => openSession(port)))
    await callAll(port, sessions, Math.ceil(calls / 2))
    const before = await usageOf(server)
    const wrong = await callAll(port, sessions, calls)
    const after = await usageOf(server)
    if (wrong > 0) throw new Error(`${name}: ${wrong} of ${calls} answers were wrong`)
    return (after - before) / calls
  } finally {
    server.kill('SIGKILL')
  }
}

async function openSession(port: number): Promise<string> {
  const initialize = {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
  }
  const session = await post(port, {}, initialize)
  const later = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }
  await post(port, later, { jsonrpc: '2.0', method: 'notifications/initialized' })
  await post(port, later, { jsonrpc: '2.0', id: 1, method: 'tools/list' })
  return session
}

function post(port: number, headers: OutgoingHttpHeaders, body: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path: '/mcp', method: 'POST', headers: { ...shared, ...headers } }
    const sent = httpRequest(options, (response) => {
      response.resume().once('end', () => {
        if ((response.statusCode ?? 500) < 300) resolve(String(response.headers['mcp-session-id']))
        else reject(new Error(`answered ${response.statusCode}`))
      })
    })
    sent.once('error', reject).end(JSON.stringify(body))
  })
}

/** One call at a time on each connection. How many answers were wrong. */
async function callAll(port: number, sessions: readonly string[], count: number): Promise<number> {
  let sent = 0
  let wrong = 0
  const lanes = sessions.map(
    (session) =>
      new Promise<void>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => next()).setNoDelay()
        let text = ''
        const next = (): void => {
          if (sent >= count) {
            socket.destroy()
            return resolve()
          }
          sent += 1
          socket.write(callOf(session, sent))
          return undefined
        }
        socket.once('error', reject)
        socket.on('data', (part) => {
          text += part.toString('latin1')
          if (!text.endsWith('\r\n0\r\n\r\n') && !text.endsWith('}')) return
          if (!text.startsWith('HTTP/1.1 200') || !text.includes('a short text')) wrong += 1
          text = ''
          next()
        })
      }),
  )
  await Promise.all(lanes)
  return wrong
}

function callOf(session: string, id: number): string {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'echo', arguments: { text: 'a short text' } },
  })
  const headers = Object.entries({ ...shared, 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' })
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `POST /mcp HTTP/1.1\r\n${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

function printTable(): void {
  console.log(
    `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model}, ${rounds} rounds of ${calls} calls\n`,
  )
  console.log('| | CPU, µs, least | median | more than its twin, least | median |\n|---|--:|--:|--:|--:|')
  for (const [name, values] of costs) {
    const twin = costs.get(pairs.find(([, guarded]) => guarded === name)?.[0] ?? '')
    const more = (measure: (costs: readonly number[]) => number): string =>
      twin ? `${((measure(values) / measure(twin) - 1) * 100).toFixed(1)} %` : ''
    console.log(
      `| ${name} | ${least(values).toFixed(1)} | ${median(values).toFixed(1)} | ${more(least)} | ${more(median)} |`,
    )
  }
}
