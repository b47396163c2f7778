/**
 * One small application behind a guard, whatever serves it: what it does with each path, the ways in which answers are
 * given, and a client that sends what no browser would.
 */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { ProtectOptions, Visit } from '../../src/adapters/node-http.ts'
import {
  createGuard,
  createLoginRoutes,
  type Guard,
  type GuardOptions,
  type LoginRoutes,
  type SessionOptions,
} from '../../src/index.ts'
import { alice, bob, createLayer } from '../layer.ts'

export interface Count {
  readonly count: number
}

/** What a handler answers, in words that every framework has. */
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Instead of a body: an event stream, which is given the means to write to it. */
  readonly stream?: (write: (text: string) => void) => void
}

export interface Application {
  readonly guard: Guard
  readonly login: LoginRoutes
  readonly options: Required<Pick<ProtectOptions, 'session'>>
  handle(path: string, visit: Visit<Count>): Promise<Reply>
}

export interface Served {
  readonly port: number
  close(): Promise<void>
}

/** How an adapter serves the application on loopback. */
export type Serve = (application: Application) => Promise<Served>

const tokens: Readonly<Record<string, typeof alice>> = { 'Bearer alice': alice, 'Bearer bob': bob }
export const cookieName = '__Host-session'

/** The application, everything that a test may turn, and the sessions under it. */
export function createApplication(
  guardOptions: Partial<GuardOptions> = {},
  sessionOptions: SessionOptions = {},
  need: ProtectOptions['session'] = 'optional',
) {
  const layer = createLayer(sessionOptions)
  const { sessions } = layer
  const spies = spyOn(sessions)
  const guard = createGuard({
    sessions,
    transport: { hosts: ['app.test'], origins: ['https://page.test'], allowPlaintextLoopback: true },
    authenticate: (request) => {
      const principal = tokens[request.header('authorization')[0] ?? '']
      return principal && { principal }
    },
    ...guardOptions,
  })
  const login = createLoginRoutes({
    guard,
    verify: (_request, body) => {
      const principal = tokens[`Bearer ${(body as { apiKey?: unknown } | undefined)?.apiKey as string}`]
      return principal && { principal }
    },
  })
  const gate = createGate()
  const streams: ((text: string) => void)[] = []
  const asked: string[] = []

  const paths: Readonly<Record<string, (visit: Visit<Count>) => Promise<Reply>>> = {
    '/open': async (visit) => said({ ref: (await visit.open({ data: { count: 0 } })).ref }),
    '/look': async ({ session, caller }) => said({ caller, ref: session?.ref, data: session?.data }),
    '/count': async ({ session }) => said(await sessions.update(session!, ({ count }) => ({ count: count + 1 }))),
    '/hold': async ({ session }) => {
      await gate.pass()
      return said(await sessions.update(session!, ({ count }) => ({ count: count + 1 })))
    },
    '/regenerate': async (visit) => said({ ref: (await visit.authenticate({ principal: alice })).ref }),
    '/end': async (visit) => {
      await visit.terminate()
      return said({ ended: true })
    },
    '/stream': async () => ({
      stream: (write) => {
        streams.push(write)
        write('data: hello\n\n')
      },
    }),
    '/redirect': async (visit) => {
      await visit.authenticate({ principal: alice })
      return { status: 302, headers: { location: '/elsewhere' } }
    },
    '/own-headers': async (visit) => {
      await visit.authenticate({ principal: alice })
      return { body: 'ok', headers: { 'set-cookie': 'theme=dark; Secure', 'cache-control': 'public' } }
    },
    '/login-and-fail': async (visit) => {
      await visit.authenticate({ principal: alice })
      throw new Error('t0p-s3cret')
    },
    '/fail': async () => {
      throw new Error('t0p-s3cret')
    },
  }

  const application: Application = {
    guard,
    login,
    options: { session: need },
    async handle(path, visit) {
      asked.push(path)
      const serve = paths[path]
      return serve ? serve(visit) : { status: 404, body: 'nothing here' }
    },
  }
  return { ...layer, guard, application, gate, streams, asked, ...spies }
}

function said(body: unknown): Reply {
  return { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
}

/** How many requests are under way and how many streams are watched, as the sessions were told. */
function spyOn(sessions: ReturnType<typeof createLayer>['sessions']) {
  const underWay = new Set<unknown>()
  const watched = new Set<unknown>()
  const original = { begin: sessions.begin, finish: sessions.finish, watch: sessions.watch }
  sessions.begin = (session) => (underWay.add(session), original.begin.call(sessions, session))
  sessions.finish = (session) => (underWay.delete(session), original.finish.call(sessions, session))
  sessions.watch = (session, onEnd) => {
    const stop = original.watch.call(sessions, session, onEnd)
    watched.add(stop)
    return () => (watched.delete(stop), stop())
  }
  return { inFlight: () => underWay.size, watching: () => watched.size }
}

/** Handlers wait here until they are let go; a test can wait for them to arrive. */
function createGate() {
  let arrived = (): void => undefined
  let open = (): void => undefined
  const arrival = new Promise<void>((resolve) => (arrived = resolve))
  const opened = new Promise<void>((resolve) => (open = resolve))
  return {
    pass: async () => {
      arrived()
      await opened
    },
    arrival,
    open: () => open(),
  }
}

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
}

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Sends a request to the server and waits for the whole answer. */
export async function ask(port: number, path: string, asked: Asked = {}): Promise<Answered> {
  const response = await begin(port, path, asked)
  let body = ''
  for await (const part of response.setEncoding('utf8')) body += String(part)
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

/** Sends a request and waits for the head of the answer. */
export function begin(
  port: number,
  path: string,
  { method = 'POST', headers = {}, body }: Asked = {},
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const fields = { host: 'app.test', authorization: 'Bearer alice', ...headers } as Record<string, string | string[]>
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, path, method, headers: fields, agent: false, ...(signal && { signal }) },
      resolve,
    )
    request.once('error', reject)
    request.end(body)
  })
}
