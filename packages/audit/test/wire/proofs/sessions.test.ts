/** Each scenario finds its weakness, and nothing in a server that has none. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Report } from '../../../src/finding/finding.ts'
import { probe } from '../../../src/probe.ts'
import { rules } from '../../../src/rules/index.ts'
import { canary, configWith } from '../principals.ts'
import { type Options, startSessions } from './sessions.ts'

const race = { tool: 'coupon_take', limit: 1 }

async function probed(rule: string, options: Options, more: object = { canary, race }): Promise<Report> {
  const target = await startSessions(options)
  try {
    return await probe(
      target.url,
      { config: configWith({ ...more }) },
      rules.filter((entry) => entry.rule.id === rule),
    )
  } finally {
    await target.close()
  }
}

async function outcome(rule: string, options: Options, more?: object) {
  const { assessments, findings } = await probed(rule, options, more)
  return {
    outcome: assessments[0]?.outcome,
    said: findings.map(({ what }) => what).join('\n'),
    reasons: assessments[0]?.reasons,
  }
}

function failing(words: string) {
  return { outcome: 'fail', said: expect.stringContaining(words) }
}

describe('predictable-session-id', () => {
  let count = 0
  it.each([
    ['Math.random', () => `s${Math.random().toString(36).slice(2)}`, 'Math.random'],
    [
      'a UUID made of it',
      () => 'xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx'.replace(/x/g, () => ((Math.random() * 16) | 0).toString(16)),
      'in the shape of a UUID',
    ],
    ['a clock', () => `session-${Date.now()}`, 'a millisecond clock'],
    ['a counter', () => `sess_${++count}`, 'a counter'],
  ])('%s is announced', async (_name, generator, words) => {
    expect(await outcome('predictable-session-id', { generator })).toMatchObject(failing(words))
  })

  it('few bits are counted', async () => {
    const generator = () => randomBytes(4).toString('hex')
    expect(await outcome('predictable-session-id', { generator })).toMatchObject(failing('at most'))
  })

  it('passes where IDs are random', async () => {
    expect(await outcome('predictable-session-id', {})).toMatchObject({ outcome: 'pass' })
  })

  it('shows no ID', async () => {
    const issued: string[] = []
    const generator = () => {
      issued.push(`s${Math.random().toString(36).slice(2)}`)
      return issued.at(-1)!
    }
    const text = JSON.stringify(await probed('predictable-session-id', { generator }))
    expect(issued.filter((id) => text.includes(id))).toEqual([])
  })
})

describe('shared-session-state', () => {
  it.each<[string, Options, string]>([
    ['answers that find their way by JSON-RPC id', { answersById: true }, 'is answered to'],
    ['the same, where nothing says what was asked', { answersById: true, silent: true }, 'is answered to'],
    ['one transport for all', { lastTransport: true }, 'no longer answered'],
    ['a fallback to the newest session', { fallback: true }, 'names no session'],
    ['one note for all', { oneNote: true }, 'what Alice wrote'],
    ['one event stream for all', { oneStream: true }, "Alice's ends"],
    ['a coupon that is checked and then taken', { checkThenTake: true }, 'requests came at once'],
  ])('fails with %s', async (_name, options, words) => {
    expect(await outcome('shared-session-state', options)).toMatchObject(failing(words))
  })

  it.each<[string, Options]>([
    ['says what it does not have', {}],
    ['does not', { silent: true }],
  ])('passes a sound server that %s', async (_name, options) => {
    expect(await outcome('shared-session-state', options)).toMatchObject({ outcome: 'pass' })
  })
})

describe('event-replay-across-sessions', () => {
  it('fails where all sessions find all events', async () => {
    expect(await outcome('event-replay-across-sessions', { events: 'shared' })).toMatchObject(failing('names an event'))
  })
  it('passes where each finds its own', async () => {
    expect(await outcome('event-replay-across-sessions', { events: 'own' })).toMatchObject({ outcome: 'pass' })
  })
  it('does not apply without events', async () => {
    expect(await outcome('event-replay-across-sessions', {})).toMatchObject({ outcome: 'notApplicable' })
  })
})

describe('session-token-exposure', () => {
  it.each<[string, Options, string]>([
    ['a page', { listing: '/health' }, 'The page /health'],
    ['an error', { tellingErrors: true }, 'The error for'],
  ])('fails where %s shows sessions', async (_name, options, words) => {
    expect(await outcome('session-token-exposure', options)).toMatchObject(failing(words))
  })
  it('passes where nothing does', async () => {
    expect(await outcome('session-token-exposure', {})).toMatchObject({ outcome: 'pass' })
  })
})
