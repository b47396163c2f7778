/** Upgrades, which pass by every middleware there is. */
import { createServer, request as ask, type IncomingMessage, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import express from 'express'
import { afterEach, expect, test, vi } from 'vitest'
import { BusyError, createGuard, MisuseError, type SessionStore } from '../../src/index.ts'
import * as onExpress from '../../src/adapters/express.ts'
import * as onFetch from '../../src/adapters/fetch.ts'
import { protectUpgrade, type UpgradeListener, type Visit } from '../../src/adapters/node-http.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { alice, createLayer, minuteMs } from '../layer.ts'
import { verifies } from '../verifies.ts'
import { deferred } from './mcp-server.ts'

let server: Server | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server?.closeAllConnections()
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
})

const origin = 'https://app.example'

async function start(listener: UpgradeListener = echo, store?: SessionStore) {
  const layer = createLayer({ ...(store && { store }), watchIntervalMs: 10 })
  const app = express()
  server = createServer(app)
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const guard = createGuard({
    sessions: layer.sessions,
    transport: { hosts: [`127.0.0.1:${port}`], origins: [origin], allowPlaintextLoopback: true },
    authenticate: (request) =>
      request.header('authorization')[0] === 'Bearer alice' ? { principal: alice } : undefined,
  })
  app.use(onExpress.protect(guard))
  const errors: unknown[] = []
  server.on('upgrade', protectUpgrade(guard, listener, { onError: (error) => errors.push(error) }))
  const { session, headers } = await guard.open({ principal: alice })
  const credentials = { authorization: 'Bearer alice', 'mcp-session-id': headers['mcp-session-id'] as string }
  return { ...layer, port, session, credentials, errors, guard }
}

/** A protocol in which everything comes back. */
function echo(_request: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n')
  socket.write(head)
  socket.on('data', (part: Buffer) => socket.write(part))
  socket.on('end', () => socket.end())
}

/** The status of the answer and, where the protocol changed, the connection. */
function upgrade(port: number, headers: Record<string, string>, path = '/') {
  return new Promise<{
    status: number | undefined
    headers: IncomingMessage['headers']
    body: string
    socket?: Socket
  }>((resolve, reject) => {
    const request = ask({
      host: '127.0.0.1',
      port,
      path,
      headers: { connection: 'upgrade', upgrade: 'echo', ...headers },
    })
    request.on('upgrade', (response, socket) => {
      sockets.push(socket as Socket)
      socket.on('error', () => undefined)
      resolve({ status: response.statusCode, headers: response.headers, body: '', socket: socket as Socket })
    })
    request.on('response', (response) => {
      let body = ''
      response.on('data', (part: Buffer) => (body += part.toString()))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
    })
    request.on('error', reject)
    request.end()
  })
}

function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text)
  return new Promise((resolve) => socket.once('data', (part: Buffer) => resolve(part.toString())))
}

const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve).resume())

verifies(
  ['asvs-5.0/3.5.1', 'mcp-2025-11-25/validate-origin', 'mcp-2025-11-25/bind-session-to-user'],
  'an upgrade passes the same checks as a request, and no other way leads past them',
  async () => {
    const { port, credentials } = await start()
    const { status, socket } = await upgrade(port, { ...credentials, origin })
    expect(status).toBe(101)
    expect(await echoed(socket!, 'hello')).toBe('hello')
    const statusOf = async (headers: Record<string, string>, path?: string) =>
      (await upgrade(port, { ...credentials, ...headers }, path)).status
    expect(await statusOf({ authorization: 'Bearer mallory' })).toBe(401)
    expect(await statusOf({ 'mcp-session-id': 'A'.repeat(43) })).toBe(404)
    expect(await statusOf({ origin: 'https://evil.example' })).toBe(403)
    expect(await statusOf({ host: 'evil.example' })).toBe(403)
    expect(await statusOf({}, '/?token=abc')).toBe(400)
    expect(await statusOf({ 'x-forwarded-proto': 'http' })).toBe(426)
  },
)

test('a refusal is a whole answer, and the last on its connection', async () => {
  const { port } = await start()
  const refused = await upgrade(port, {})
  expect(refused).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer', connection: 'close' } })
  expect(JSON.parse(refused.body)).toEqual({ error: 'invalid_token' })
  const plain = await upgrade(port, { 'x-forwarded-proto': 'http' })
  expect(plain.headers).toMatchObject({ upgrade: 'TLS/1.2, HTTP/1.1', connection: 'close, Upgrade' })
})

verifies('asvs-5.0/7.4.1', 'an open connection is cut when its session ends, after it was told so', async () => {
  const told = deferred<string>()
  const { port, credentials, sessions, session } = await start((request, socket, head, visit) => {
    echo(request, socket, head)
    visit.watch(() => {
      socket.write('goodbye')
      told.resolve('goodbye')
    })
  })
  const { socket } = await upgrade(port, credentials)
  const heard = echoed(socket!, '')
  const gone = closed(socket!)
  await sessions.terminate(session)
  expect(await told.promise).toBe('goodbye')
  expect(await heard).toBe('goodbye')
  await gone
})

test('an open connection is no activity, and is cut when its session has idled out', async () => {
  const { port, credentials, advance, sessions, session } = await start(echo)
  const { socket } = await upgrade(port, credentials)
  const gone = closed(socket!)
  advance(30 * minuteMs)
  await gone
  await expect(sessions.read(session)).rejects.toThrow('ended')
})

test('without a session, a connection is cut when its principal is revoked', async () => {
  const { port, credentials, sessions, guard } = await start()
  server!.removeAllListeners('upgrade').on('upgrade', protectUpgrade(guard, echo, { session: 'optional' }))
  const { socket } = await upgrade(port, { authorization: credentials.authorization })
  const gone = closed(socket!)
  await sessions.revoke({ principal: alice }, 'account disabled')
  await gone
})

test('what a listener throws before it answered is an answer, and afterwards the end of the connection', async () => {
  let fault: () => unknown = () => undefined
  const { port, credentials, errors } = await start((_request, _socket, _head, visit) => {
    expect(visit.session?.principal).toEqual(alice)
    return fault()
  })
  fault = () => Promise.reject(new BusyError('busy'))
  expect((await upgrade(port, credentials)).status).toBe(503)
  fault = () => {
    throw new Error('s3cret')
  }
  const failed = await upgrade(port, credentials)
  expect(failed.status).toBe(500)
  expect(failed.body).not.toContain('s3cret')
  expect(errors).toMatchObject([{ message: 's3cret' }])
  server!.removeAllListeners('upgrade')
})

test('a listener that throws after it answered leaves no connection behind', async () => {
  const { port, credentials, errors } = await start(async (request, socket, head) => {
    echo(request, socket, head)
    throw new Error('late')
  })
  const { socket } = await upgrade(port, credentials)
  if (!socket!.destroyed) await closed(socket!)
  expect(errors).toMatchObject([{ message: 'late' }])
})

test('no session can be opened on an answer that carries nothing', async () => {
  let visit: Visit | undefined
  const { port, credentials } = await start((request, socket, head, its) => {
    visit = its
    echo(request, socket, head)
  })
  await upgrade(port, credentials)
  await expect(visit!.open()).rejects.toThrow(MisuseError)
})

test('a store that is away is no way in', async () => {
  const store = memoryStore()
  const { port, credentials } = await start(echo, store)
  vi.spyOn(store, 'resume').mockImplementation(() => {
    throw new Error('away')
  })
  const refused = await upgrade(port, credentials)
  expect(refused.status).toBe(503)
  expect(refused.headers['retry-after']).toBe('1')
})

test('a client that resets its connection while the guard is asked ends nothing but its own', async () => {
  const store = memoryStore()
  const listener = vi.fn<UpgradeListener>(echo)
  const { port, credentials } = await start(listener, store)
  const asked = deferred<void>()
  const answered = deferred<void>()
  const resume = store.resume.bind(store)
  vi.spyOn(store, 'resume').mockImplementationOnce(async (request) => {
    asked.resolve()
    await answered.promise
    return resume(request)
  })
  const accepted = new Promise<Socket>((resolve) => server!.once('connection', resolve))
  const client = connect(port, '127.0.0.1')
  const fields = Object.entries({ host: `127.0.0.1:${port}`, connection: 'upgrade', upgrade: 'echo', ...credentials })
  client.write(`GET / HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
  const theirs = await accepted
  await asked.promise
  const gone = new Promise((resolve) => theirs.once('close', resolve))
  theirs.emit('error', new Error('ECONNRESET'))
  theirs.destroy()
  await gone
  answered.resolve()
  const { socket } = await upgrade(port, credentials)
  expect(await echoed(socket!, 'still here')).toBe('still here')
  expect(listener).toHaveBeenCalledTimes(1)
  client.destroy()
})

test('a fetch handler may hand an upgrade of its runtime through', async () => {
  const { guard, credentials, port } = await start()
  const upgraded = Object.create(Response.prototype, { status: { value: 101 } }) as Response
  const handler = onFetch.protect(guard, () => upgraded, {
    connectionOf: () => ({ encrypted: false, remoteAddress: '127.0.0.1' }),
  })
  const request = new Request(`http://127.0.0.1:${port}/`, { headers: credentials })
  expect(await handler(request)).toBe(upgraded)
})
