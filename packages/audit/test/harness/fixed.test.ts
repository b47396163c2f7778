/** Every fix of every rule: the vulnerable example becomes its `.fixed` twin, and that one is as silent as the safe one. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { audit } from '../../src/audit.ts'
import { rules } from '../../src/rules/index.ts'
import { fixedFiles, fixedRootOf, listExamples, rulesFolder } from './examples.ts'
import { mendExample } from './fixed.ts'

const examples = listExamples()
const fixable = examples.flatMap((example) => {
  const fixed = fixedFiles(example)
  return fixed ? [{ example, fixed }] : []
})
const cases = fixable.map((each) => [each.example.name, each] as const)

describe('the fix of', () => {
  it.each(cases)('%s makes its fixed twin of it', async (_name, { example, fixed }) => {
    const { mended, files } = await mendExample(example)
    expect(mended.rolledBack).toEqual([])
    expect(Object.fromEntries(files)).toEqual(Object.fromEntries(fixed))
  })

  it.each(cases)('%s leaves nothing to find, and so nothing to fix', async (_name, { example }) => {
    const { findings, assessments } = await audit(fixedRootOf(example))
    expect(findings).toEqual([])
    expect(assessments.find(({ rule }) => rule === example.rule)?.outcome).toMatch(/^(?:pass|notApplicable)$/)
  })
})

describe('every rule that has a fix', () => {
  it.each(rules.filter(({ fix }) => fix).map(({ rule }) => [rule.id]))('%s shows it', (id) => {
    expect(fixable.filter(({ example }) => example.rule === id).length).toBeGreaterThan(0)
  })

  it('and no other has fixed examples', () => {
    const withFix = new Set(rules.flatMap(({ rule, fix }) => (fix ? [rule.id] : [])))
    expect(fixable.filter(({ example }) => !withFix.has(example.rule))).toEqual([])
  })

  it('has no fixed example without the vulnerable one', () => {
    const roots = new Set(examples.map(fixedRootOf))
    const present = [...new Set(examples.map(({ rule }) => rule))].flatMap((rule) =>
      readdirSync(join(rulesFolder, rule, 'examples'))
        .filter((name) => /\.fixed(?:\.|$)/.test(name))
        .map((name) => join(rulesFolder, rule, 'examples', name)),
    )
    expect(present.filter((path) => !roots.has(path))).toEqual([])
  })
})
