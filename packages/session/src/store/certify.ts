/**
 * Certification of a store: every sentence of the contract as a case that any test runner can run.
 *
 *   for (const { name, run } of certification) test(name, () => run(makeMyStore))
 */
import { capCases } from './certification/caps.ts'
import { endingCases, writingCases } from './certification/ending.ts'
import { openingCases } from './certification/opening.ts'
import { regenerationCases } from './certification/regeneration.ts'
import { timeCases } from './certification/time.ts'
import { housekeepingCases, onceCases, turnCases } from './certification/turns.ts'
import { StoreUser, type Cases, type MakeStore } from './certification/user.ts'

export type { MakeStore, StoreUnderTest } from './certification/user.ts'

export interface CertificationCase {
  readonly name: string
  run(make: MakeStore): Promise<void>
}

const subjects: readonly Cases[] = [
  openingCases,
  timeCases,
  regenerationCases,
  writingCases,
  endingCases,
  capCases,
  onceCases,
  turnCases,
  housekeepingCases,
]

/** All cases, in the order of the contract. */
export const certification: readonly CertificationCase[] = subjects.flatMap(Object.entries).map(([name, body]) => ({
  name,
  async run(make) {
    const under = await make()
    try {
      await body(under, new StoreUser(under.store))
    } finally {
      await under.close()
    }
  },
}))
