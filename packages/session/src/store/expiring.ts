/** A map whose entries end by themselves, without a timer for each. */

export class ExpiringMap<Value> {
  readonly #entries = new Map<string, { value: Value; until: number }>()
  readonly #maxEntries: number
  #cursor: Iterator<[string, { value: Value; until: number }]> | undefined
  #oldest: Iterator<string> | undefined

  /** @param maxEntries beyond which the one that came first goes */
  constructor(maxEntries = Infinity) {
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string, now: number): Value | undefined {
    const entry = this.#entries.get(key)
    return entry && now < entry.until ? entry.value : undefined
  }

  set(key: string, value: Value, until: number): void {
    this.#entries.set(key, { value, until })
    if (this.#entries.size > this.#maxEntries) this.#dropOldest()
  }

  /** Keeps what is there for at least as long as that. */
  extend(key: string, until: number): void {
    const entry = this.#entries.get(key)
    if (entry && entry.until < until) entry.until = until
  }

  clear(): void {
    this.#entries.clear()
    this.#cursor = undefined
    this.#oldest = undefined
  }

  /** Looks at the next `limit` entries and removes those that ended. Whether it came to the end of the map. */
  sweep(limit: number, now: number): boolean {
    this.#cursor ??= this.#entries.entries()
    for (let looked = 0; looked < limit; looked += 1) {
      const next = this.#cursor.next()
      if (next.done) {
        this.#cursor = undefined
        return true
      }
      const [key, { until }] = next.value
      if (now >= until) this.#entries.delete(key)
    }
    return false
  }

  /** By an iterator that is kept: one from the beginning would pass all that was deleted there. */
  #dropOldest(): void {
    this.#oldest ??= this.#entries.keys()
    const next = this.#oldest.next()
    if (!next.done) this.#entries.delete(next.value)
    else this.#oldest = undefined
  }
}
