/** Exchanges in SARIF's words. */
import type { WebRequest, WebResponse } from 'sarif'
import type { Exchange, HeaderField } from '../../finding/finding.ts'

const PROTOCOL = { protocol: 'HTTP', version: '1.1' } as const

export function webRequest({ request }: Exchange): WebRequest {
  const { method, url, headers, body } = request
  return {
    ...PROTOCOL,
    method,
    target: url,
    headers: headersOf(headers),
    ...(body !== undefined && { body: { text: body } }),
  }
}

export function webResponse({ response, failure }: Exchange): WebResponse {
  if (response === undefined)
    return { noResponseReceived: true, ...(failure !== undefined && { reasonPhrase: failure }) }
  return {
    ...PROTOCOL,
    statusCode: response.status,
    headers: headersOf(response.headers),
    body: { text: response.body },
  }
}

/** An object of names to values; what came twice stands there once, joined as HTTP joins it. */
function headersOf(fields: readonly HeaderField[]): Record<string, string> {
  const names = [...new Set(fields.map(([name]) => name.toLowerCase()))]
  const valueOf = (wanted: string) =>
    fields.flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value] : [])).join(', ')
  return Object.fromEntries(names.map((name) => [name, valueOf(name)]))
}
