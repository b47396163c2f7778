/** A server of SDK v1 behind our router on a real port, what its tools do, and clients of the SDK for it. */
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'
import { createGuard, createSessions, type SessionEvent, type SessionOptions } from '../../src/index.ts'
import { createMcpRouter, sessionOf, type McpRouter, type McpRouterOptions } from '../../src/adapters/mcp-v1.ts'
import type { Sessions } from '../../src/sessions.ts'
import { alice, bob } from '../layer.ts'

export interface Deferred<T = void> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
}

export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => (resolve = settle))
  return { promise, resolve }
}

/** What the tools of one test server share with the test, which thereby drives their interleaving. */
export interface Stage {
  /** Names of the calls that run, in the order of their starting. */
  readonly started: string[]
  readonly ended: string[]
  /** What `slow` waits for, by its argument. */
  readonly gates: Map<string, Deferred>
  gate(name: string): Deferred
  /** Resolves once a call of this name runs. */
  running(name: string): Promise<void>
}

export function createStage(): Stage {
  const gates = new Map<string, Deferred>()
  const starts = new Map<string, Deferred>()
  const named = (all: Map<string, Deferred>, name: string): Deferred => {
    const known = all.get(name) ?? deferred()
    all.set(name, known)
    return known
  }
  const started: string[] = []
  return {
    started: new Proxy(started, {
      get(target, member, receiver) {
        if (member !== 'push') return Reflect.get(target, member, receiver) as unknown
        return (name: string) => {
          named(starts, name).resolve()
          return target.push(name)
        }
      },
    }),
    ended: [],
    gates,
    gate: (name) => named(gates, name),
    running: (name) => named(starts, name).promise,
  }
}

/** Tools that count, wait, ask and tell. */
export function makeServer(sessions: Sessions, stage: Stage): McpServer {
  const server = new McpServer(
    { name: 'test', version: '1' },
    { capabilities: { logging: {}, tools: { listChanged: true }, resources: { subscribe: true } } },
  )
  const text = (value: unknown) => ({ content: [{ type: 'text' as const, text: JSON.stringify(value) }] })
  server.registerTool('count', { annotations: { destructiveHint: true } }, async (extra) => {
    const session = sessionOf<{ count?: number }>(extra)
    // Read, think, write: lost updates happen exactly here where calls are not kept apart.
    const { data } = await sessions.read(session)
    await new Promise((resolve) => setImmediate(resolve))
    const written = await sessions.update(session, () => ({ count: (data.count ?? 0) + 1 }))
    return text(written.count)
  })
  server.registerTool('peek', { annotations: { readOnlyHint: true } }, async (extra) =>
    text((await sessions.read(sessionOf<{ count?: number }>(extra))).data.count ?? 0),
  )
  const wait = async (name: string, signal: AbortSignal) => {
    stage.started.push(name)
    const stopped = new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true }),
    )
    try {
      await Promise.race([stage.gate(name).promise, stopped])
    } finally {
      stage.ended.push(name)
    }
    return text(name)
  }
  const named = { inputSchema: { name: z.string() } }
  server.registerTool('slow', named, ({ name }, { signal }) => wait(name, signal))
  server.registerTool('slow-read', { ...named, annotations: { readOnlyHint: true } }, ({ name }, { signal }) =>
    wait(name, signal),
  )
  server.registerTool('late-write', named, async ({ name }, extra) => {
    stage.started.push(name)
    await stage.gate(name).promise
    try {
      await sessions.update(sessionOf(extra), () => ({ revived: true }))
      stage.ended.push(`${name} wrote`)
    } catch (error) {
      stage.ended.push(`${name} ${(error as { code: string }).code}`)
    }
    return text('done')
  })
  server.registerTool('whoami', { annotations: { readOnlyHint: true } }, (extra) =>
    text({ principal: sessionOf(extra).principal, sessionId: extra.sessionId, authInfo: extra.authInfo }),
  )
  server.registerTool('progress', { annotations: { readOnlyHint: true } }, async (extra) => {
    const progressToken = extra._meta?.progressToken
    for (let progress = 1; progress <= 3; progress += 1)
      if (progressToken !== undefined)
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 3 },
        })
    return text('done')
  })
  server.registerTool('elicit', {}, async () => {
    const answer = await server.server.elicitInput({
      message: 'How many?',
      requestedSchema: { type: 'object', properties: { count: { type: 'number' } }, required: ['count'] },
    })
    return text(answer)
  })
  server.registerTool('sample', {}, async () => {
    const answer = await server.server.createMessage({
      messages: [{ role: 'user', content: { type: 'text', text: 'hello' } }],
      maxTokens: 10,
    })
    return text(answer.content)
  })
  server.registerTool('announce', {}, async () => {
    await server.server.sendLoggingMessage({ level: 'info', data: 'on the stream of the session' })
    return text('announced')
  })
  server.registerTool('drop', {}, async (extra) => {
    extra.closeSSEStream?.()
    return text('after the stream broke off')
  })
  server.registerResource('motd', 'test://motd', {}, (uri) => ({ contents: [{ uri: uri.href, text: 'hello' }] }))
  server.registerPrompt('greet', { argsSchema: { name: z.string() } }, ({ name }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}` } }],
  }))
  return server
}

export interface ByHand {
  readonly method?: string
  readonly token?: string
  readonly session?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface Running {
  readonly url: URL
  readonly sessions: Sessions
  readonly router: McpRouter
  readonly stage: Stage
  readonly events: SessionEvent[]
  /** A connected client of the official SDK. */
  client(token: string): Promise<{ client: Client; transport: StreamableHTTPClientTransport }>
  /** A request as anybody may send it. */
  send(init: ByHand): Promise<Response>
  /** The session ID of a session opened by hand. */
  initialize(token: string): Promise<string>
  stop(): Promise<void>
}

const principals: Readonly<Record<string, typeof alice>> = { alice, bob }

/** Starts it; `serve` says how the router is mounted. */
export async function startServer(
  options: {
    readonly sessions?: SessionOptions
    readonly router?: Partial<McpRouterOptions>
    readonly credentialMs?: number
    readonly mount?: (router: McpRouter, http: HttpServer) => void | Promise<void>
  } = {},
): Promise<Running> {
  const stage = createStage()
  const sessions = createSessions({ sweepIntervalMs: 20, watchIntervalMs: 20, ...options.sessions })
  const events: SessionEvent[] = []
  sessions.onEvent((event) => events.push(event))
  const http = createHttpServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => http.once('listening', resolve))
  const { port } = http.address() as AddressInfo
  const guard = createGuard({
    sessions,
    transport: { hosts: [`127.0.0.1:${port}`], allowPlaintextLoopback: true },
    authenticate: (request) => {
      const principal = principals[/^Bearer (\w+)$/.exec(request.header('authorization')[0] ?? '')?.[1] ?? '']
      if (!principal) return undefined
      return { principal, ...(options.credentialMs !== undefined && { expiresAt: Date.now() + options.credentialMs }) }
    },
  })
  const router = createMcpRouter({ guard, createServer: () => makeServer(sessions, stage), ...options.router })
  if (options.mount) await options.mount(router, http)
  else http.on('request', (request, response) => void router.handle(request, response))
  const url = new URL(`http://127.0.0.1:${port}/mcp`)
  const opened: Client[] = []

  const send: Running['send'] = ({ method, token, session, body, headers }) =>
    fetch(url, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        accept: 'application/json, text/event-stream',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...(session && { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })

  return {
    url,
    sessions,
    router,
    stage,
    events,
    send,
    async client(token) {
      const client = new Client(
        { name: 'official', version: '1' },
        { capabilities: { elicitation: { form: {} }, sampling: {} } },
      )
      const transport = new StreamableHTTPClientTransport(url, {
        requestInit: { headers: { authorization: `Bearer ${token}` } },
        reconnectionOptions: {
          initialReconnectionDelay: 10,
          maxReconnectionDelay: 50,
          reconnectionDelayGrowFactor: 1.5,
          maxRetries: 5,
        },
      })
      opened.push(client)
      await client.connect(transport as Parameters<Client['connect']>[0])
      return { client, transport }
    },
    async initialize(token) {
      const response = await send({ token, body: initializeCall })
      await response.body?.cancel()
      return response.headers.get('mcp-session-id') ?? ''
    },
    async stop() {
      for (const client of opened) await client.close().catch(() => undefined)
      await router.close()
      await sessions.close()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

export const initializeCall = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'by hand', version: '1' } },
}

/** A call of a tool, as a body. */
export function toolCall(id: string | number, name: string, given: Record<string, unknown> = {}) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: given } }
}

/** The JSON-RPC messages of a response, whether it streams or not. */
export async function messagesOf(response: Response): Promise<readonly Record<string, unknown>[]> {
  const text = await response.text()
  if (!response.headers.get('content-type')?.includes('text/event-stream')) return [JSON.parse(text)]
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)) as Record<string, unknown>)
}
