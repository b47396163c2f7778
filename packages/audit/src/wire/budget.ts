/** How much a probe may ask of a server. */

export class BudgetSpent extends Error {
  override readonly name = 'BudgetSpent'
}

export interface BudgetOptions {
  readonly requests: number
  readonly seconds: number
}

/** Counts requests and time. Whoever wants to send asks first. */
export class Budget {
  spent = 0
  private readonly options: BudgetOptions
  private readonly now: () => number
  private readonly startedAt: number

  constructor(options: BudgetOptions, now: () => number) {
    this.options = options
    this.now = now
    this.startedAt = now()
  }

  /** Throws BudgetSpent where nothing is left. */
  spend(): void {
    if (this.spent >= this.options.requests)
      throw new BudgetSpent(`The budget of ${this.options.requests} requests is spent.`)
    if (this.secondsLeft() <= 0) throw new BudgetSpent(`The budget of ${this.options.seconds} seconds is spent.`)
    this.spent++
  }

  secondsLeft(): number {
    return this.options.seconds - (this.now() - this.startedAt) / 1000
  }
}
