import { setTimeout as sleep } from 'node:timers/promises'

/** The credit of one session. Payments are settled elsewhere, and that takes its time. */
export class Wallet {
  private balance = 100

  /** Pays if the credit covers it, and says whether it did. */
  async spend(amount: number): Promise<boolean> {
    if (this.balance < amount) return false
//      ^^^^^^^^^^^^ 1 read before the await
    await settle(amount)
    this.balance -= amount
//  ^^^^^^^^^^^^ 2 written after it, as if no other request had come in between
    return true
  }
}

async function settle(_amount: number): Promise<void> {
  await sleep(100)
}
