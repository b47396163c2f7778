/** Every example is a server that starts, answers, and stops. */
import { afterAll, describe, expect, it } from 'vitest'
import { listExamples } from './examples.ts'
import { Stage } from './start.ts'

const START_TIMEOUT_MS = 20_000

const examples = listExamples()
const stage = new Stage()

afterAll(() => stage.close())

describe('every example runs', () => {
  it.each(examples.map(({ name, entry }) => [name, entry] as const))(
    '%s',
    async (_name, entry) => {
      const status = await stage.statusOf(entry, START_TIMEOUT_MS)
      expect(status).toBeGreaterThanOrEqual(200)
      expect(status).toBeLessThan(500)
    },
    START_TIMEOUT_MS + 10_000,
  )
})
