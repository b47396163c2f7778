/** What is sent, byte by byte. */
import { type AddressInfo, createServer } from 'node:net'
import { expect, it } from 'vitest'
import { Connection, type RawRequest } from '../../src/wire/connection.ts'
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
