import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readImportTable, readImports, ruleToRuleArrows, upwardArrows } from './import-table.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const table = readImportTable(readFileSync(`${root}ARCHITECTURE.md`, 'utf8'))
const imports = readImports(root, [
  'packages/requirements/src',
  'packages/audit/src',
  'packages/session/src',
  'packages/cli/src',
])

describe('imports point down', () => {
  test('the table and the graph are there to be compared', () => {
    expect(table.length).toBeGreaterThan(8)
    expect(imports.length).toBeGreaterThan(50)
  })

  test('no import that the table does not allow', () => {
    expect(upwardArrows(table, imports)).toEqual([])
  })

  test('no rule imports another rule', () => {
    expect(ruleToRuleArrows(imports)).toEqual([])
  })
})

describe('the gate sees', () => {
  const audit = 'packages/audit/src'

  test.each([
    [`${audit}/finding/finding.ts`, '../source/tree.ts'],
    [`${audit}/facts/facts.ts`, '../extract/machine.ts'],
    [`${audit}/rules/unbound-session/detect.ts`, '../../extract/machine.ts'],
    [`${audit}/rules/unbound-session/detect.ts`, '../../report/text.ts'],
    [`${audit}/rules/unbound-session/detect.ts`, 'node:fs'],
    [`${audit}/rules/unbound-session/detect.ts`, 'oxc-parser'],
    [`${audit}/extract/machine.ts`, '../rules/rule.ts'],
    [`${audit}/source/read.ts`, 'oxc-parser'],
    [`${audit}/score/score.ts`, '../report/text.ts'],
    [`${audit}/report/text.ts`, 'node:fs'],
    [`${audit}/report/text.ts`, 'sarif'],
    [`${audit}/report/text.ts`, '../extract/machine.ts'],
    ['packages/requirements/src/index.ts', 'node:fs'],
    ['packages/session/src/sessions.ts', 'ioredis'],
    ['packages/session/src/store/memory.ts', '../sessions.ts'],
    ['packages/cli/src/main.ts', 'oxc-parser'],
    ['packages/cli/src/main.ts', '@sallyport/requirements'],
    ['packages/newcomer/src/index.ts', './own.ts'],
  ])('%s importing %s', (from, specifier) => {
    expect(upwardArrows(table, [{ from, specifier }])).toHaveLength(1)
  })

  test('a rule that leans on another rule', () => {
    const lean = { from: `${audit}/rules/unbound-session/detect.ts`, specifier: '../session-fixation/detect.ts' }
    expect(ruleToRuleArrows([lean])).toEqual(['unbound-session imports session-fixation'])
  })

  test('no fault in an arrow that points down', () => {
    const down = { from: `${audit}/rules/unbound-session/detect.ts`, specifier: '../../facts/facts.ts' }
    expect(upwardArrows(table, [down])).toEqual([])
  })
})
