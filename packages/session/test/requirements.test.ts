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
  const proofs = readProofs()
  const onlyIn = (proof: (typeof proofs)[number]) =>
    proof.ids.filter((id) => !proofs.some((other) => other !== proof && other.ids.includes(id)))
  const one = proofs.find((proof) => onlyIn(proof).length > 0)!
  const lost = onlyIn(one)
  const others = proofs.filter((proof) => proof !== one)
  expect(faults(others).toSorted()).toEqual(lost.map((id) => `${id}: neither proven nor explained`).toSorted())
})
