/** The picture and the rules speak of the same facts: over all examples, neither says what the other denies. */
import { expect, test } from 'vitest'
import { audit } from '../../src/audit.ts'
import type { Outcome, Presence, Report, Transition } from '../../src/finding/finding.ts'
import { listExamples } from '../harness/examples.ts'

/** Rules, and the transitions that they are about. */
const ABOUT: readonly (readonly [rule: string, names: readonly Transition['name'][]])[] = [
  ['missing-session-expiry', ['expire-idle', 'expire-absolute']],
  ['missing-session-invalidation', ['terminate', 'close']],
  ['session-fixation', ['regenerate']],
  ['unbound-session', ['resume']],
]

function contradictions(report: Report): readonly string[] {
  const has = (names: readonly Transition['name'][], wanted: readonly Presence[]) =>
    report.lifecycles.some(({ transitions }) =>
      transitions.some(({ name, presence }) => names.includes(name) && wanted.includes(presence)),
    )
  const outcome = (rule: string): Outcome | undefined => report.assessments.find((one) => one.rule === rule)?.outcome
  return ABOUT.flatMap(([rule, names]) => {
    if (outcome(rule) === 'pass' && has(names, ['missing']))
      return [`${rule} passes, and the picture lacks ${names.join(' or ')}`]
    if (outcome(rule) === 'fail' && report.lifecycles.length > 0 && !has(names, ['missing', 'partial']))
      return [`${rule} fails, and the picture is whole`]
    return []
  })
}

test('the picture contradicts no rule on any example', async () => {
  const found: Record<string, readonly string[]> = {}
  for (const { name, root } of listExamples()) {
    const said = contradictions(await audit(root))
    if (said.length > 0) found[name] = said
  }
  expect(found).toEqual({})
}, 120_000)
