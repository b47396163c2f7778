import { expect, test } from 'vitest'
import type { Edit } from '../../src/finding/finding.ts'
import { applyEdits, clash } from '../../src/fix/edits.ts'

const edit = (start: number, end: number, text: string, path = 'a.ts'): Edit => ({ path, start, end, text })
const apply = (text: string, ...edits: readonly Edit[]) => applyEdits(edits, () => text).get('a.ts')

test('edits are made whatever their order', () => {
  expect(apply('one two three', edit(8, 13, '3'), edit(0, 3, '1'), edit(4, 4, '1.5 '))).toBe('1 1.5 two 3')
})

test('the same edit of two fixes is made once', () => {
  expect(apply('ab', edit(1, 1, 'x'), edit(1, 1, 'x'))).toBe('axb')
})

test('each file gets its own', () => {
  const edited = applyEdits([edit(0, 1, 'A'), edit(0, 1, 'B', 'b.ts')], (path) => `${path[0]}!`)
  expect([...edited]).toEqual([
    ['a.ts', 'A!'],
    ['b.ts', 'B!'],
  ])
})

test.each([
  ['overlap', edit(0, 4, ''), edit(3, 5, ''), true],
  ['touch', edit(0, 4, ''), edit(4, 4, 'x'), true],
  ['insert in one place', edit(2, 2, 'x'), edit(2, 2, 'y'), true],
  ['are the same', edit(2, 2, 'x'), edit(2, 2, 'x'), false],
  ['lie apart', edit(0, 1, ''), edit(2, 3, ''), false],
  ['are of two files', edit(0, 4, ''), edit(0, 4, 'x', 'b.ts'), false],
])('two edits that %s', (_name, one, other, expected) => {
  expect(clash([one], [other])).toBe(expected)
  expect(clash([other], [one])).toBe(expected)
})
