import { describe, expect, test } from 'vitest'
import { requirement, requirements, sources, type RequirementId } from '../src/index.ts'

const all = sources.flatMap((source) => Object.entries(source))

describe('requirements', () => {
  test('every id is unique across the sources', () => {
    expect(new Set(all.map(([id]) => id)).size).toBe(all.length)
    expect(Object.keys(requirements)).toHaveLength(all.length)
  })

  test('a requirement is found by its id', () => {
    for (const id of Object.keys(requirements) as RequirementId[]) expect(requirement(id).id).toBe(id)
  })

  test.each(all)('%s', (id, { keyword, source, link, text }) => {
    expect(id).toMatch(/^[a-z0-9.-]+\/[a-z0-9.-]+$/)
    expect(['MUST', 'MUST NOT', 'SHOULD', 'SHOULD NOT', 'MAY', 'none']).toContain(keyword)
    expect(source).not.toBe('')
    expect(new URL(link).protocol).toBe('https:')
    expect(text).toMatch(/^\S.{20,}[^.]\.$/)
  })

  test('every clause of the protocol says in which revisions it stands', () => {
    const protocol = all.filter(([id]) => id.startsWith('mcp-'))
    const misplaced = protocol.filter(([id, { revisions }]) => {
      const own = id.slice('mcp-'.length, 'mcp-2025-11-25'.length)
      return revisions === undefined || own < revisions.first || own > (revisions.last ?? own)
    })
    expect(misplaced).toEqual([])
  })

  test('chapter 7 of ASVS 5.0 is complete', () => {
    const numbers = Object.keys(requirements).filter((id) => id.startsWith('asvs-5.0/7.'))
    const perSection = [3, 4, 2, 5, 3, 2].flatMap((count, section) =>
      Array.from({ length: count }, (_, index) => `asvs-5.0/7.${section + 1}.${index + 1}`),
    )
    expect(numbers).toEqual(perSection)
  })
})
