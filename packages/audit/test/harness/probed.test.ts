/**
 * Every example is probed by the scenario of its rule: vulnerable fails, safe and fixed pass, but those of `unplayed.ts`,
 * of which the wire shows neither.
 */
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Assessment } from '../../src/finding/finding.ts'
import { probe } from '../../src/probe.ts'
import { rules } from '../../src/rules/index.ts'
import type { RuleEntry } from '../../src/rules/rule.ts'
import { parseProbeConfig } from '../../src/wire/config.ts'
import { fixedEntryOf, listExamples } from './examples.ts'
import { configNow, type Probing, probingOf, strayNames } from './probes.ts'
import { Stage } from './start.ts'
import { unplayed } from './unplayed.ts'

const START_TIMEOUT_MS = 60_000
const examples = listExamples()
const played = rules.filter(({ scenario }) => scenario !== undefined)
const stage = new Stage()

afterAll(() => stage.close())

describe.each(played.map((entry) => [entry.rule.id, entry] as const))('%s', (id, entry) => {
  const own = examples.filter(({ rule }) => rule === id)
  const probed = own.flatMap((example) => {
    const probing = probingOf(example)
    if (probing === undefined) return []
    const { name, entry: server, kind } = example
    const left = unplayed[name]
    if (left !== undefined)
      return [{ name, server, probing: { ...probing, path: left.path ?? probing.path }, expected: 'neither' }]
    const fixed = probing.unprovenFix === undefined ? fixedEntryOf(example) : undefined
    return [
      { name, server, probing, expected: kind === 'safe' ? 'pass' : 'fail' },
      ...(fixed === undefined ? [] : [{ name: `${name}, fixed`, server: fixed, probing, expected: 'pass' }]),
    ]
  })
  const assessments = new Map<string, Assessment | undefined>()

  // Started one after another, then probed together: some wait for time to pass, and no start is to hold them up.
  beforeAll(async () => {
    const started: { readonly name: string; readonly probing: Probing; readonly origin: string }[] = []
    for (const { name, server, probing } of probed)
      started.push({ name, probing, origin: await stage.start(server, START_TIMEOUT_MS, await withPort(probing.env)) })
    await Promise.all(
      started.map(async ({ name, probing, origin }) => {
        assessments.set(name, await probeOne(entry, origin, probing))
      }),
    )
  }, 600_000)

  it('has a probe.yaml that names nothing but examples', () => {
    expect(strayNames(id, own)).toEqual([])
    expect(own.filter((example) => probingOf(example) === undefined).map(({ name }) => name)).toEqual([])
  })

  it.each(probed.map(({ name, expected }) => [name, expected] as const))('%s', (name, expected) => {
    const { outcome, reasons } = assessments.get(name) ?? { outcome: 'not assessed', reasons: [] }
    if (expected === 'neither') return expectUntold(name, outcome)
    expect({ outcome, reasons }).toEqual({ outcome: expected, reasons: [] })
  })
})

it('no fixed twin is left out but those whose limits nobody can wait for', () => {
  const unproven = examples.filter((example) => {
    const probing = probingOf(example)
    return probing?.unprovenFix !== undefined
  })
  expect(unproven.map(({ name }) => name)).toEqual([
    'missing-session-expiry/vulnerable-express-map.ts',
    'missing-session-expiry/vulnerable-express-session.ts',
    'missing-session-expiry/vulnerable-fastify-timeouts.ts',
    'missing-session-expiry/vulnerable-hono-jwt.ts',
    'missing-session-expiry/vulnerable-koa-registry',
  ])
})

it('names no example as unplayed that is not there', () => {
  const known = new Set(examples.map(({ name }) => name))
  expect(Object.keys(unplayed).filter((name) => !known.has(name))).toEqual([])
})

/** A vulnerable one that fails, and a safe one that passes, can be told: it is to be played. */
function expectUntold(name: string, outcome: string): void {
  expect(outcome).not.toBe('not assessed')
  if (unplayed[name]?.why !== 'chance') expect(outcome).not.toBe(name.includes('/safe-') ? 'pass' : 'fail')
}

async function withPort(env: Probing['env']): Promise<Probing['env']> {
  const port = String(await freePort())
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace('$FREE_PORT', port)]))
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** Time enough on a machine that has other things to do. */
const BUDGET = { requests: 2_000, seconds: 600 }

async function probeOne(entry: RuleEntry, origin: string, probing: Probing): Promise<Assessment | undefined> {
  const text = JSON.stringify({ budget: BUDGET, ...configNow(probing) })
  const report = await probe(`${origin}${probing.path}`, { config: parseProbeConfig(text, 'probe.yaml') }, [entry])
  return report.assessments[0]
}
