import { setTimeout as sleep } from 'node:timers/promises'

/** The credit of one session. Payments are settled elsewhere, and that takes its time. */
export class Wallet {
  private balance = 100
  private queue: Promise<unknown> = Promise.resolve()

  /** Pays if the credit covers it, and says whether it did. */
  spend(amount: number): Promise<boolean> {
    const paid = this.queue.then(() => this.pay(amount))
    this.queue = paid.catch(() => false)
    return paid
  }

  private async pay(amount: number): Promise<boolean> {
    if (this.balance < amount) return false
    await settle(amount)
    this.balance -= amount
    return true
  }
}

async function settle(_amount: number): Promise<void> {
  await sleep(100)
}
