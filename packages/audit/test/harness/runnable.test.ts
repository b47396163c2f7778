/** Every example is a server that starts, answers, and stops. */
import { describe, expect, it } from 'vitest'
import { listExamples } from './examples.ts'
import { statusOf } from './start.ts'

const START_TIMEOUT_MS = 20_000
const AT_A_TIME = 2

const examples = listExamples()
const turn = turns(AT_A_TIME)

describe('every example runs', () => {
  it.concurrent.each(examples.map(({ name, entry }) => [name, entry] as const))(
    '%s',
    async (_name, entry) => {
      const status = await turn(() => statusOf(entry, START_TIMEOUT_MS))
      expect(status).toBeGreaterThanOrEqual(200)
      expect(status).toBeLessThan(500)
    },
    // The wait for a turn counts too.
    START_TIMEOUT_MS * (1 + examples.length),
  )
})

/** Runs what it is given, so many at a time, in the order in which it was given. */
function turns(atATime: number): <T>(run: () => Promise<T>) => Promise<T> {
  let free = atATime
  const waiting: (() => void)[] = []
  return async (run) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free--
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
