/** What an exchange says. For `play`, to go on, and for `judge`, to decide. */
import type { Exchange } from '../finding/finding.ts'
import { headerValue } from './response.ts'
import { eventsIn } from './sse.ts'

/** A JSON-RPC message, as far as it is one. */
export interface RpcMessage {
  readonly id?: unknown
  readonly method?: string
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: { readonly code?: unknown; readonly message?: unknown; readonly data?: unknown }
}

export function statusOf({ response }: Exchange): number | undefined {
  return response?.status
}

/** The first value of a response header. */
export function responseHeader({ response }: Exchange, name: string): string | undefined {
  return response && headerValue(response.headers, name)
}

export function isSuccess(exchange: Exchange): boolean {
  const status = statusOf(exchange)
  return status !== undefined && status >= 200 && status < 300
}

/**
 * The request was refused as a foreign one may be: 400, 401, 403, 404, 405, 410, 421 and the like, or an error of
 * JSON-RPC. What timed out, was limited (429) or broke the server (5xx) is no refusal: it says nothing.
 */
export function isRefused(exchange: Exchange): boolean {
  const status = statusOf(exchange)
  if (status === undefined || status === 429 || status === 408) return false
  if (status >= 400 && status < 500) return true
  return isSuccess(exchange) && replyIn(exchange)?.error !== undefined
}

/** Every JSON-RPC message in the body, whether it came as JSON or as events. */
export function messagesIn({ response }: Exchange): readonly RpcMessage[] {
  const body = response?.body ?? ''
  if (body === '') return []
  const isStream = /^text\/event-stream\b/i.test(headerValue(response?.headers ?? [], 'content-type') ?? '')
  const texts = isStream || /^(?:event|data|id|retry)?:/.test(body) ? eventsIn(body).map(({ data }) => data) : [body]
  return texts.flatMap(parsed)
}

/** The answer to the request of this exchange; undefined where there is none. */
export function replyIn(exchange: Exchange): RpcMessage | undefined {
  const id = requestId(exchange)
  const replies = messagesIn(exchange).filter((message) => 'result' in message || 'error' in message)
  // An error may come without an id, where the server did not read as far as that.
  return replies.find((message) => message.id === id) ?? replies.find(({ id: own, error }) => error && own == null)
}

/** The result of the answer, undefined where it is an error, a tool's own included. */
export function resultIn(exchange: Exchange): unknown {
  const result = isSuccess(exchange) ? replyIn(exchange)?.result : undefined
  return isObject(result) && result['isError'] === true ? undefined : result
}

/** Whether the server did what it was asked for: an answer with a result, not a status alone. */
export function isServed(exchange: Exchange): boolean {
  return resultIn(exchange) !== undefined
}

/** Served, or a page that was shown. */
export function isGranted(exchange: Exchange): boolean {
  return exchange.request.body === undefined ? isSuccess(exchange) : isServed(exchange)
}

export function isEventStream(exchange: Exchange): boolean {
  return isSuccess(exchange) && /^text\/event-stream\b/i.test(responseHeader(exchange, 'content-type') ?? '')
}

/** Whether the response holds a text, its headers left out; in whatever case, since tools change it. */
export function holds({ response }: Exchange, text: string): boolean {
  return response !== undefined && response.body.toLowerCase().includes(text.toLowerCase())
}

export function parsed(text: string): readonly RpcMessage[] {
  try {
    const value = JSON.parse(text) as unknown
    return (Array.isArray(value) ? value : [value]).filter(isObject)
  } catch {
    return []
  }
}

function requestId({ request }: Exchange): unknown {
  return parsed(request.body ?? '')[0]?.id
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
