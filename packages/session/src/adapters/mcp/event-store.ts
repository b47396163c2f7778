/**
 * What a stream of one session has sent, so that its client can take it up again after `Last-Event-ID`. One store for
 * one session: there is nothing of another in it to replay. It forgets the oldest first, and says so instead of leaving
 * a hole.
 */
import { randomBytes } from '../../random.ts'
import type { Message } from './messages.ts'

export interface EventLimits {
  readonly maxEvents: number
  readonly maxBytes: number
}

interface StoredEvent {
  readonly number: number
  readonly stream: Stream
  readonly text: string
}

interface Stream {
  readonly id: string
  readonly number: number
  /** The last event of it that is no longer here. */
  forgotten: number
  /** How many are. */
  kept: number
}

/** As the SDKs' transports want it. */
export class SessionEventStore {
  readonly #limits: EventLimits
  /** Makes event IDs unlike those of any other session, so that none means anything elsewhere. */
  readonly #prefix = randomBytes(9).toString('base64url')
  readonly #streams = new Map<string, Stream>()
  /** In order; those before `#first` are forgotten. */
  #events: StoredEvent[] = []
  #first = 0
  #bytes = 0
  #lastEvent = 0
  #lastStream = 0

  constructor(limits: EventLimits) {
    this.#limits = limits
  }

  async storeEvent(streamId: string, message: Message): Promise<string> {
    const stream = this.#streamOf(streamId)
    const text = JSON.stringify(message)
    this.#lastEvent += 1
    stream.kept += 1
    this.#events.push({ number: this.#lastEvent, stream, text })
    this.#bytes += text.length
    this.#forgetOldest()
    return `${this.#prefix}.${stream.number}.${this.#lastEvent}`
  }

  /** The stream that may go on after this event; undefined for what is no event of this session, or one too old. */
  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    return this.#placeOf(eventId)?.stream.id
  }

  async replayEventsAfter(
    eventId: string,
    { send }: { send: (eventId: string, message: Message) => Promise<void> },
  ): Promise<string> {
    const place = this.#placeOf(eventId)
    if (!place) throw new Error('no event of this session')
    const missed = this.#events
      .slice(this.#first)
      .filter(({ stream, number }) => stream === place.stream && number > place.number)
    for (const { number, text } of missed) {
      const message = JSON.parse(text) as Message
      // What only begins a stream is not said twice.
      if (message.jsonrpc) await send(`${this.#prefix}.${place.stream.number}.${number}`, message)
    }
    return place.stream.id
  }

  #placeOf(eventId: string): { stream: Stream; number: number } | undefined {
    const [prefix, streamNumber, eventNumber, ...rest] = eventId.split('.')
    if (prefix !== this.#prefix || rest.length > 0 || !/^\d{1,15}$/.test(eventNumber ?? '')) return undefined
    const number = Number(eventNumber)
    for (const stream of this.#streams.values()) {
      if (String(stream.number) !== streamNumber) continue
      return number >= stream.forgotten && number <= this.#lastEvent ? { stream, number } : undefined
    }
    return undefined
  }

  #streamOf(id: string): Stream {
    const known = this.#streams.get(id)
    if (known) return known
    this.#lastStream += 1
    const stream = { id, number: this.#lastStream, forgotten: 0, kept: 0 }
    this.#streams.set(id, stream)
    return stream
  }

  #forgetOldest(): void {
    while (this.#events.length - this.#first > this.#limits.maxEvents || this.#bytes > this.#limits.maxBytes) {
      const oldest = this.#events[this.#first] as StoredEvent
      this.#first += 1
      this.#bytes -= oldest.text.length
      oldest.stream.forgotten = oldest.number
      oldest.stream.kept -= 1
      // Of a stream without events nothing can be taken up.
      if (oldest.stream.kept === 0) this.#streams.delete(oldest.stream.id)
    }
    // Moving the rest costs its length, so half of the array is let go at once.
    if (this.#first * 2 <= this.#events.length) return
    this.#events = this.#events.slice(this.#first)
    this.#first = 0
  }
}
