/** Requests of the fetch standard for the SDKs, and their answers back. */
import { viewOfFetch, type Connection } from '../../http/fetch.ts'
import { parseBody, tooLarge, wrongType, type ReadBody } from './body.ts'
import type { AuthInfo } from './context.ts'
import type { Outflow } from './outflow.ts'
import type { Face, Served } from './router.ts'

/** A request as a runtime other than node:http gives it. */
export function faceOfFetch(
  request: Request,
  connection: Connection,
  maxBodyBytes: number,
  authInfo?: Partial<AuthInfo>,
): Face {
  return {
    view: viewOfFetch(request, connection),
    authInfo,
    readBody: () => readBody(request, maxBodyBytes),
    request: (sessionId, stop) => {
      const headers = new Headers(request.headers)
      if (sessionId === undefined) headers.delete('mcp-session-id')
      else headers.set('mcp-session-id', sessionId)
      return new Request(request.url, { method: request.method, headers, signal: goneFrom(request, stop) })
    },
  }
}

function goneFrom({ signal }: Request, stop: AbortController | undefined): AbortSignal {
  if (!stop) return signal
  signal.addEventListener('abort', () => stop.abort(), { once: true })
  if (signal.aborted) stop.abort()
  return stop.signal
}

export function responseOfServed({ status, headers, body }: Served<Outflow>): Response {
  return new Response(body === null || typeof body === 'string' ? body : body.toStream(), { status, headers })
}

async function readBody(request: Request, maxBytes: number): Promise<ReadBody> {
  const wrong = wrongType(request.headers.get('content-type') ?? undefined)
  if (wrong) return wrong
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of request.body ?? []) {
    bytes += part.length
    if (bytes > maxBytes) return { refuse: tooLarge(maxBytes) }
    parts.push(part)
  }
  return parseBody(Buffer.concat(parts).toString())
}
