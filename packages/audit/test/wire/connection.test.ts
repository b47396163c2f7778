/** What is sent, byte by byte. */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { Connection, type RawRequest, type RawResponse } from '../../src/wire/connection.ts'
import { headersFor } from '../../src/wire/login.ts'

/** One request, as it arrives. */
async function sent(request: Partial<RawRequest>): Promise<string> {
  let bytes = ''
  const server = createServer((socket) => {
    socket.on('data', (data) => {
      bytes += data.toString('latin1')
      socket.end('HTTP/1.1 204 No Content\r\n\r\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const signal = new AbortController().signal
  const connection = await Connection.open(endpoint, 1_000, signal)
  if (!(connection instanceof Connection)) throw new Error(connection.failure)
  const limits = { headBytes: 1_000, bodyBytes: 1_000 }
  await connection.send({ method: 'GET', path: '/', headers: [], ...request }, { limits, timeoutMs: 1_000, signal })
  connection.close()
  await new Promise((resolve) => server.close(resolve))
  return bytes
}

const MORE = ' HTTP/1.1\r\nhost: elsewhere.example\r\n\r\nGET /'

it.each([
  ['a path', { path: `/logout?id=${MORE}` }],
  [
    'a path, in letters whose last byte ends a line',
    { path: '/x?id=1\u0120HTTP/1.1\u010d\u010ahost: elsewhere.example' },
  ],
  ['a value', { headers: [['mcp-session-id', `1${MORE}`]] as const }],
  [
    'a value, in letters whose last byte ends a line',
    { headers: [['x', '1\u010d\u010ahost: elsewhere.example']] as const },
  ],
  ['a name', { headers: [[`x${MORE}`, '1']] as const }],
])('%s puts no line into a request', async (_where, request) => {
  const bytes = await sent(request)
  expect(bytes).not.toMatch(/^host:/m)
  expect(bytes.match(/HTTP\/1\.1\r\n/g)).toHaveLength(1)
})

it('a field of a login that is no name of a header is none', () => {
  const fields = [
    ['sessionToken', 'a'.repeat(20)],
    ['session\r\nhost', 'b'.repeat(20)],
  ] as const
  expect(headersFor({ cookies: [], fields }).map(([name]) => name)).toEqual([
    'session-token',
    'mcp-session-id',
    'x-session-id',
    'authorization',
  ])
})

it('letters beyond ASCII arrive in an address and in a body', async () => {
  const bytes = await sent({ method: 'POST', path: '/ü?a=1', body: 'ü' })
  expect(bytes).toMatch(/^POST \/%C3%BC\?a=1 HTTP\/1\.1\r\n/)
  expect(Buffer.from(bytes, 'latin1').toString('utf8')).toMatch(/ü$/)
})

/** The answers to two requests over one connection, on which the server says `first` and then `second`. */
async function answers(first: readonly string[], second: string): Promise<readonly RawResponse[]> {
  let asked = 0
  const server = createServer((socket) => {
    socket.setNoDelay(true)
    socket.on('data', () => void say(socket, asked++ === 0 ? first : [second]))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const signal = new AbortController().signal
  const connection = await Connection.open(endpoint, 10_000, signal)
  if (!(connection instanceof Connection)) throw new Error(connection.failure)
  const waiting = { limits: { headBytes: 1_000, bodyBytes: 1_000 }, timeoutMs: 10_000, signal }
  const request = { method: 'GET', path: '/', headers: [] }
  const both = [await connection.send(request, waiting), await connection.send(request, waiting)]
  connection.close()
  await new Promise((resolve) => server.close(resolve))
  return both
}

/** Each part in a segment of its own. */
async function say(socket: Socket, parts: readonly string[]): Promise<void> {
  for (const part of parts) {
    await new Promise((resolve) => socket.write(part, resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
const NEXT = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext'

it.each([
  ['nothing', ['2\r\nhi\r\n0\r\n', '\r\n']],
  ['fields', ['2\r\nhi\r\n0\r\nx: 1\r\n', 'y: 2\r\n', '\r\n']],
  ['a field that is cut in two', ['2\r\nhi\r\n0\r\nx:', ' 1\r\n\r\n']],
])('after the last chunk comes %s, and then the next answer', async (_what, parts) => {
  const both = await answers([CHUNKED, ...parts], NEXT)
  expect(both.map(({ body, failure }) => ({ body, failure }))).toEqual([
    { body: 'hi', failure: undefined },
    { body: 'next', failure: undefined },
  ])
})

it('endless fields after the last chunk end the reading', async () => {
  const [first] = await answers([CHUNKED, `0\r\n${'x: 1\r\n'.repeat(300)}`], NEXT)
  expect(first?.failure).toBe('the headers are too large')
})
