/** Scenarios that are played side by side: no verdict is another one for it, however few sessions a server keeps. */
import { afterEach, describe, expect, it } from 'vitest'
import { probe } from '../../src/probe.ts'
import { rules } from '../../src/rules/index.ts'
import { MOST_AT_ONCE } from '../../src/wire/room.ts'
import { Turns } from '../../src/wire/turns.ts'
import { canary, configWith } from './principals.ts'
import { type Manners, type Running, startTarget, type Weaknesses } from './target.ts'

let target: Running | undefined

afterEach(async () => {
  await target?.close()
  target = undefined
})

/** Some of those that are played side by side. */
const PLAYED = ['missing-origin-check', 'missing-session-invalidation', 'session-as-authentication', 'unbound-session']

async function verdicts(weak: Weaknesses, manners: Manners): Promise<Readonly<Record<string, string>>> {
  target = await startTarget(weak, manners)
  const config = configWith({ canary, budget: { seconds: 600 } })
  const { assessments } = await probe(
    target.url,
    { config },
    rules.filter(({ rule }) => PLAYED.includes(rule.id)),
  )
  return Object.fromEntries(assessments.map(({ rule, outcome }) => [rule, outcome]))
}

function all(outcome: string): Readonly<Record<string, string>> {
  return Object.fromEntries(PLAYED.map((rule) => [rule, outcome]))
}

describe.each<[string, Manners]>([
  ['all of its sessions', {}],
  ['one session for each user', { oneEach: true }],
  ['as many sessions as are played at once, and no more', { most: MOST_AT_ONCE }],
  ['a few more than are played at once', { most: MOST_AT_ONCE + 2 }],
])('a server that keeps %s', (_name, manners) => {
  it('passes as any other', async () => {
    expect(await verdicts({}, manners)).toEqual(all('pass'))
    expect(target?.sessions.size).toBe(0)
  })

  it('fails for what is weak in it', async () => {
    const weak = { unbound: ['POST', 'DELETE'], unauthenticated: ['DELETE'], keepsDeleted: true, anyOrigin: true }
    expect(await verdicts(weak, manners)).toMatchObject({
      'missing-origin-check': 'fail',
      'missing-session-invalidation': 'fail',
      'unbound-session': 'fail',
    })
  })
})

it('a server that takes its time is asked several things at once', async () => {
  await verdicts({}, { slowMs: 20 })
  expect(target?.atOnce()).toBeGreaterThanOrEqual(4)
  expect(target?.atOnce()).toBeLessThanOrEqual(4 * MOST_AT_ONCE)
})

describe('turns', () => {
  it('are as many as there are, for whoever came first', async () => {
    const turns = new Turns(2)
    const order: number[] = []
    let [now, most] = [0, 0]
    const task = (number: number) => async (): Promise<number> => {
      order.push(number)
      most = Math.max(most, ++now)
      await Promise.resolve()
      now--
      return number
    }
    const given = await Promise.all([1, 2, 3, 4, 5].map((number) => turns.of(task(number))))
    expect({ given, order, most }).toEqual({ given: [1, 2, 3, 4, 5], order: [1, 2, 3, 4, 5], most: 2 })
  })

  it('are given back by what fails', async () => {
    const turns = new Turns(1)
    await expect(turns.of(() => Promise.reject(new RangeError('no')))).rejects.toThrow(RangeError)
    await expect(turns.of(() => Promise.resolve(1))).resolves.toBe(1)
  })
})
