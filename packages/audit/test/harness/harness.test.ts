/** Every example of every rule, seen by the whole audit: labels are the trace, and all other rules are silent. */
import { audit } from '@sallyport/audit'
import { describe, expect, it } from 'vitest'
import { disagreements } from './compare.ts'
import { listExamples, type Example } from './examples.ts'

describe.each([...byRule(listExamples())])('%s', (_rule, examples) => {
  it('has at least three vulnerable and three safe examples', () => {
    expect(examples.filter(({ kind }) => kind === 'vulnerable').length).toBeGreaterThanOrEqual(3)
    expect(examples.filter(({ kind }) => kind === 'safe').length).toBeGreaterThanOrEqual(3)
  })

  it.each(examples.map((example) => [example.name, example] as const))('%s', async (_name, example) => {
    expect(disagreements(example, await audit(example.root))).toEqual([])
  })
})

function byRule(examples: readonly Example[]): Map<string, Example[]> {
  const rules = new Map<string, Example[]>()
  for (const example of examples) rules.set(example.rule, [...(rules.get(example.rule) ?? []), example])
  return rules
}
