/** Requests of node:http for the SDKs, and their answers back. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isGone, viewOfNode } from '../../http/node.ts'
import { parseBody, tooLarge, wrongType, type ReadBody } from './body.ts'
import type { AuthInfo } from './context.ts'
import type { Outflow } from './outflow.ts'
import type { Face, Served } from './router.ts'

/** A request to which middleware may have added a body that it parsed, and whom it authenticated. */
export type NodeRequest = IncomingMessage & { readonly body?: unknown; readonly auth?: Partial<AuthInfo> }

/** How the SDK gets its request; `gone` is aborted when the client goes away, for SDKs that care. */
export type MakeRequest = (
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  gone: () => AbortSignal,
) => Request

/** @param given a body that the framework parsed, where it does not put it on the request */
export function faceOfNode(
  request: NodeRequest,
  response: ServerResponse,
  given: unknown,
  { maxBodyBytes, makeRequest }: { readonly maxBodyBytes: number; readonly makeRequest: MakeRequest },
): Face {
  const view = viewOfNode(request)
  return {
    view,
    authInfo: request.auth,
    readBody: () => readBody(request, given ?? request.body, maxBodyBytes),
    request: (sessionId, stop) => {
      const headers = plainHeaders(request)
      if (sessionId === undefined) delete headers['mcp-session-id']
      else headers['mcp-session-id'] = sessionId
      return makeRequest(`http://${headers['host'] ?? ''}${view.target}`, view.method, headers, () =>
        goneFrom(response, stop),
      )
    },
  }
}

function goneFrom(response: ServerResponse, gone = new AbortController()): AbortSignal {
  response.once('close', () => gone.abort())
  if (isGone(response)) gone.abort()
  return gone.signal
}

/** Sends an answer as it comes, and gives up its stream when the client does. Never rejects. */
export async function sendServed(response: ServerResponse, { status, headers, body }: Served<Outflow>): Promise<void> {
  const outflow = body === null || typeof body === 'string' ? undefined : body
  const giveUp = (): void => void outflow?.cancel().catch(() => undefined)
  if (isGone(response)) return giveUp()
  response.once('close', giveUp)
  outflow?.onCut(() => response.destroy())
  try {
    response.writeHead(status, headers)
    if (outflow) await pump(outflow, response)
    response.off('close', giveUp)
    response.end(typeof body === 'string' ? body : undefined)
  } catch {
    // What broke off cannot be answered any other way.
    giveUp()
    response.destroy()
  }
}

async function pump(outflow: Outflow, response: ServerResponse): Promise<void> {
  let coming = outflow.next()
  // Where nothing is to be sent yet, the client is told at once that its stream is open; else it goes out together.
  if (!(await isReady(coming))) response.flushHeaders()
  for (let piece = await coming; piece; piece = await coming) {
    if (!response.write(piece) && !isGone(response)) await drained(response)
    coming = outflow.next()
  }
}

function isReady(reading: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const later = setImmediate(() => resolve(false))
    reading.then(() => {
      clearImmediate(later)
      resolve(true)
    }, reject)
  })
}

/** A client that does not read must not fill the memory; one that is gone is not waited for. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go)
      response.off('close', go)
      resolve()
    }
    response.once('drain', go)
    response.once('close', go)
  })
}

async function readBody(request: IncomingMessage, given: unknown, maxBytes: number): Promise<ReadBody> {
  const wrong = wrongType(request.headers['content-type'])
  if (wrong) return wrong
  if (given !== undefined) return { body: given }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return { refuse: tooLarge(maxBytes) }
  const text = await readText(request, maxBytes)
  return text === undefined ? { refuse: tooLarge(maxBytes) } : parseBody(text)
}

/** Undefined where it is too large; then no more of it is read. */
function readText(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    const stop = (settle: () => void): void => {
      request.off('data', take).off('end', finish).off('error', fail).off('close', fail)
      settle()
    }
    const take = (part: Buffer): void => {
      bytes += part.length
      if (bytes > maxBytes) return stop(() => resolve(undefined))
      parts.push(part)
      return undefined
    }
    const finish = (): void => stop(() => resolve(Buffer.concat(parts).toString()))
    const fail = (): void => stop(() => reject(new Error('the body broke off')))
    if (request.readableEnded || request.destroyed) return fail()
    request.on('data', take).once('end', finish).once('error', fail).once('close', fail)
    return undefined
  })
}

function plainHeaders(request: IncomingMessage): Record<string, string> {
  const plain: Record<string, string> = {}
  const { headers } = request
  for (const name in headers) {
    const value = headers[name]
    // Pseudo-headers of HTTP/2 are none that a request may be made with.
    if (value !== undefined && !name.startsWith(':')) plain[name] = typeof value === 'string' ? value : value.join(', ')
  }
  if (plain['host'] === undefined && typeof headers[':authority'] === 'string') plain['host'] = headers[':authority']
  return plain
}
