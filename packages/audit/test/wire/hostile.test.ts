/** Servers that mean harm to whoever probes them: the probe ends within its budget, in bounded memory, and passes nothing on trust. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { probe } from '../../src/probe.ts'
import { renderHtml } from '../../src/report/html.ts'
import { renderText } from '../../src/report/text.ts'
import { rules } from '../../src/rules/index.ts'
import { configWith } from './principals.ts'

const SECONDS = 2
const MOST_GROWTH = 200 * 1024 * 1024

const running: Server[] = []
const sockets = new Set<Socket>()

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await Promise.all(running.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

describe('a server that answers with', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['a body without end', (socket) => flood(socket, 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n', 'x')],
    ['events without end', (socket) => flood(socket, `${STREAM}\r\n`, 'data: {"jsonrpc":"2.0","method":"x"}\n\n')],
    ['one event without end', (socket) => flood(socket, `${STREAM}\r\n`, 'data: x')],
    [
      'a gigabyte that it announces',
      (socket) => flood(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n', ' '),
    ],
    ['headers without end', (socket) => flood(socket, 'HTTP/1.1 200 OK\r\n', 'X-Header: value\r\n')],
    ['one byte at a time', slowly],
    ['silence', () => {}],
    ['no HTTP', (socket) => void socket.end('SSH-2.0-OpenSSH_9.6\r\n')],
    ['half a head', (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-')],
    [
      'chunks that lie',
      (socket) => void socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n'),
    ],
    ['a body shorter than it says', (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{')],
    [
      'invalid JSON',
      (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"jsonrpc":'),
    ],
    [
      'deep JSON',
      (socket) => void socket.end(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n${'['.repeat(200_000)}`),
    ],
  ])('%s', async (_name, answer) => {
    const url = await listen(createServer((socket) => socket.once('data', () => answer(socket))))
    const { result: report, growth } = await measured(() => probeIt(url))
    expect(passed(report)).toEqual([])
    expect(report.findings).toEqual([])
    expect(growth).toBeLessThan(MOST_GROWTH)
  })
})

it('a redirect to another origin is not followed', async () => {
  let visits = 0
  const elsewhere = await listen(createServer(() => visits++))
  const url = await listen(createHttpServer((_req, res) => void res.writeHead(307, { location: `${elsewhere}` }).end()))
  const report = await probeIt(url)
  expect(visits).toBe(0)
  expect(report.assessments.flatMap(({ reasons }) => reasons)).toContainEqual(
    expect.stringContaining('redirects to another origin'),
  )
})

it('an endpoint of HTTP+SSE on another origin is not used', async () => {
  let visits = 0
  const elsewhere = await listen(createServer(() => visits++))
  const url = await listen(
    createHttpServer((req, res) => {
      if (req.method !== 'GET') return void res.writeHead(405).end()
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      res.write(`event: endpoint\ndata: ${elsewhere}messages?sessionId=0123456789abcdef\n\n`)
    }),
  )
  expect(passed(await probeIt(url))).toEqual([])
  expect(visits).toBe(0)
})

it('a server that agrees to everything is passed in nothing that it was asked to refuse', async () => {
  const url = await listen(createHttpServer((req, res) => void agree(req, res, 'tool')))
  const report = await probeIt(url)
  expect(passed(report)).not.toContain('unbound-session')
  expect(passed(report)).not.toContain('session-as-authentication')
})

it('names of tools, IDs and headers cannot steer a terminal or a page', async () => {
  const hostile = '\u001b]0;owned\u0007\u001b[2J\u202e<script>alert(1)</script>'
  const url = await listen(createHttpServer((req, res) => void agree(req, res, hostile)))
  const report = await probeIt(url)
  const page = renderText(report, rules, { color: false, unicode: true, width: 100, sources: new Map() })
  // oxlint-disable-next-line no-control-regex -- exactly what must not be there
  expect(page).not.toMatch(/[\u001b\u0007\u202e]/)
  expect(renderHtml(report, rules, { sources: new Map() })).not.toContain('<script>alert')
})

const STREAM = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'

async function probeIt(url: string): Promise<Report> {
  return probe(url, { config: configWith({ budget: { requests: 400, seconds: SECONDS } }) })
}

/**
 * The most that this thread held at once while something ran, in bytes beyond what it held before: its heap and what lies outside of it.
 * Resident memory would count what tests in other threads of this process hold.
 */
async function measured<T>(run: () => Promise<T>): Promise<{ readonly result: T; readonly growth: number }> {
  const held = (): number => {
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = held()
  let most = before
  const timer = setInterval(() => (most = Math.max(most, held())), 10)
  try {
    const result = await run()
    return { result, growth: Math.max(most, held()) - before }
  } finally {
    clearInterval(timer)
  }
}

function passed({ assessments }: Report): string[] {
  return assessments.filter(({ outcome }) => outcome === 'pass').map(({ rule }) => rule)
}

function flood(socket: Socket, start: string, more: string): void {
  const chunk = more.repeat(Math.ceil(65_536 / more.length))
  socket.on('error', () => {})
  socket.write(start)
  const pour = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on('drain', pour)
  pour()
}

function slowly(socket: Socket): void {
  const bytes = 'HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n'
  let at = 0
  const timer = setInterval(() => socket.write(bytes[at++] ?? 'x'), 50)
  socket.on('error', () => {})
  socket.once('close', () => clearInterval(timer))
}

/** Whatever is asked, by whomever, the answer is yes. */
async function agree(req: IncomingMessage, res: ServerResponse, name: string): Promise<void> {
  const body = idIn(await text(req))
  const result = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    tools: [{ name, annotations: { readOnlyHint: true } }],
  }
  res.setHeader('mcp-session-id', 'one-for-all-0123456789')
  res.writeHead(200, { 'content-type': 'application/json' })
  res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result }))
}

function idIn(json: string): { id?: number } {
  try {
    return (JSON.parse(json) as { id?: number } | null) ?? {}
  } catch {
    return {}
  }
}

async function listen(server: Server): Promise<string> {
  running.push(server)
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
