/** Whether a server keeps so many sessions that scenarios can be played side by side without one of them ending another's. */
import { BudgetSpent } from './budget.ts'
import type { Session } from './legacy.ts'
import { isServed } from './reading.ts'
import type { Stage } from './stage.ts'

/** How much is played at once, where there is room. */
export const MOST_AT_ONCE = 8

/** How much may be played at once: as much as Alice can have sessions, all of them served when the last one is open; else one thing. */
export async function roomOn(stage: Stage): Promise<number> {
  const { survey, actors } = stage
  if (survey.eras.length === 0) return 1
  if (!survey.sessions) return MOST_AT_ONCE
  try {
    const opened = await Promise.all(Array.from({ length: MOST_AT_ONCE }, () => stage.open(actors.alice)))
    const served = await Promise.all(opened.map(({ session }) => isAlive(stage, session)))
    return served.every(Boolean) ? MOST_AT_ONCE : 1
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    return 1
  }
}

/**
 * Opens a session of Alice's that nobody uses, and says later whether it is still there. Of all that were opened since,
 * a server that has no room for one more would have ended it first.
 */
export async function witnessOn(stage: Stage): Promise<() => Promise<boolean>> {
  const { survey, actors } = stage
  if (!survey.sessions) return () => Promise.resolve(true)
  try {
    const { session } = await stage.open(actors.alice)
    return () => isAlive(stage, session, { closing: true })
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    return () => Promise.resolve(true)
  }
}

async function isAlive(stage: Stage, session: Session | undefined, options: { closing?: true } = {}): Promise<boolean> {
  if (session === undefined) return false
  return isServed(await stage.request(stage.actors.alice, session, stage.survey.method, {}, options))
}
