import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { complaintsAbout } from './rule-folder.ts'

const rulesFolder = fileURLToPath(new URL('../../src/rules/', import.meta.url))
const ids = readdirSync(rulesFolder, { withFileTypes: true }).filter((entry) => entry.isDirectory())

describe('every rule folder is whole', () => {
  test.each(ids.map((entry) => entry.name))('%s', async (id) => {
    expect(await complaintsAbout(rulesFolder, id)).toEqual([])
  })
})

describe('the gate sees', () => {
  let root: string

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'sallyport-gate-'))
  })
  afterAll(() => rmSync(root, { recursive: true }))

  test('an empty folder', async () => {
    mkdirSync(join(root, 'empty-rule'))
    expect(await complaintsAbout(root, 'empty-rule')).toEqual([
      'rule.ts is missing',
      'README.md is missing',
      'examples/ holds 0 of at least 3 vulnerable-* servers',
      'examples/ holds 0 of at least 3 safe-* servers',
    ])
  })

  test('a page that says another thing of the wire than the folder does', async () => {
    const folder = join(root, 'wireless-rule')
    mkdirSync(folder)
    const page = (words: string) => writeFileSync(join(folder, 'README.md'), `## On the wire\n\n${words}\n`)
    page('Mallory tries it.')
    const without = 'README.md says under "On the wire" no reason why the wire does not show it'
    expect(await complaintsAbout(root, 'wireless-rule')).toContain(without)
    writeFileSync(join(folder, 'scenario.ts'), '')
    expect(await complaintsAbout(root, 'wireless-rule')).not.toContain(without)
    page('The wire does not show this weakness.')
    expect(await complaintsAbout(root, 'wireless-rule')).toContain(
      'README.md says under "On the wire" that the wire does not show it',
    )
  })

  test('a foreign id, a missing and an empty section, too few examples', async () => {
    const folder = join(root, 'stale-handle')
    mkdirSync(join(folder, 'examples'), { recursive: true })
    writeFileSync(join(folder, 'rule.ts'), "export const rule = { id: 'other-rule' }\n")
    writeFileSync(join(folder, 'README.md'), '# Stale\n\n## What it finds\n\nStale handles.\n\n## Why it matters\n')
    for (const name of ['vulnerable-a.ts', 'vulnerable-b.ts', 'vulnerable-c.ts', 'safe-a.ts']) {
      writeFileSync(join(folder, 'examples', name), '')
    }
    expect(await complaintsAbout(root, 'stale-handle')).toEqual([
      'rule.ts says its id is other-rule',
      'README.md says nothing under "Why it matters"',
      'README.md says nothing under "What to do"',
      'README.md says nothing under "On the wire"',
      'README.md says nothing under "What it cannot see"',
      'README.md says nothing under "When not to worry"',
      'README.md says nothing under "References"',
      'README.md has the headings What it finds, Why it matters',
      'examples/ holds 1 of at least 3 safe-* servers',
    ])
  })
})
