/** A response that stays open: events as they come, and a record of them. */
import type { Exchange } from '../finding/finding.ts'
import { whenTimeIsUp } from './patience.ts'
import type { Head } from './response.ts'
import { type SseEvent, SseParser } from './sse.ts'

const MOST_EVENTS = 1_000
const MOST_TEXT = 512 * 1024

export class Stream {
  readonly events: SseEvent[] = []
  /** The server ended it, or it was closed. */
  ended = false
  private readonly request: Omit<Exchange, 'response'>
  private readonly parser = new SseParser()
  private readonly shut: () => void
  private head: Head | undefined
  private text = ''
  private failure: string | undefined
  private waiting: (() => void)[] = []

  /** `shut` closes the connection. */
  constructor(request: Omit<Exchange, 'response'>, shut: () => void) {
    this.request = request
    this.shut = shut
  }

  /** A part has come. True: no more is wanted. */
  take(head: Head, text: string): boolean {
    this.head = head
    this.text += text
    this.events.push(...this.parser.push(text))
    this.wake()
    return this.ended || this.events.length > MOST_EVENTS || this.text.length > MOST_TEXT
  }

  /** No more will come. */
  finish(failure: string | undefined): void {
    if (this.ended) return
    this.ended = true
    this.failure = failure
    this.wake()
  }

  /** The first event, past or to come, for which `wanted` holds; undefined where none comes in time or the stream ends. */
  async until(wanted: (event: SseEvent) => boolean, timeoutMs: number): Promise<SseEvent | undefined> {
    let found: SseEvent | undefined
    await this.waitFor(() => (found = this.events.find(wanted)) !== undefined || this.ended, timeoutMs)
    return found
  }

  /** Whether the stream ends within the time. */
  async ends(timeoutMs: number): Promise<boolean> {
    await this.waitFor(() => this.ended, timeoutMs)
    return this.ended
  }

  /** What has been exchanged so far. */
  exchange(): Exchange {
    const { head, text, failure } = this
    return {
      ...this.request,
      ...(head && { response: { status: head.status, headers: head.headers, body: text } }),
      ...(failure !== undefined && { failure }),
    }
  }

  close(): void {
    this.ended = true
    this.shut()
    this.wake()
  }

  private waitFor(done: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        callOff()
        this.waiting = this.waiting.filter((one) => one !== look)
        resolve()
      }
      const look = (): void => {
        if (done()) finish()
      }
      const callOff = whenTimeIsUp(timeoutMs, finish)
      this.waiting.push(look)
      look()
    })
  }

  private wake(): void {
    for (const look of this.waiting) look()
  }
}
