import { describe, expect, test } from 'vitest'
import { NO_PAGE, guardedPaths, joinFacts } from '../../src/extract/state.ts'

const facts = (must: readonly string[], may: readonly string[] = []) => ({ must: new Set(must), may: new Set(may) })

describe('ways that join', () => {
  test('keep one set where both know the same', () => {
    const { must, may } = facts(['auth', 'verb:POST'], ['looked'])
    const joined = joinFacts({ must, may }, { must, may: new Set() })
    expect(joined.must).toBe(must)
    expect(joined.may).toBe(may)
  })

  test('say what follows of what both know', () => {
    const { must, may } = facts(['origin'])
    expect([...joinFacts({ must, may }, { must, may: new Set(['looked']) }).must]).toEqual(['origin', NO_PAGE])
  })

  test('have seen what either has, and know what both know', () => {
    const joined = joinFacts(facts(['auth', 'tls'], ['a', 'b']), facts(['tls'], ['b', 'c']))
    expect([...joined.must]).toEqual(['tls'])
    expect([...joined.may]).toEqual(['a', 'b', 'c'])
  })
})

describe('what was checked for some paths', () => {
  test('is known at the path that another way is not for', () => {
    expect(guardedPaths(['not-path:is:/mcp'], new Set(['origin']))).toContain('at:origin is:/mcp')
    expect(guardedPaths(['not-path:is:/mcp'], new Set(['at:origin is:/mcp']))).toEqual(['at:origin is:/mcp'])
  })

  test('is nothing where the way has checked nothing', () => {
    expect(guardedPaths(['not-path:is:/mcp', 'not-path:is:/a'], new Set(['verb:POST']))).toEqual([])
  })
})
