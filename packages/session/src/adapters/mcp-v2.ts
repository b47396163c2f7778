/**
 * A safe router around `createMcpHandler` of `@modelcontextprotocol/server` 2.x. Revision 2026-07-28: every request by
 * its own credential, `requestState` sealed and good once, subscriptions for what the caller may read and no longer than
 * it may. The revisions before it, on the same endpoint: sessions as for SDK v1, instead of none.
 */
import type { ServerResponse } from 'node:http'
import {
  createMcpHandler,
  InMemoryServerEventBus,
  isInitializeRequest,
  isLegacyRequest,
  SUPPORTED_PROTOCOL_VERSIONS,
  WebStandardStreamableHTTPServerTransport,
  type CreateMcpHandlerOptions,
  type McpRequestContext,
  type McpServer,
  type Server,
  type ServerEventBus,
  type ServerNotifier,
} from '@modelcontextprotocol/server'
import type { Connection } from '../http/fetch.ts'
import type { Session } from '../session.ts'
import type { Caller } from '../sessions.ts'
import type { MaybePromise } from '../store/store.ts'
import { authInfoFor, contextOf } from './mcp/context.ts'
import { whileEntitled } from './mcp/entitled.ts'
import { faceOfFetch, responseOfServed } from './mcp/fetch.ts'
import { Listening } from './mcp/listening.ts'
import { faceOfNode, sendServed, type NodeRequest } from './mcp/node.ts'
import {
  defaultMaxBodyBytes,
  servedOf,
  SessionRouter,
  type Face,
  type ModernLeg,
  type Served,
  type SessionRouterOptions,
} from './mcp/router.ts'
import type { SdkServer, SdkTransport, SdkTransportOptions } from './mcp/session-server.ts'

export { callerOf, sessionOf } from './mcp/context.ts'
export { createRequestStateSeal, type RequestStateSeal } from './mcp/request-state-seal.ts'

/** Whom a server is made for: for one request of 2026-07-28, for one session of the revisions before. */
export interface ServerContext {
  readonly era: 'modern' | 'legacy'
  readonly caller: Caller
  readonly session: Session | undefined
}

export interface McpRouterOptions extends SessionRouterOptions {
  /** Makes a server each time. What two share, they share with each other. */
  readonly createServer: (context: ServerContext) => MaybePromise<McpServer | Server>
  /** Revisions before 2026-07-28: with sessions (the default), or not at all. */
  readonly legacy?: 'sessions' | 'reject'
  /** Where changes come from, if not only from `notify` in this process. */
  readonly bus?: ServerEventBus
  /** Subscriptions that one principal may have open in this process. */
  readonly maxSubscriptions?: number
  readonly responseMode?: CreateMcpHandlerOptions['responseMode']
  /** Told what the SDK reports: refused requests, failed handlers. */
  readonly onerror?: (error: Error) => void
}

export interface McpRouter {
  /** Serves a request of node:http, and of whatever stands on it; see the router for SDK v1. Never rejects. */
  readonly handle: (request: NodeRequest, response: ServerResponse, body?: unknown) => Promise<void>
  /** Serves a request of another runtime, which has to say how it was reached. */
  readonly fetch: (request: Request, connection: Connection) => Promise<Response>
  /** Tells those who subscribed, and may read it, that something has changed. */
  readonly notify: ServerNotifier
  /** How many sessions have a server in this process. */
  readonly size: number
  /** Ends all sessions and subscriptions, cuts their streams, and takes no more requests. */
  close(): Promise<void>
}

/** Makes the router. @throws MisuseError where the guard carries handles in cookies */
export function createMcpRouter(options: McpRouterOptions): McpRouter {
  const { createServer, maxBodyBytes = defaultMaxBodyBytes } = options
  const bus = options.bus ?? new InMemoryServerEventBus(options.onerror)
  const sdk = {
    createTransport: (transport: SdkTransportOptions) => createTransport(transport),
    createServer: ({ session, caller }: { readonly session: Session; readonly caller: Caller }) =>
      createServer({ era: 'legacy', session, caller }) as unknown as SdkServer | Promise<SdkServer>,
    isInitialize: isInitializeRequest,
    protocolVersions: SUPPORTED_PROTOCOL_VERSIONS,
  }
  const router = new SessionRouter(sdk, options, createModernLeg(options, bus))
  const reading = { maxBodyBytes, makeRequest }
  return {
    get size() {
      return router.size
    },
    notify: {
      toolsChanged: () => bus.publish({ kind: 'tools_list_changed' }),
      promptsChanged: () => bus.publish({ kind: 'prompts_list_changed' }),
      resourcesChanged: () => bus.publish({ kind: 'resources_list_changed' }),
      resourceUpdated: (uri) => bus.publish({ kind: 'resource_updated', uri }),
    },
    close: () => router.close(),
    async handle(request, response, body) {
      // Express hands over a function to call the next handler with; this one is the last.
      const given = typeof body === 'function' ? undefined : body
      await sendServed(response, await router.serve(faceOfNode(request, response, given, reading)))
    },
    fetch: async (request, connection) =>
      responseOfServed(await router.serve(faceOfFetch(request, connection, maxBodyBytes))),
  }
}

interface StoppableRequest {
  readonly request: Request
  readonly stop: AbortController
}

function createModernLeg(options: McpRouterOptions, bus: ServerEventBus): ModernLeg {
  const { createServer, guard, keepAliveMs, responseMode, onerror } = options
  const settings = {
    legacy: 'reject' as const,
    ...(keepAliveMs !== undefined && { keepAliveMs }),
    ...(responseMode !== undefined && { responseMode }),
    ...(onerror !== undefined && { onerror }),
  }
  const make = ({ authInfo }: McpRequestContext): MaybePromise<McpServer | Server> => {
    const { caller } = contextOf({ authInfo })
    return createServer({ era: 'modern', caller, session: undefined })
  }
  const handler = createMcpHandler(make, settings)
  const listening = new Listening({
    sessions: guard.sessions,
    bus,
    mayRead: options.mayRead ?? (() => false),
    maxPerPrincipal: options.maxSubscriptions ?? 32,
    // One handler for each subscription, whose bus is the subscriber's own: the SDK has one bus for all.
    open: (own) => createMcpHandler(make, { ...settings, bus: own, maxSubscriptions: 1 }),
  })
  // Asked for once to tell the eras apart and once to serve it.
  const requests = new WeakMap<Face, StoppableRequest>()
  const requestOf = (face: Face): StoppableRequest => {
    const known = requests.get(face)
    if (known) return known
    const stop = new AbortController()
    const made = { request: face.request(undefined, stop), stop }
    requests.set(face, made)
    return made
  }
  return {
    takes: async (face, body) => options.legacy === 'reject' || !(await isLegacyRequest(requestOf(face).request, body)),
    async serve(face: Face, caller: Caller, body: unknown): Promise<Served> {
      const authInfo = authInfoFor({ caller, session: undefined, body }, face.authInfo)
      const { request, stop } = requestOf(face)
      if (listening.isListen(body)) return servedOf(await listening.serve(request, caller, body, authInfo))
      const parsed = { authInfo, ...(body !== undefined && { parsedBody: body }) }
      const call = { sessions: guard.sessions, caller, body, stop }
      return servedOf(await whileEntitled(call, () => handler.fetch(request, parsed)))
    },
    async close() {
      await Promise.all([handler.close(), listening.close()])
    },
  }
}

function createTransport(options: SdkTransportOptions): SdkTransport {
  return new WebStandardStreamableHTTPServerTransport(options as never) as unknown as SdkTransport
}

/** Handlers of SDK v2 get the request itself, and stop when its client goes away. */
function makeRequest(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  gone: () => AbortSignal,
): Request {
  return new Request(url, { method, headers, signal: gone() })
}
