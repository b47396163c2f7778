/** A small server of HTTP+SSE for tests. Its sessions are bound to their owners. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type Running, tokens } from './target.ts'

interface Opened {
  readonly owner: string
  readonly response: ServerResponse
}

export interface StreamOptions {
  /** Streams, and they alone, take a token from the query as well. */
  readonly inQuery?: boolean
  /** Messages are taken from whoever knows where they go. */
  readonly unbound?: boolean
  /** Nobody is asked who he is. */
  readonly anonymous?: boolean
  readonly tools?: readonly object[]
}

export async function startStreams({
  inQuery = false,
  unbound,
  anonymous,
  tools = [],
}: StreamOptions = {}): Promise<Running> {
  const sessions = new Map<string, Opened>()
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(request.method ?? '')
    void (request.method === 'GET' ? openStream(request, response) : takeMessage(request, response))
  })

  async function openStream(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const owner = callerOf(request, inQuery) ?? (anonymous ? 'anybody' : undefined)
    if (owner === undefined) return void response.writeHead(401).end()
    const id = randomUUID()
    sessions.set(id, { owner, response })
    response.on('close', () => sessions.delete(id))
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`event: endpoint\ndata: /messages?session=${id}\n\n`)
  }

  async function takeMessage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const owner = callerOf(request, false) ?? (anonymous ? 'anybody' : undefined)
    if (owner === undefined) return void response.writeHead(401).end()
    const session = sessions.get(addressOf(request).searchParams.get('session') ?? '')
    if (session === undefined || (session.owner !== owner && !unbound)) return void response.writeHead(404).end()
    const { id, method } = JSON.parse(await text(request)) as { readonly id?: number; readonly method: string }
    response.writeHead(202).end()
    if (id === undefined) return
    session.response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, tools) })}\n\n`)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/sse`,
    sessions,
    seen,
    atOnce: () => 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function addressOf({ url = '/' }: IncomingMessage): URL {
  return new URL(url, 'http://127.0.0.1')
}

function callerOf(request: IncomingMessage, inQuery: boolean): string | undefined {
  const inHeader = request.headers.authorization?.replace(/^Bearer /, '')
  const token = inHeader ?? (inQuery ? addressOf(request).searchParams.get('access_token') : undefined)
  return Object.entries(tokens).find(([, own]) => own === token)?.[0]
}

function resultOf(method: string, tools: readonly object[]): object {
  return method === 'initialize'
    ? { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'streams', version: '1' } }
    : { tools }
}
