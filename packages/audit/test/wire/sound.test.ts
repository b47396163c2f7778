/** Servers that are sound in ways of their own: none of them is told that it is weak. */
import { describe, expect, it } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { probe } from '../../src/probe.ts'
import { rules } from '../../src/rules/index.ts'
import { parseProbeConfig } from '../../src/wire/config.ts'
import { canary, configWith } from './principals.ts'
import { type Manners, startTarget, tokens, type Weaknesses } from './target.ts'

/** All but the one that is about how IDs are made, which takes a while and knows no manners. */
const played = rules.filter(({ rule }) => rule.id !== 'predictable-session-id')

async function probed(manners: Manners, weak: Weaknesses = {}, config = configWith({ canary })): Promise<Report> {
  const target = await startTarget(weak, manners)
  try {
    return await probe(target.url, { config }, played)
  } finally {
    await target.close()
  }
}

const said = ({ findings }: Report) => findings.map(({ rule, what }) => `${rule}: ${what}`)
const outcomeOf = ({ assessments }: Report, id: string) => assessments.find(({ rule }) => rule === id)?.outcome

describe.concurrent('a server is not weak that', { timeout: 60_000 }, () => {
  it.each<[string, Manners]>([
    ['answers 400 where others answer 404', { unknown: 400 }],
    ['answers 403 where others answer 404', { unknown: 403 }],
    ['answers every DELETE alike', { quietDelete: true }],
    ['sends signs of life as events, also when the session is over', { pings: true }],
    ['keeps notes for a user, not for a session', { notesOfUser: true }],
    ['takes its time for an answer', { slowMs: 50 }],
    ['opens no event streams', { noStream: true }],
  ])('%s', async (_name, manners) => {
    const report = await probed(manners)
    expect(said(report)).toEqual([])
    for (const rule of ['unbound-session', 'session-as-authentication', 'missing-session-invalidation'])
      expect([rule, outcomeOf(report, rule)]).toEqual([rule, 'pass'])
  })

  it.each<[string, Manners]>([
    ['serves so many requests and no more', { limit: 40 }],
    ['meets a fault with every second request', { faulty: true }],
    ['gives a user one session', { oneEach: true }],
    ['does not let a client end its session', { noDelete: true }],
    ['ends a session after so many requests', { uses: 7 }],
  ])('%s', async (_name, manners) => {
    expect(said(await probed(manners))).toEqual([])
  })

  it('has one user with several sessions', async () => {
    const principals = { alice: { headers: { authorization: `Bearer ${tokens.alice}` } } }
    const config = parseProbeConfig(JSON.stringify({ principals, canary }), 'probe.yaml')
    const report = await probed({ notesOfUser: true }, {}, config)
    expect(said(report)).toEqual([])
    expect(outcomeOf(report, 'unbound-session')).toBe('open')
  })

  it('gives its one user one session', async () => {
    const principals = { alice: { headers: { authorization: `Bearer ${tokens.alice}` } } }
    const config = parseProbeConfig(JSON.stringify({ principals, canary }), 'probe.yaml')
    expect(said(await probed({ oneEach: true }, {}, config))).toEqual([])
  })

  it('keeps no sessions', async () => {
    expect(said(await probed({}, { stateless: true }))).toEqual([])
  })
})

describe.concurrent('the same manners hide no weakness', { timeout: 60_000 }, () => {
  it.each<[string, Manners, Weaknesses, string]>([
    [
      'DELETE of others, though it answers all alike',
      { quietDelete: true },
      { unbound: ['DELETE'] },
      'unbound-session',
    ],
    ['sessions of others, though it answers 400', { unknown: 400 }, { unbound: ['POST'] }, 'unbound-session'],
    ['one session for all, which whoever comes takes over', { most: 1 }, {}, 'shared-session-state'],
    [
      'sessions that do not end, though it answers all alike',
      { quietDelete: true },
      { keepsDeleted: true },
      'missing-session-invalidation',
    ],
  ])('%s', async (_name, manners, weak, rule) => {
    expect(outcomeOf(await probed(manners, weak), rule)).toBe('fail')
  })
})
