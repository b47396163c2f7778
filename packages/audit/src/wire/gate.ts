/** Requests that meet in the server: each waits, all but its last byte sent, until every other has come as far. */
export class Gate {
  private missing: number
  private open: () => void = () => {}
  private readonly opened: Promise<void>

  /** `expected`: how many requests pass, those that fail before included. */
  constructor(expected: number) {
    this.missing = expected
    this.opened = new Promise((resolve) => (this.open = resolve))
  }

  /** Resolves when all have arrived, and the server has had time to read what they sent. */
  arrive(): Promise<void> {
    if (--this.missing === 0) setTimeout(this.open, READING_MS)
    return this.opened
  }
}

/** A server accepts connections one after another. */
const READING_MS = 25
