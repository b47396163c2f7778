/** Every weakness of the test target is found by its own scenario, and a server without any by none. */
import { afterEach, describe, expect, it } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { probe } from '../../src/probe.ts'
import { canary, configWith } from './principals.ts'
import { type Running, startTarget, type Weaknesses } from './target.ts'

let target: Running | undefined

afterEach(async () => {
  await target?.close()
  target = undefined
})

const timeouts = { idleMs: 300, absoluteMs: 900 }
const expiring = { idleMs: 300, absoluteMs: 900 } as const

async function failing(weak: Weaknesses, more: Readonly<Record<string, unknown>> = { canary }): Promise<string[]> {
  return outcomes(await probed(weak, more), 'fail')
}

async function probed(weak: Weaknesses, more: Readonly<Record<string, unknown>>): Promise<Report> {
  target = await startTarget(weak)
  return probe(target.url, { config: configWith(more) })
}

function outcomes({ assessments }: Report, wanted: string): string[] {
  return assessments.filter(({ outcome }) => outcome === wanted).map(({ rule }) => rule)
}

describe('a server with', () => {
  it.each<[string, Weaknesses, string[]]>([
    ['unbound POST', { unbound: ['POST'] }, ['unbound-session']],
    ['GET without a credential', { unauthenticated: ['GET'] }, ['session-as-authentication', 'unbound-session']],
    ['DELETE without a credential', { unauthenticated: ['DELETE'] }, ['session-as-authentication', 'unbound-session']],
    ['an ID adopted on initialize', { adopts: true }, ['client-supplied-session-id']],
    ['unknown IDs that become sessions', { createsUnknown: true }, ['client-supplied-session-id']],
    ['no check of Origin or Host', { anyOrigin: true }, ['missing-origin-check']],
    ['a DELETE that ends nothing', { keepsDeleted: true }, ['missing-session-invalidation']],
    ['session IDs in the query', { idInQuery: true }, ['session-token-in-url']],
    ['tokens in the query', { tokenInQuery: true }, ['session-token-in-url']],
    ['tokens of any audience', { anyAudience: true }, ['unchecked-token-audience']],
    ['sessions raised from before authentication', { raises: true }, ['session-as-authentication', 'session-fixation']],
    ['a cookie for everybody to read', { cookie: 'sid=$ID; Path=/' }, ['insecure-session-cookie']],
  ])('%s', async (_name, weak, expected) => {
    expect(await failing(weak)).toEqual(expected)
  })

  it('no expiry', async () => {
    const report = await probed({}, { timeouts })
    expect(outcomes(report, 'fail')).toEqual(['missing-session-expiry'])
    expect(report.findings.map(({ partial }) => partial)).toEqual([false, false])
  })

  it.each<[string, Weaknesses, string]>([
    ['idle timeout alone', { idleMs: 300 }, 'absolute'],
    ['absolute timeout alone', { absoluteMs: 900 }, 'idle'],
  ])('an %s is weak by half', async (_name, weak, missing) => {
    const { findings } = await probed(weak, { timeouts })
    expect(findings.map(({ what, partial }) => ({ what: what.split(' ')[1], partial }))).toEqual([
      { what: missing, partial: true },
    ])
  })
})

describe('a hardened server', () => {
  it('fails nothing, and passes what can be tried', async () => {
    const report = await probed(
      { ...expiring, cookie: 'sid=$ID; Path=/; HttpOnly; Secure; SameSite=Lax' },
      { canary, timeouts },
    )
    expect(report.findings).toEqual([])
    expect(outcomes(report, 'pass')).toEqual([
      'client-supplied-session-id',
      'insecure-session-cookie',
      'missing-origin-check',
      'missing-session-expiry',
      'missing-session-invalidation',
      'predictable-session-id',
      'session-as-authentication',
      'session-fixation',
      'session-token-exposure',
      'session-token-in-url',
      'shared-session-state',
      'unbound-session',
      'unchecked-token-audience',
    ])
  })

  it('is asked no more than it must be', async () => {
    const before = process.cpuUsage()
    const { subject } = await probed({}, { canary })
    const { user, system } = process.cpuUsage(before)
    expect(subject.kind === 'target' && subject.requests).toBeLessThan(2_000)
    expect((user + system) / 1_000).toBeLessThan(5_000)
  })
})
