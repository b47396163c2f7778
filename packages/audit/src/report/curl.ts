/** A trace on the wire as commands that repeat it. */
import { type Exchange, type Finding, type HeaderField, isExchange } from '../finding/finding.ts'

/** Set by curl or by the connection itself. */
const LEFT_TO_CURL = new Set(['host', 'connection', 'content-length', 'user-agent'])
const DIGEST = /\{\{([a-z-]+):([0-9a-f]{8})\}\}/g
const LONGEST_BODY = 2_000

/** One curl command for every exchange. Secrets are shell variables, named for what they are: who has them sets them. */
export function reproductionOf({ trace }: Finding): readonly string[] {
  return trace.filter(isExchange).map(({ exchange }) => commandFor(exchange))
}

function commandFor({ request }: Exchange): string {
  const { method, url, headers, body } = request
  const host = headers.filter(([name, value]) => name.toLowerCase() === 'host' && value !== authorityOf(url))
  const sent = [...host, ...headers.filter(([name]) => !LEFT_TO_CURL.has(name.toLowerCase()))]
  return [
    'curl -sN --max-time 5',
    ...(method === 'GET' ? [] : [`-X ${method}`]),
    quoted(url),
    ...sent.map((field) => `-H ${quoted(lineOf(field))}`),
    ...(body === undefined ? [] : [`--data-raw ${quoted(body.slice(0, LONGEST_BODY))}`]),
  ].join(' ')
}

function authorityOf(url: string): string {
  return /^https?:\/\/([^/?#]*)/.exec(url)?.[1] ?? ''
}

function lineOf([name, value]: HeaderField): string {
  return `${name}: ${value}`
}

/** Single quotes keep everything but the variables that stand for secrets. */
function quoted(text: string): string {
  const literal = text.replaceAll("'", `'\\''`)
  const shown = literal.replace(DIGEST, (_, kind: string, digest: string) => `'"$${variableFor(kind, digest)}"'`)
  return `'${shown}'`.replace(/(?<=")''$/, '')
}

function variableFor(kind: string, digest: string): string {
  return `${kind.replaceAll('-', '_').toUpperCase()}_${digest.slice(0, 4).toUpperCase()}`
}
