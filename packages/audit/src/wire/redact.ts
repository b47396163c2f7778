/** Short digests in place of secrets, before anything that was recorded is judged, shown or kept. */
import { createHmac } from 'node:crypto'
import type { Exchange, HeaderField } from '../finding/finding.ts'

/** What a secret is: `session`, `cookie`, `alice-authorization`, … Lower case and hyphens. */
export type SecretKind = string

/** Shorter ones would be found by chance in the middle of words: they are replaced where they stand alone. */
const LONG_ENOUGH = 12
const SHORTEST = 3
const ALWAYS_SECRET = /^(?:authorization|proxy-authorization|cookie|set-cookie|mcp-session-id|x-api-key)$/i

export class Redactor {
  private readonly key: Buffer
  /** By each way to write it. */
  private readonly secrets = new Map<string, Secret>()
  private pattern: RegExp | undefined

  /** `key`: random bytes of this run, so that nobody tries guesses against the digests of a report. */
  constructor(key: Buffer) {
    this.key = key
  }

  /** From now on a digest stands for `value` wherever it occurs. The first kind that is given for a value is kept. */
  keep(kind: SecretKind, value: string): void {
    if (value.length < SHORTEST || this.secrets.has(value)) return
    for (const form of formsOf(value)) if (!this.secrets.has(form)) this.secrets.set(form, { kind, value })
    this.pattern = undefined
  }

  /** A copy of plain data, every text in it redacted. */
  redacted<T>(value: T): T
  redacted(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (Array.isArray(value)) return value.map((item: unknown) => this.redacted(item))
    if (typeof value !== 'object' || value === null) return value
    if (isExchange(value)) return this.exchange(value)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.redacted(item)]))
  }

  private exchange(exchange: Exchange): Exchange {
    const { actor, request, response, failure } = exchange
    return {
      actor,
      request: {
        method: request.method,
        url: this.text(request.url),
        headers: request.headers.map((field) => this.header(field, actor)),
        ...(request.body !== undefined && { body: this.text(request.body) }),
      },
      ...(response && {
        response: {
          status: response.status,
          headers: response.headers.map((field) => this.header(field, actor)),
          body: this.text(response.body),
        },
      }),
      ...(failure !== undefined && { failure }),
    }
  }

  /** A header that always holds a secret shows none, whether or not it was announced. */
  private header([name, value]: HeaderField, actor: string): HeaderField {
    const shown = this.text(value)
    if (!ALWAYS_SECRET.test(name) || shown !== value || value === '') return [name, shown]
    if (/^set-cookie$/i.test(name)) return [name, this.cookie(value)]
    return [name, this.digest(`${actor}-${name.toLowerCase()}`, value)]
  }

  /** Name and attributes of a cookie are no secret, and rules ask about them. */
  private cookie(text: string): string {
    const [pair = '', ...attributes] = text.split(';')
    const equals = pair.indexOf('=')
    const value = pair.slice(equals + 1)
    const shown = value === '' ? '' : this.digest('cookie', value)
    return [`${pair.slice(0, equals)}=${shown}`, ...attributes].join(';')
  }

  private text(text: string): string {
    if (this.secrets.size === 0) return text
    this.pattern ??= patternOf([...this.secrets.keys()])
    return text.replace(this.pattern, (form) => {
      const { kind, value } = this.secrets.get(form) ?? { kind: 'secret', value: form }
      return this.digest(kind, value)
    })
  }

  private digest(kind: SecretKind, secret: string): string {
    return `{{${kind}:${createHmac('sha256', this.key).update(secret).digest('hex').slice(0, 8)}}}`
  }
}

interface Secret {
  readonly kind: SecretKind
  /** As it was given: the digest is of it, however it is written. */
  readonly value: string
}

/** How a secret is written: as it is, in an address, in a form, and in JSON, also in JSON that is a text of JSON. */
function formsOf(value: string): ReadonlySet<string> {
  const inJson = JSON.stringify(value).slice(1, -1)
  return new Set([
    value,
    encodeURIComponent(value.replace(/\p{Surrogate}/gu, '\ufffd')),
    new URLSearchParams([['', value]]).toString().slice(1),
    inJson,
    JSON.stringify(inJson).slice(1, -1),
  ])
}

/** Longest first, so that no secret hides a part of another. */
function patternOf(secrets: readonly string[]): RegExp {
  const parts = secrets
    .toSorted((a, b) => b.length - a.length)
    .map((secret) => (secret.length >= LONG_ENOUGH ? escaped(secret) : `(?<![\\w-])${escaped(secret)}(?![\\w-])`))
  return new RegExp(parts.join('|'), 'g')
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

function isExchange(value: object): value is Exchange {
  return 'actor' in value && 'request' in value && typeof value.request === 'object'
}
