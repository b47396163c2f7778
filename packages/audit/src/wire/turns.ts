/** How much of a probe goes on at the same time. */
export class Turns {
  private free: number
  private readonly waiting: (() => void)[] = []

  constructor(most: number) {
    this.free = most
  }

  /** Resolves when it is one's turn; whoever came first has it first. */
  take(): Promise<void> {
    if (this.free > 0) {
      this.free--
      return Promise.resolve()
    }
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  give(): void {
    const next = this.waiting.shift()
    if (next === undefined) this.free++
    else next()
  }

  /** What `task` gives, when it is its turn. */
  async of<T>(task: () => Promise<T>): Promise<T> {
    await this.take()
    try {
      return await task()
    } finally {
      this.give()
    }
  }
}
