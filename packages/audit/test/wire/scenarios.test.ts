/** Every weakness of the test target is found by its own scenario, and a server without any by none. */
import { afterEach, describe, expect, it } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { probe } from '../../src/probe.ts'
import { rules } from '../../src/rules/index.ts'
import { canary, configWith } from './principals.ts'
import { startStreams } from './streams.ts'
import { type Running, startTarget, type Weaknesses } from './target.ts'

let target: Running | undefined

afterEach(async () => {
  await target?.close()
  target = undefined
})

const IDLE_MS = 1_000
const ABSOLUTE_MS = 3_000

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
    ['one variable for whoever asks', { currentUser: true }, ['shared-session-state']],
    ['session IDs in the query', { idInQuery: true }, ['session-token-in-url']],
    ['tokens in the query', { tokenInQuery: true }, ['session-token-in-url']],
    ['tokens of any audience', { anyAudience: true }, ['unchecked-token-audience']],
    ['sessions raised from before authentication', { raises: true }, ['session-as-authentication', 'session-fixation']],
    ['a cookie for everybody to read', { cookie: 'sid=$ID; Path=/' }, ['insecure-session-cookie']],
  ])('%s', async (_name, weak, expected) => {
    expect(await failing(weak)).toEqual(expected)
  })
})

describe('sessions', () => {
  it.each<[string, Weaknesses, Record<string, boolean>]>([
    ['without expiry are weak', {}, { idle: false, absolute: false }],
    ['with an idle timeout alone are weak by half', { idleMs: IDLE_MS }, { absolute: true }],
    ['with an absolute timeout alone are weak by half', { absoluteMs: ABSOLUTE_MS }, { idle: true }],
    ['with both are not', { idleMs: IDLE_MS, absoluteMs: ABSOLUTE_MS }, {}],
  ])('%s', async (_name, weak, expected) => {
    target = await startTarget(weak)
    const config = configWith({ timeouts: { idleMs: IDLE_MS, absoluteMs: ABSOLUTE_MS } })
    const { findings, assessments } = await probe(
      target.url,
      { config },
      rules.filter(({ rule }) => rule.id === 'missing-session-expiry'),
    )
    expect(Object.fromEntries(findings.map(({ what, partial }) => [what.split(' ')[1], partial]))).toEqual(expected)
    expect(assessments[0]?.outcome).toBe(findings.length > 0 ? 'fail' : 'pass')
  })

  it('are tried again where the machine stood still meanwhile', async () => {
    target = await startTarget({ idleMs: IDLE_MS, absoluteMs: ABSOLUTE_MS })
    const config = configWith({ timeouts: { idleMs: IDLE_MS, absoluteMs: ABSOLUTE_MS } })
    const { assessments } = await probe(
      target.url,
      { config, now: standingStill(IDLE_MS / 2, ABSOLUTE_MS) },
      rules.filter(({ rule }) => rule.id === 'missing-session-expiry'),
    )
    expect(assessments[0]).toMatchObject({ outcome: 'pass', reasons: [] })
  })
})

it('the end of a credential is not the end of a session', async () => {
  target = await startTarget({}, { credentialsMs: IDLE_MS })
  const config = configWith({ timeouts: { idleMs: IDLE_MS, absoluteMs: ABSOLUTE_MS } })
  const { assessments } = await probe(
    target.url,
    { config },
    rules.filter(({ rule }) => rule.id === 'missing-session-expiry'),
  )
  expect(assessments[0]?.outcome).toBe('open')
})

/** A clock on which everything here stops for `forMs`, once, `afterMs` after it was first looked at. */
function standingStill(afterMs: number, forMs: number): () => number {
  let startedAt: number | undefined
  let stood = false
  return () => {
    const now = performance.now()
    startedAt ??= now
    if (!stood && now - startedAt > afterMs) {
      stood = true
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs)
    }
    return performance.now()
  }
}

describe('a credential in the query of an event stream', () => {
  it.each<[string, boolean, string]>([
    ['is found, though messages want it in a header', true, 'fail'],
    ['is not found where only the header counts', false, 'pass'],
  ])('%s', async (_name, inQuery, expected) => {
    target = await startStreams({ inQuery })
    const { assessments, findings } = await probe(
      target.url,
      { config: configWith({ transport: 'sse' }) },
      rules.filter(({ rule }) => rule.id === 'session-token-in-url'),
    )
    const taken = findings.filter(({ what }) => what.includes('takes a credential'))
    expect({ outcome: taken.length > 0 ? 'fail' : 'pass', open: assessments[0]?.reasons }).toEqual({
      outcome: expected,
      open: [],
    })
  })
})

describe('a hardened server', () => {
  it('fails nothing, and passes what can be tried', async () => {
    const report = await probed({ cookie: 'sid=$ID; Path=/; HttpOnly; Secure; SameSite=Lax' }, { canary })
    expect(report.findings).toEqual([])
    expect(outcomes(report, 'pass')).toEqual(
      expect.arrayContaining([
        'client-supplied-session-id',
        'insecure-session-cookie',
        'missing-origin-check',
        'missing-session-invalidation',
        'predictable-session-id',
        'session-as-authentication',
        'session-fixation',
        'session-token-exposure',
        'session-token-in-url',
        'shared-session-state',
        'unbound-session',
        'unchecked-token-audience',
      ]),
    )
  })

  it('is asked no more than it must be', async () => {
    const before = process.cpuUsage()
    const { subject } = await probed({}, { canary })
    const { user, system } = process.cpuUsage(before)
    expect(subject.kind === 'target' && subject.requests).toBeLessThan(2_000)
    expect((user + system) / 1_000).toBeLessThan(5_000)
  })
})
