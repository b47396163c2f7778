/** MCP 2026-07-28 over HTTP: no session, everything in each request. */
import type { Exchange, HeaderField } from '../finding/finding.ts'
import type { Stream } from './stream.ts'
import type { Actor, Outgoing, SendOptions, Wire } from './wire.ts'

export const MODERN_REVISION = '2026-07-28'

export interface ModernChanges extends SendOptions {
  readonly path?: string
  /** Win over the usual ones by name; an empty value is not sent. */
  readonly headers?: readonly HeaderField[]
  /** Beside or instead of the usual fields of `_meta`. */
  readonly meta?: Readonly<Record<string, unknown>>
  readonly id?: number
}

const NAME_OF: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

export class ModernClient {
  private readonly wire: Wire
  private readonly nextId: () => number

  constructor(wire: Wire, nextId: () => number) {
    this.wire = wire
    this.nextId = nextId
  }

  /** One request with the headers and the `_meta` that the revision asks for. */
  ask(
    actor: Actor,
    method: string,
    params: Readonly<Record<string, unknown>> = {},
    changes: ModernChanges = {},
  ): Promise<Exchange> {
    return this.wire.send(actor, this.outgoing(method, params, changes), changes)
  }

  /** A request whose answer stays open, such as `subscriptions/listen`. */
  listen(
    actor: Actor,
    method: string,
    params: Readonly<Record<string, unknown>> = {},
    changes: ModernChanges = {},
  ): Promise<Stream> {
    return this.wire.listen(actor, this.outgoing(method, params, changes))
  }

  private outgoing(method: string, params: Readonly<Record<string, unknown>>, changes: ModernChanges): Outgoing {
    const _meta = { ...ownMeta, ...(params['_meta'] as object | undefined), ...changes.meta }
    const body = { jsonrpc: '2.0', id: changes.id ?? this.nextId(), method, params: { ...params, _meta } }
    const name = params[NAME_OF[method] ?? '']
    const own: HeaderField[] = [
      ['accept', 'application/json, text/event-stream'],
      ['mcp-protocol-version', MODERN_REVISION],
      ['mcp-method', method],
      ...(typeof name === 'string' ? ([['mcp-name', headerText(name)]] as const) : []),
    ]
    const given = new Set((changes.headers ?? []).map(([field]) => field.toLowerCase()))
    const headers = [...own.filter(([field]) => !given.has(field)), ...(changes.headers ?? [])]
    return {
      method: 'POST',
      headers: headers.filter(([, value]) => value !== ''),
      body: JSON.stringify(body),
      ...(changes.path !== undefined && { path: changes.path }),
    }
  }
}

const ownMeta = {
  'io.modelcontextprotocol/protocolVersion': MODERN_REVISION,
  'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {}, url: {} } },
  'io.modelcontextprotocol/clientInfo': { name: 'sallyport-probe', version: '1' },
}

/** A header holds visible ASCII; what does not fit is wrapped as the revision says. */
function headerText(text: string): string {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !/^=\?base64\?.*\?=$/.test(text)
    ? text
    : `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`
}
