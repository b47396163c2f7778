/** Each rule, blinded: exactly its own vulnerable examples notice. A harness that could not fail would prove nothing. */
import { beforeAll, describe, expect, it } from 'vitest'
import { audit } from '../../src/audit.ts'
import { extract } from '../../src/extract/extract.ts'
import type { Report } from '../../src/finding/finding.ts'
import { rules } from '../../src/rules/index.ts'
import { judged, type RuleEntry } from '../../src/rules/rule.ts'
import { readSources } from '../../src/source/read.ts'
import { disagreements } from './compare.ts'
import { listExamples, type Example } from './examples.ts'

/** Reading is done once; only the rules differ. */
const read = listExamples().map((example) => {
  const tree = readSources(example.root)
  return { example, tree, extraction: extract(tree) }
})
type Read = (typeof read)[number]

describe.each(rules.map(({ rule }) => rule.id))('without the detection of %s', (blinded) => {
  let noticing: readonly Example[]
  beforeAll(async () => {
    const reports = await Promise.all(read.map((item) => auditWith(item, blind(blinded))))
    noticing = read
      .filter(({ example }, index) => disagreements(example, reports[index]!).length > 0)
      .map(({ example }) => example)
  }, 300_000)

  it('all of its vulnerable examples fail, and no other example does', () => {
    const own = read.filter(({ example }) => example.rule === blinded && example.kind === 'vulnerable')
    expect(noticing.map(({ name }) => name)).toEqual(own.map(({ example }) => example.name))
  })
})

/** The rules, one of which judges and finds nothing. */
function blind(id: string): readonly RuleEntry[] {
  return rules.map((entry) => (entry.rule.id === id ? { ...entry, detect: () => judged([]) } : entry))
}

function auditWith({ example, tree, extraction }: Read, entries: readonly RuleEntry[]): Promise<Report> {
  return audit(example.root, {}, { read: () => tree, extract: () => extraction, rules: entries })
}
