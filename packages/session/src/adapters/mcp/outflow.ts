/**
 * What streams out to a client. The SDKs put whatever a server says into a queue without an end, however little of it
 * the client reads; here what waits is counted, for each caller over all its streams, and who does not read is cut off.
 */

export interface UnreadLimits {
  /** Bytes that may wait for one caller. At four times as many, a stream that still has some waiting is cut at once. */
  readonly maxBytes: number
  /** Beyond that, a stream of which nothing was taken for so long is cut. */
  readonly stalledMs: number
}

/** Small enough that a slow client is seen to read. */
const pieceBytes = 64 * 1024
const atOnce = 4

/** What waits for one caller. */
export interface Account {
  bytes: number
  streams: number
}

/** The accounts of all callers that have streams. */
export class Accounts {
  readonly #accounts = new Map<string | symbol, Account>()

  /** How many callers there are. */
  get size(): number {
    return this.#accounts.size
  }

  enter(key: string | symbol): Account {
    const account = this.#accounts.get(key) ?? { bytes: 0, streams: 0 }
    account.streams += 1
    this.#accounts.set(key, account)
    return account
  }

  leave(key: string | symbol, account: Account): void {
    account.streams -= 1
    if (account.streams === 0) this.#accounts.delete(key)
  }
}

export interface OutflowParts {
  readonly limits: UnreadLimits
  readonly account: Account
  /** Called once, when nothing waits any more and nothing comes. */
  readonly onEnd: () => void
  /** Called before it, where it ends because its client did not read. */
  readonly onStalled: () => void
}

/** One stream on its way out. It is read as fast as it comes, and given out as it is asked for. */
export class Outflow {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #parts: OutflowParts
  readonly #waiting: Uint8Array[] = []
  #bytes = 0
  #taken = 0
  #timer: NodeJS.Timeout | undefined
  /** Nothing more comes: the stream is at its end, or broke by this error. */
  #end: { readonly error?: unknown } | undefined
  #over = false
  #wake: (() => void) | undefined
  #cut: (() => void) | undefined

  constructor(body: ReadableStream<Uint8Array>, parts: OutflowParts) {
    this.#reader = body.getReader()
    this.#parts = parts
    void this.#fill()
  }

  /** The next piece; undefined at the end. Ask for one at a time. @throws what the stream broke by */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#waiting.length === 0 && !this.#end) await new Promise<void>((resolve) => (this.#wake = resolve))
    const piece = this.#waiting.shift()
    if (piece) {
      this.#count(-piece.length)
      this.#taken += 1
    }
    if (this.#end && this.#waiting.length === 0) this.#finish()
    if (!piece && this.#end && 'error' in this.#end) throw this.#end.error
    return piece
  }

  /** Calls `cut` when the stream is cut for not being read: who waits for its client would not hear of it. */
  onCut(cut: () => void): void {
    this.#cut = cut
  }

  /** The client is gone. What still comes is dropped by whoever makes it. */
  async cancel(reason?: unknown): Promise<void> {
    this.#drop({})
    await this.#reader.cancel(reason)
  }

  /** For runtimes that take the stream itself. */
  toStream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => this.onCut(() => controller.error(new Error('the stream was not read'))),
        pull: async (controller) => {
          const piece = await this.next()
          if (piece) controller.enqueue(piece)
          else controller.close()
        },
        cancel: (reason) => this.cancel(reason),
      },
      { highWaterMark: 0 },
    )
  }

  async #fill(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read()
        if (this.#over) return
        if (done) break
        if (!this.#add(value)) return
      }
      this.#end ??= {}
    } catch (error) {
      this.#end ??= { error }
    }
    this.#wake?.()
  }

  /** Whether there was room for it. */
  #add(chunk: Uint8Array): boolean {
    const { limits, account } = this.#parts
    if (this.#bytes > 0 && account.bytes >= atOnce * limits.maxBytes) {
      this.#stall()
      return false
    }
    for (let from = 0; from < chunk.length; from += pieceBytes)
      this.#waiting.push(chunk.subarray(from, from + pieceBytes))
    this.#count(chunk.length)
    this.#wake?.()
    if (account.bytes > limits.maxBytes) this.#timer ??= this.#look()
    return true
  }

  /** Looks after a while whether anything was taken meanwhile, for as long as too much waits. */
  #look(): NodeJS.Timeout {
    const { limits, account } = this.#parts
    const taken = this.#taken
    return setTimeout(() => {
      this.#timer = undefined
      if (this.#over || this.#bytes === 0 || account.bytes <= limits.maxBytes) return
      if (this.#taken === taken) this.#stall()
      else this.#timer = this.#look()
    }, limits.stalledMs).unref()
  }

  #stall(): void {
    this.#parts.onStalled()
    this.#drop({ error: new Error('the stream was not read') })
    this.#cut?.()
    this.#reader.cancel().catch(() => undefined)
  }

  #drop(end: { readonly error?: unknown }): void {
    this.#waiting.length = 0
    this.#count(-this.#bytes)
    this.#end = end
    this.#finish()
    this.#wake?.()
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#parts.account.bytes += bytes
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    this.#parts.onEnd()
  }
}
