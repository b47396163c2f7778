import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { faults, page, readProofs, renderPage } from '../../../scripts/requirements-table.ts'

test('every clause is proven by a test or explained, and none is both', () => {
  expect(faults(readProofs())).toEqual([])
})

test('docs/requirements.md is what `npm run requirements-table` writes', () => {
  expect(readFileSync(page, 'utf8')).toBe(renderPage(readProofs()))
})

test('a claim that nobody proves is seen', () => {
  const [first, ...others] = readProofs()
  const lost = first!.ids.filter((id) => !others.some(({ ids }) => ids.includes(id)))
  expect(lost.length).toBeGreaterThan(0)
  expect(faults(others).toSorted()).toEqual(lost.map((id) => `${id}: neither proven nor explained`).toSorted())
})
