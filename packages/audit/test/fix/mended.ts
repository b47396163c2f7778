/** What the fixes of one rule make of a program in memory. */
import { expect } from 'vitest'
import { extract } from '../../src/extract/extract.ts'
import { mend } from '../../src/mend.ts'
import { rules } from '../../src/rules/index.ts'
import { readSources } from '../../src/source/read.ts'
import { memoryHost, type Files } from '../source/memory-host.ts'

export interface MendedProgram {
  /** Of the first file that was changed; empty where none was. */
  readonly text: string
  /** Of every file that was changed, by its path. */
  readonly texts: Readonly<Record<string, string>>
  readonly isFixed: boolean
  /** Findings of the rule that are left. */
  readonly left: number
}

/** Nothing that is offered is rolled back. */
export async function mendedBy(rule: string, files: Files): Promise<MendedProgram> {
  const { fixed, rolledBack, changes, after } = await mend(
    '/app',
    { kinds: 'all', host: memoryHost(files) },
    { read: readSources, extract, rules: rules.filter((entry) => entry.rule.id === rule) },
  )
  expect(rolledBack).toEqual([])
  const texts = Object.fromEntries(changes.map(({ path, after: text }) => [path, text]))
  return { text: changes[0]?.after ?? '', texts, isFixed: fixed.length > 0, left: after.findings.length }
}
