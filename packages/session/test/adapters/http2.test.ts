/** HTTP/2, whose responses are not quite those of HTTP/1. */
import { connect, createServer, type ClientHttp2Session, type Http2Server } from 'node:http2'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { createGuard } from '../../src/index.ts'
import { protect } from '../../src/adapters/node-http.ts'
import { alice, createLayer } from '../layer.ts'
import { deferred } from './mcp-server.ts'

let server: Http2Server | undefined
let client: ClientHttp2Session | undefined
afterEach(async () => {
  client?.destroy()
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
})

async function start() {
  const { sessions } = createLayer()
  const asked = deferred()
  const known = deferred()
  let waits = false
  server = createServer()
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const guard = createGuard({
    sessions,
    transport: { hosts: [`127.0.0.1:${port}`], allowPlaintextLoopback: true },
    authenticate: async (request) => {
      if (waits) {
        asked.resolve()
        await known.promise
      }
      return request.header('authorization')[0] === 'Bearer alice' ? { principal: alice } : undefined
    },
  })
  const { headers } = await guard.open({ principal: alice })
  server.on('request', protect(guard, (_request, response) => response.end('ok')) as unknown as RequestListener)
  client = connect(`http://127.0.0.1:${port}`)
  const session = headers['mcp-session-id'] as string
  const send = (given: Record<string, string> = {}) =>
    client!.request({
      ':path': '/mcp',
      ':method': 'POST',
      authorization: 'Bearer alice',
      'mcp-session-id': session,
      ...given,
    })
  return { sessions, send, asked, known, hold: () => void (waits = true) }
}

test('a request over HTTP/2 passes the same checks', async () => {
  const { send } = await start()
  const statusOf = (given?: Record<string, string>) =>
    new Promise<Record<string, unknown>>((resolve) => send(given).once('response', resolve).end())
  expect(await statusOf()).toMatchObject({ ':status': 200, 'session-expires-in': expect.any(String) as string })
  expect(await statusOf({ authorization: 'Bearer mallory' })).toMatchObject({ ':status': 401 })
  expect(await statusOf({ 'mcp-session-id': 'A'.repeat(43) })).toMatchObject({ ':status': 404 })
  expect(await statusOf({ ':authority': 'evil.example' })).toMatchObject({ ':status': 403 })
})

test('a stream that its client resets while the guard is asked is no request in flight', async () => {
  const { sessions, send, asked, known, hold } = await start()
  const finished = vi.spyOn(sessions, 'finish')
  hold()
  const over = new Promise<void>((resolve) =>
    server?.once('stream', (stream) => stream.once('close', resolve).on('error', () => undefined)),
  )
  const request = send().on('error', () => undefined)
  await asked.promise
  request.close(8)
  await over
  expect(finished).not.toHaveBeenCalled()
  known.resolve()
  await vi.waitFor(() => expect(finished).toHaveBeenCalledOnce(), { timeout: 60_000 })
})
