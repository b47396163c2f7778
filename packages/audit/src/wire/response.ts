/** Bytes from a server → an HTTP/1.1 response, as it comes in. Bounded, and never throws: what is no HTTP is a failure. */
import type { HeaderField } from '../finding/finding.ts'

export interface Limits {
  /** Bytes of status line and headers. */
  readonly headBytes: number
  /** Bytes of a body. What is longer is cut, and the connection closed. */
  readonly bodyBytes: number
}

export interface Head {
  readonly status: number
  /** Names and values as they came, byte by byte as Latin-1, in their order. */
  readonly headers: readonly HeaderField[]
}

/** `ended`: complete. `wants`: more may come. `failed`: no HTTP, or beyond a limit. */
export type ParserState = 'wants' | 'ended' | 'failed'

type BodyKind =
  | { readonly kind: 'none' | 'untilClose' | 'chunked' }
  | { readonly kind: 'length'; readonly length: number }

const END_OF_HEAD = Buffer.from('\r\n\r\n')
const LONGEST_CHUNK_LINE = 1_024

export class ResponseParser {
  state: ParserState = 'wants'
  head: Head | undefined
  /** Why it failed, in a few words. */
  failure = ''
  private readonly limits: Limits
  private readonly method: string
  private pending: Buffer = Buffer.alloc(0)
  private body: BodyKind = { kind: 'none' }
  private readonly decoder = new TextDecoder('utf-8')
  private received = 0
  /** Bytes left of the chunk that is being read; -1 where its size comes next. */
  private chunkLeft = -1
  /** Bytes of the fields after the last chunk; undefined before it. */
  private trailers: number | undefined
  private text = ''

  constructor(method: string, limits: Limits) {
    this.method = method
    this.limits = limits
  }

  /** Text of the body that came since the last call. */
  take(): string {
    const { text } = this
    this.text = ''
    return text
  }

  push(bytes: Buffer): void {
    if (this.state !== 'wants') return
    this.pending = this.pending.length === 0 ? bytes : Buffer.concat([this.pending, bytes])
    while (this.head === undefined && this.state === 'wants') if (!this.readHead()) return
    if (this.state === 'wants') this.readBody()
  }

  /** The connection is closed. */
  end(): void {
    if (this.state !== 'wants') return
    if (this.trailers !== undefined || (this.head !== undefined && this.body.kind === 'untilClose')) this.finish()
    else this.fail(this.head === undefined ? 'the connection was closed before an answer' : 'the answer was cut off')
  }

  /** False where more bytes are needed. */
  private readHead(): boolean {
    const end = this.pending.indexOf(END_OF_HEAD)
    if ((end === -1 ? this.pending.length : end) > this.limits.headBytes) return this.fail('the headers are too large')
    if (end === -1) return this.looksLikeHttp() ? false : this.fail('the answer is no HTTP')
    const head = parseHead(this.pending.subarray(0, end).toString('latin1'))
    if (head === undefined) return this.fail('the answer is no HTTP')
    this.pending = this.pending.subarray(end + END_OF_HEAD.length)
    // Informational responses come before the real one.
    if (head.status >= 100 && head.status < 200 && head.status !== 101) return true
    this.head = head
    this.body = bodyOf(this.method, head)
    if (this.body.kind === 'none' || (this.body.kind === 'length' && this.body.length === 0)) this.finish()
    return true
  }

  private looksLikeHttp(): boolean {
    const start = this.pending.subarray(0, 5).toString('latin1')
    return 'HTTP/'.startsWith(start) || start === 'HTTP/'
  }

  private readBody(): void {
    if (this.body.kind === 'chunked') return this.readChunks()
    const bytes = this.pending
    this.pending = Buffer.alloc(0)
    this.keep(this.body.kind === 'length' ? bytes.subarray(0, this.body.length - this.received) : bytes)
    if (this.body.kind === 'length' && this.received >= this.body.length) this.finish()
  }

  private readChunks(): void {
    while (this.state === 'wants') {
      if (this.chunkLeft > 0) {
        const bytes = this.pending.subarray(0, this.chunkLeft)
        if (bytes.length === 0) return
        this.chunkLeft -= bytes.length
        this.pending = this.pending.subarray(bytes.length)
        this.keep(bytes)
        continue
      }
      const line = this.chunkLine()
      if (line === undefined) return
      if (this.trailers !== undefined) this.endTrailer(line, this.trailers)
      // After a chunk comes an empty line, then the next size.
      else if (this.chunkLeft === 0 && line === '') this.chunkLeft = -1
      else this.beginChunk(line)
    }
  }

  private chunkLine(): string | undefined {
    const end = this.pending.indexOf('\r\n')
    if (end === -1) {
      const most = this.trailers === undefined ? LONGEST_CHUNK_LINE : this.limits.headBytes
      if (this.pending.length > most) this.fail('the chunks of the answer are malformed')
      return undefined
    }
    const line = this.pending.subarray(0, end).toString('latin1')
    this.pending = this.pending.subarray(end + 2)
    return line
  }

  private beginChunk(line: string): void {
    const size = /^[0-9a-f]{1,8}(?=\s*(?:;|$))/i.exec(line)?.[0]
    if (size === undefined) this.fail('the chunks of the answer are malformed')
    else if (Number.parseInt(size, 16) === 0) this.trailers = 0
    else this.chunkLeft = Number.parseInt(size, 16)
  }

  /** Fields after the body are read, so that what comes next on the connection is not taken for them, and are worth nothing. */
  private endTrailer(line: string, before: number): void {
    this.trailers = before + line.length + 2
    if (line === '') this.finish()
    else if (this.trailers > this.limits.headBytes) this.fail('the headers are too large')
  }

  private keep(bytes: Buffer): void {
    const room = this.limits.bodyBytes - this.received
    this.received += bytes.length
    this.text += this.decoder.decode(bytes.subarray(0, Math.max(0, room)), { stream: true })
    if (bytes.length > room) this.fail('the answer is too large')
  }

  private finish(): void {
    this.text += this.decoder.decode()
    this.state = 'ended'
  }

  private fail(why: string): false {
    this.state = 'failed'
    this.failure = why
    this.pending = Buffer.alloc(0)
    return false
  }
}

function parseHead(text: string): Head | undefined {
  const [first = '', ...lines] = text.split('\r\n')
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1]
  if (status === undefined) return undefined
  return { status: Number(status), headers: lines.flatMap(headerOf) }
}

/** What has no colon is no header; browsers and proxies disagree on such lines, so they are not guessed at. */
function headerOf(line: string): readonly HeaderField[] {
  const colon = line.indexOf(':')
  return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()]]
}

function bodyOf(method: string, { status, headers }: Head): BodyKind {
  if (method === 'HEAD' || status === 204 || status === 304) return { kind: 'none' }
  if (/\bchunked\b/i.test(headerValue(headers, 'transfer-encoding') ?? '')) return { kind: 'chunked' }
  const length = headerValue(headers, 'content-length')
  if (length === undefined || !/^\d{1,15}$/.test(length)) return { kind: 'untilClose' }
  return { kind: 'length', length: Number(length) }
}

/** The first value of a header, whatever the case of its name. */
export function headerValue(headers: readonly HeaderField[], name: string): string | undefined {
  return headers.find(([own]) => own.toLowerCase() === name.toLowerCase())?.[1]
}

/** Every value of a header that may come several times. */
export function headerValues(headers: readonly HeaderField[], name: string): readonly string[] {
  return headers.flatMap(([own, value]) => (own.toLowerCase() === name.toLowerCase() ? [value] : []))
}
