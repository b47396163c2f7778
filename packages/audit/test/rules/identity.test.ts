import { requirements } from '@sallyport/requirements'
import { expect, test } from 'vitest'
import { rules } from '../../src/rules/index.ts'

/** Severity and impact as published; a change here changes every score. */
const published: Record<string, [severity: string, impact: number]> = {
  'session-fixation': ['critical', 25],
  'plaintext-transport': ['critical', 22],
  'missing-session-expiry': ['high', 15],
  'predictable-session-id': ['high', 12],
  'shared-session-state': ['high', 10],
  'missing-session-invalidation': ['medium', 6],
  'client-supplied-session-id': ['critical', 25],
  'unbound-session': ['critical', 20],
  'session-as-authentication': ['critical', 20],
  'missing-origin-check': ['high', 8],
  'session-token-in-url': ['high', 8],
  'timing-unsafe-comparison': ['medium', 4],
  'weak-session-secret': ['high', 12],
  'insecure-session-cookie': ['medium', 6],
  'vulnerable-session-dependency': ['high', 10],
  'event-replay-across-sessions': ['high', 10],
  'session-token-exposure': ['medium', 5],
  'unchecked-token-audience': ['high', 10],
  'unsigned-request-state': ['critical', 20],
  'unbound-request-state': ['high', 12],
  'replayable-request-state': ['high', 8],
  'unbound-state-handle': ['critical', 20],
  'header-body-mismatch': ['high', 8],
  'unauthorized-subscription': ['high', 8],
  'stream-outlives-token': ['medium', 5],
}

test('every rule has its published severity and impact', () => {
  expect(Object.fromEntries(rules.map(({ rule }) => [rule.id, [rule.severity, rule.impact]]))).toEqual(published)
})

test.each(rules.map(({ rule }) => [rule.id, rule] as const))('%s says who it is', (_id, rule) => {
  expect(rule.title).toMatch(/^[A-Z].*[^.]$/)
  expect(rule.why).toMatch(/Mallory.*\.$/)
  expect(rule.todo).toMatch(/^[A-Z].*\.$/)
  expect(rule.cwe.length).toBeGreaterThan(0)
  expect(rule.eras.length).toBeGreaterThan(0)
})

test.each(rules.map(({ rule }) => [rule.id, rule] as const))('%s cites clauses that exist, each once', (_id, rule) => {
  expect(rule.requirements.length).toBeGreaterThan(0)
  expect(new Set(rule.requirements).size).toBe(rule.requirements.length)
  expect(rule.requirements.filter((id) => !(id in requirements))).toEqual([])
})
