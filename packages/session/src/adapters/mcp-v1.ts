/**
 * A safe router around the Streamable HTTP transport of `@modelcontextprotocol/sdk` 1.x: one call gives an endpoint on
 * which callers are authenticated before `initialize`, sessions belong to whoever opened them on POST, GET and DELETE
 * alike, and end for good.
 */
import type { ServerResponse } from 'node:http'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { isInitializeRequest, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js'
import type { Connection } from '../http/fetch.ts'
import { faceOfFetch, responseOfServed } from './mcp/fetch.ts'
import type { SdkServer, SdkTransport, SdkTransportOptions } from './mcp/session-server.ts'
import { faceOfNode, sendServed, type NodeRequest } from './mcp/node.ts'
import { plainRequest } from './mcp/plain-request.ts'
import { defaultMaxBodyBytes, SessionRouter, type ServerContext, type SessionRouterOptions } from './mcp/router.ts'

export { callerOf, sessionOf } from './mcp/context.ts'
export type { ServerContext } from './mcp/router.ts'

export interface McpRouterOptions extends SessionRouterOptions {
  /** Makes the server of one session. Each gets its own: what two share, they share with each other. */
  readonly createServer: (context: ServerContext) => McpServer | Server | Promise<McpServer | Server>
}

export interface McpRouter {
  /**
   * Serves a request of node:http, and of whatever stands on it: `app.all('/mcp', mcp.handle)` in Express,
   * `mcp.handle(request.raw, reply.raw, request.body)` in Fastify after `reply.hijack()`. A parsed body is taken from
   * the third argument or from `request.body`. Never rejects.
   */
  readonly handle: (request: NodeRequest, response: ServerResponse, body?: unknown) => Promise<void>
  /** Serves a request of the fetch standard, as Hono and other runtimes have it, which has to say how it was reached. */
  readonly fetch: (request: Request, connection: Connection) => Promise<Response>
  /** How many sessions have a server in this process. */
  readonly size: number
  /** Ends all of them, cuts their streams, and takes no more requests. */
  close(): Promise<void>
}

/** Makes the router. @throws MisuseError where the guard carries handles in cookies */
export function createMcpRouter({ createServer, ...options }: McpRouterOptions): McpRouter {
  const router = new SessionRouter(
    {
      createTransport: (transport) => createTransport(transport),
      createServer: (context) => createServer(context) as unknown as SdkServer | Promise<SdkServer>,
      isInitialize: isInitializeRequest,
      protocolVersions: SUPPORTED_PROTOCOL_VERSIONS,
    },
    options,
  )
  const { maxBodyBytes = defaultMaxBodyBytes } = options
  const reading = { maxBodyBytes, makeRequest: plainRequest }
  return {
    get size() {
      return router.size
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

function createTransport(options: SdkTransportOptions): SdkTransport {
  return new WebStandardStreamableHTTPServerTransport(options as never) as unknown as SdkTransport
}
