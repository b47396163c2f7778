/**
 * One server of the benchmark, in a process of its own: `servers.ts <candidate> <folder> <redis port>`. Every candidate
 * answers `ok` to a request of a session that has one value in it; it tells its parent the port, what to send, and, when
 * asked, the CPU it has used.
 */
import { createServer, type RequestListener, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { createGuard, createSessions, memoryStore } from '../../packages/session/src/index.ts'
import { redisStore } from '../../packages/session/src/store/redis.ts'
import { sqliteStore } from '../../packages/session/src/store/sqlite.ts'
import type { SessionStore } from '../../packages/session/src/store/store.ts'
import { frameworks, listen, type Serve } from './adapters.ts'

const [candidate = '', folder = '', redisPort = '0'] = process.argv.slice(2)
/** Of the folder that this was built in; the packages are beside its source. */
const peers = createRequire(join(import.meta.dirname, '../package.json'))
const sessionsHeld = 100_000
const alice = Object.freeze({ issuer: 'https://id.example', subject: 'alice', client: 'app' })

/** What the clients of a bare server send, so that reading a request costs it the same. */
const likeOthers = { authorization: 'Bearer alice', 'mcp-session-id': 'A'.repeat(43) }

/** A server that listens, and the headers of a request that has a session. */
interface Ready {
  readonly server: Server
  readonly headers: Readonly<Record<string, string>>
}

const candidates: Readonly<Record<string, () => Promise<Ready>>> = {
  ...Object.fromEntries(Object.entries(frameworks).flatMap(([name, serve]) => besides(name, serve))),
  sqlite: () => guarded(sqliteStore({ database: join(folder, 'sessions.db') })),
  redis: async () => guarded(await connectStore()),
  'express-session': () => express(() => undefined),
  'connect-redis': () => express(connectRedis),
  '@fastify/session': fastifySession,
}

/** A framework alone, and with the guard on memory before it. */
function besides(name: string, serve: Serve): [string, () => Promise<Ready>][] {
  return [
    [`${name}, bare`, async () => ({ server: await serve(undefined), headers: likeOthers })],
    [name, () => guarded(memoryStore(), serve, name === 'node:http')],
  ]
}

async function guarded(store: SessionStore, serve: Serve = frameworks['node:http']!, crowded = false): Promise<Ready> {
  const sessions = createSessions({ store, caps: { total: sessionsHeld + 10 } })
  const guard = createGuard({
    sessions,
    transport: { hosts: ['bench'], allowPlaintextLoopback: true },
    // Verifying a token costs what the verifier costs; here it is a comparison, so that what is measured is the layer.
    authenticate: (request) =>
      request.header('authorization')[0] === 'Bearer alice' ? { principal: alice } : undefined,
  })
  if (crowded)
    for (let made = 0; made < sessionsHeld; made += 1)
      await sessions.open({ principal: { ...alice, subject: `user ${made}` } }, { data: { views: 1 } })
  const { headers } = await guard.open({ principal: alice }, { data: { views: 1 } })
  const server = await serve(guard)
  return { server, headers: { authorization: 'Bearer alice', 'mcp-session-id': headers['mcp-session-id'] as string } }
}

async function connectStore(): Promise<SessionStore> {
  const client = createClient({ socket: { port: Number(redisPort), host: '127.0.0.1' }, disableOfflineQueue: true })
  return redisStore({ client: await client.connect() })
}

async function connectRedis(): Promise<unknown> {
  const { RedisStore } = peers('connect-redis') as { RedisStore: new (options: object) => unknown }
  const { createClient: create } = peers('redis') as typeof import('@redis/client')
  return new RedisStore({ client: await create({ socket: { port: Number(redisPort) } }).connect() })
}

/** express-session with `resave: false` and `saveUninitialized: false`, as its own page recommends. */
async function express(store: () => Promise<unknown> | undefined): Promise<Ready> {
  // oxlint-disable-next-line typescript/no-explicit-any
  const app = (peers('express') as () => any)()
  const session = peers('express-session') as (options: object) => unknown
  const where = await store()
  app.use(
    session({ secret: 'x'.repeat(32), resave: false, saveUninitialized: false, ...(where ? { store: where } : {}) }),
  )
  // oxlint-disable-next-line typescript/no-explicit-any
  app.post('/login', (request: any, response: any) => {
    request.session.views = 1
    response.end('ok')
  })
  // oxlint-disable-next-line typescript/no-explicit-any
  app.post('/mcp', (request: any, response: any) => response.end(request.session.views === 1 ? 'ok' : 'no'))
  return logIn(await listen(createServer(app as RequestListener)))
}

async function fastifySession(): Promise<Ready> {
  // oxlint-disable-next-line typescript/no-explicit-any
  const app = (peers('fastify') as () => any)()
  await app.register(peers('@fastify/cookie'))
  await app.register(peers('@fastify/session'), { secret: 'x'.repeat(32), cookie: { secure: false }, rolling: false })
  // oxlint-disable-next-line typescript/no-explicit-any
  app.post('/login', (request: any, reply: any) => {
    request.session.set('views', 1)
    reply.send('ok')
  })
  // oxlint-disable-next-line typescript/no-explicit-any
  app.post('/mcp', (request: any, reply: any) => {
    reply.send(request.session.get('views') === 1 ? 'ok' : 'no')
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return logIn(app.server as Server)
}

async function logIn(server: Server): Promise<Ready> {
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/login`, { method: 'POST' })
  const cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  return { server, headers: { cookie } }
}

const make = candidates[candidate]
if (!make) throw new Error(`no such candidate: ${candidate}`)
const { server, headers } = await make()
process.on('message', () => process.send?.(process.cpuUsage()))
process.send?.({ port: (server.address() as AddressInfo).port, headers })
