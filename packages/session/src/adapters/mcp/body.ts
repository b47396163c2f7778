/** What comes of a body, whatever framework it was read by. */
import { rpcError, type Answer } from '../../http/request.ts'

/** The body as JSON, or why it is none. */
export type ReadBody = { readonly body: unknown } | { readonly refuse: Answer }

/** Why a body of this type is not read. */
export function wrongType(contentType: string | undefined): { readonly refuse: Answer } | undefined {
  const type = contentType?.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/json') return undefined
  return { refuse: rpcError(415, -32000, 'Unsupported Media Type: Content-Type must be application/json') }
}

export function parseBody(text: string): ReadBody {
  try {
    return { body: JSON.parse(text) as unknown }
  } catch {
    return { refuse: rpcError(400, -32700, 'Parse error: Invalid JSON') }
  }
}

/** What is left of it is not read, so the connection cannot go on. */
export function tooLarge(maxBytes: number): Answer {
  const message = `Payload Too Large: Request body must not exceed ${maxBytes} bytes`
  return rpcError(413, -32000, message, { connection: 'close' })
}
