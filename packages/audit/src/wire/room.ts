/** Whether a server keeps so many sessions that scenarios can be played side by side without one of them ending another's. */
import { BudgetSpent } from './budget.ts'
import type { Session } from './legacy.ts'
import { isServed } from './reading.ts'
import type { Stage } from './stage.ts'

/** What is not answered in so long, or in a few times what answers took so far, is not served. */
const ANSWER_MS = 1_500

/** How much is played at once, where there is room. */
export const MOST_AT_ONCE = 8

export interface Room {
  /** How much may be played at once. */
  readonly most: number
  /** One of the sessions that were opened to find it out, which is still open. */
  readonly left?: Session | undefined
}

/** As much as Alice can have sessions, all of them served when the last one is open; else one thing. */
export async function roomOn(stage: Stage): Promise<Room> {
  const { survey, actors } = stage
  if (survey.eras.length === 0) return { most: 1 }
  if (!survey.sessions) return { most: MOST_AT_ONCE }
  try {
    const opened = await Promise.all(Array.from({ length: MOST_AT_ONCE }, () => stage.open(actors.alice)))
    const sessions = opened.map(({ session }) => session)
    const served = await Promise.all(sessions.map((session) => isAlive(stage, session)))
    if (!served.every(Boolean)) return { most: 1 }
    const [left, ...others] = sessions
    await Promise.all(others.map((session) => session && stage.close(session)))
    return { most: MOST_AT_ONCE, left }
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    return { most: 1 }
  }
}

/**
 * A session of Alice's that nobody uses from now on, `left` if it is still there; says later whether it is. Of all that
 * are opened meanwhile, a server that has no room for one more would have ended it first.
 */
export async function witnessOn(stage: Stage, left: Session | undefined): Promise<() => Promise<boolean>> {
  const { survey, actors } = stage
  if (!survey.sessions) return () => Promise.resolve(true)
  try {
    const session = (await isAlive(stage, left)) ? left : (await stage.open(actors.alice)).session
    return () => isAlive(stage, session, { closing: true })
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    return () => Promise.resolve(true)
  }
}

async function isAlive(stage: Stage, session: Session | undefined, options: { closing?: true } = {}): Promise<boolean> {
  if (session === undefined) return false
  const timeoutMs = stage.wire.patienceOf(ANSWER_MS)
  return isServed(await stage.request(stage.actors.alice, session, stage.survey.method, {}, { timeoutMs, ...options }))
}
