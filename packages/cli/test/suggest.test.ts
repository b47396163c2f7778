import { expect, test } from 'vitest'
import { closest } from '../src/suggest.ts'

const rules = ['session-fixation', 'unbound-session', 'missing-session-expiry', 'missing-session-invalidation']

test.each([
  ['session-fixtion', 'session-fixation'],
  ['Session-Fixation', 'session-fixation'],
  ['unbuond-session', 'unbound-session'],
  ['missing-session-expire', 'missing-session-expiry'],
  ['fixation', 'session-fixation'],
  ['invalidation', 'missing-session-invalidation'],
  ['xss', undefined],
  ['', undefined],
])('%s is taken for %s', (word, meant) => {
  expect(closest(word, rules)).toBe(meant)
})

test('neighbours swapped count as one mistake', () => {
  expect(closest('josn', ['text', 'json', 'sarif'])).toBe('json')
})

test('nothing is suggested from nothing', () => {
  expect(closest('word', [])).toBeUndefined()
})
