/** One connection to a server, raw, so that nothing is hidden: header bytes, duplicates, half-open streams. */
import { connect as connectTcp, type Socket } from 'node:net'
import type { HeaderField } from '../finding/finding.ts'
import type { Gate } from './gate.ts'
import { whenTimeIsUp } from './patience.ts'
import { type Head, type Limits, ResponseParser } from './response.ts'

/** Where a server listens. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  /** Absent for plain HTTP. */
  readonly tls?: {
    readonly ca?: string
    /** False on loopback, where nobody stands between. */
    readonly verify: boolean
    readonly maxVersion?: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  }
}

/** What is sent, as it is sent. */
export interface RawRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: readonly HeaderField[]
  readonly body?: string
}

/** What came back of one request. */
export interface RawResponse {
  readonly head: Head | undefined
  readonly body: string
  /** Why it is not whole: no connection, no HTTP, too large, too slow. */
  readonly failure: string | undefined
}

export interface Waiting {
  readonly limits: Limits
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Called with the head and each part of the body; true: enough, the rest is not waited for. */
  readonly onPart?: (head: Head, text: string) => boolean
  /** The last byte waits until all who go through it have sent theirs but one. */
  readonly gate?: Gate
}

export class Connection {
  private readonly socket: Socket
  private failure: string | undefined
  private onBytes: (bytes: Buffer) => void = () => {}
  private onEnd: (why: string | undefined) => void = () => {}
  ended = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes) => this.onBytes(bytes))
    socket.on('error', (error: NodeJS.ErrnoException) => (this.failure ??= describe(error)))
    socket.on('close', () => this.finish())
    socket.on('end', () => this.finish())
  }

  /** Connects, or says why it could not. */
  static open(endpoint: Endpoint, timeoutMs: number, signal: AbortSignal): Promise<Connection | { failure: string }> {
    return new Promise((resolve) => {
      const socket = dialled(endpoint)
      if (!('destroy' in socket)) return resolve(socket)
      const callOff = whenTimeIsUp(timeoutMs, () => settle({ failure: 'no connection in time' }))
      const settle = (result: Connection | { failure: string }): void => {
        callOff()
        signal.removeEventListener('abort', abort)
        socket.off('error', refuse)
        if (!(result instanceof Connection)) socket.on('error', () => {}).destroy()
        resolve(result)
      }
      const abort = (): void => settle({ failure: 'interrupted' })
      const refuse = (error: NodeJS.ErrnoException): void => settle({ failure: describe(error) })
      signal.addEventListener('abort', abort, { once: true })
      socket.once('error', refuse)
      socket.once(endpoint.tls ? 'secureConnect' : 'connect', () => settle(new Connection(socket)))
      if (signal.aborted) abort()
    })
  }

  /** Sends one request and reads its response. A connection serves one request at a time. */
  send(request: RawRequest, { limits, timeoutMs, signal, onPart, gate }: Waiting): Promise<RawResponse> {
    const parser = new ResponseParser(request.method, limits)
    let body = ''
    return new Promise((resolve) => {
      const callOff = whenTimeIsUp(timeoutMs, () => settle('no complete answer in time'))
      const settle = (failure: string | undefined): void => {
        callOff()
        signal.removeEventListener('abort', abort)
        this.onBytes = () => {}
        this.onEnd = () => {}
        if (parser.state !== 'ended') this.close()
        resolve({ head: parser.head, body, failure })
      }
      const abort = (): void => settle('interrupted')
      const advance = (): void => {
        const text = parser.take()
        body += text
        if (parser.state === 'failed') return settle(parser.failure)
        const enough = parser.head !== undefined && onPart?.(parser.head, text) === true
        if (parser.state === 'ended' || enough) settle(undefined)
      }
      signal.addEventListener('abort', abort, { once: true })
      this.onBytes = (bytes) => {
        parser.push(bytes)
        advance()
      }
      this.onEnd = (why) => {
        parser.end()
        if (parser.state === 'failed' && why !== undefined) settle(why)
        else advance()
      }
      if (this.ended) this.onEnd(this.failure)
      else this.write(serialise(request), gate)
    })
  }

  private write(bytes: string, gate: Gate | undefined): void {
    if (gate === undefined) {
      this.socket.write(bytes, 'latin1')
      return
    }
    this.socket.write(bytes.slice(0, -1), 'latin1')
    void gate.arrive().then(() => this.socket.write(bytes.slice(-1), 'latin1'))
  }

  /** What is being waited for ends with it. */
  close(): void {
    const wasOpen = !this.ended
    this.ended = true
    this.socket.destroy()
    if (wasOpen) this.onEnd('closed')
  }

  private finish(): void {
    if (this.ended) return
    this.ended = true
    this.onEnd(this.failure)
  }
}

/** What this machine cannot even offer is thrown. */
function dialled(endpoint: Endpoint): Socket | { failure: string } {
  try {
    return dial(endpoint)
  } catch (error) {
    return { failure: describe(error as NodeJS.ErrnoException) }
  }
}

function dial({ host: name, port, tls }: Endpoint): Socket {
  // A name of this machine is never asked for elsewhere: what answers there would be taken for it.
  const host = name.endsWith('.localhost') ? 'localhost' : name
  if (tls === undefined) return connectTcp({ host, port })
  // Loaded when it is needed: it would cost every start of the program, and most targets are plain HTTP.
  return process.getBuiltinModule('node:tls').connect({
    host,
    port,
    ...(/^[\d.]+$|:/.test(name) ? {} : { servername: name }),
    ...(tls.ca !== undefined && { ca: tls.ca }),
    // An old version is offered on purpose, to see whether it is taken.
    ...(tls.maxVersion !== undefined && {
      minVersion: 'TLSv1' as const,
      maxVersion: tls.maxVersion,
      ciphers: 'DEFAULT@SECLEVEL=0',
    }),
    rejectUnauthorized: tls.verify,
  })
}

/**
 * Header values are bytes; a body is UTF-8, carried as bytes too. What a server said may be in the path and the headers:
 * nothing of it ends a line, so that it cannot put a request of its own into ours.
 */
function serialise({ method, path, headers, body }: RawRequest): string {
  const target = path.replace(/[^\x21-\x7e]/gu, (letter) => encodeURIComponent(letter.replace(/\p{Surrogate}/u, ' ')))
  const lines = headers
    .filter(([name]) => isHeaderName(name))
    .map(([name, value]) => `${name}: ${value.replace(/[^\t\x20-\x7e\x80-\xff]/g, ' ')}\r\n`)
  const bytes = body === undefined ? '' : Buffer.from(body, 'utf8').toString('latin1')
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${bytes}`
}

/** A token, as HTTP has it. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~\w-]+$/.test(name)
}

/** A version, or every cipher of it, that was left out of this machine's own OpenSSL or is forbidden to it. */
const NOT_OURS =
  /^ERR_SSL_NO_(?:PROTOCOLS_AVAILABLE|CIPHERS_AVAILABLE|CIPHER_MATCH)$|^ERR_TLS_(?:INVALID_)?PROTOCOL_VERSION/
/** How such a failure begins: it says nothing of the server. */
export const CANNOT_OFFER = 'this machine cannot offer it'

const NOT_TRUSTED = /^(?:UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|CERT_(?:UNTRUSTED|SIGNATURE_FAILURE))/

/** Codes only: messages hold addresses, and a certificate's words are another's. */
function describe({ code }: NodeJS.ErrnoException): string {
  if (NOT_OURS.test(code ?? '')) return `${CANNOT_OFFER} (${code})`
  if (NOT_TRUSTED.test(code ?? ''))
    return `its certificate is signed by nobody who is trusted (${code}); --ca names the authority that signed it`
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'its certificate is for another name'
  if (code === 'EPROTO' || code?.startsWith('ERR_SSL_')) return `it speaks no TLS that we understand (${code})`
  if (code === 'ECONNREFUSED') return 'the connection was refused'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'the connection was reset'
  return `the connection failed (${code ?? 'unknown error'})`
}
