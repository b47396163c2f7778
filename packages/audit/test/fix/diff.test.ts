import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { unifiedDiff } from '../../src/fix/diff.ts'

test('a diff has three lines of context', () => {
  const before = [...'abcdefghijklmnop'].join('\n')
  expect(unifiedDiff('src/a.ts', `${before}\n`, `${before.replace('h', 'H').replace('i', 'i\nnew')}\n`)).toBe(
    [
      '--- a/src/a.ts',
      '+++ b/src/a.ts',
      '@@ -5,8 +5,9 @@',
      ' e',
      ' f',
      ' g',
      '-h',
      '+H',
      ' i',
      '+new',
      ' j',
      ' k',
      ' l',
      '',
    ].join('\n'),
  )
})

test('changes far apart are hunks of their own', () => {
  const before = Array.from({ length: 40 }, (_, line) => `${line}\n`)
  const after = before.map((line, index) => (index === 5 || index === 30 ? 'x\n' : line))
  expect(unifiedDiff('a', before.join(''), after.join('')).match(/^@@ .*$/gm)).toEqual([
    '@@ -3,7 +3,7 @@',
    '@@ -28,7 +28,7 @@',
  ])
})

test('a last line without a break is said to have none', () => {
  expect(unifiedDiff('a', 'x', 'x\n')).toBe('--- a/a\n+++ b/a\n@@ -1,1 +1,1 @@\n-x\n\\ No newline at end of file\n+x\n')
})

test('nothing changed, nothing said', () => {
  expect(unifiedDiff('a', 'x\n', 'x\n')).toBe('')
})

test('a name cannot pretend to be a line of the diff', () => {
  expect(unifiedDiff('a\n+++ b/"x', 'x\n', 'y\n').split('\n').slice(0, 2)).toEqual([
    '--- "a/a\\012+++ b/\\"x"',
    '+++ "b/a\\012+++ b/\\"x"',
  ])
})

const lines = fc
  .array(fc.constantFrom('a\n', 'b\n', 'c\r\n', '\n', ' d\n', '-e\n'), { maxLength: 30 })
  .chain((list) => fc.constantFrom('', 'end').map((end) => list.join('') + end))

test('whoever follows a diff gets from the one text to the other', () => {
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      expect(patched(before, unifiedDiff('a', before, after))).toBe(after)
    }),
  )
})

/** Follows a diff as `patch` does: context and removed lines have to be there. */
function patched(text: string, diff: string): string {
  const source = text === '' ? [] : text.split(/(?<=\n)/)
  const result: string[] = []
  let at = 0
  const body = diff.split(/(?<=\n)/).slice(2)
  for (const [index, line] of body.entries()) {
    const start = /^@@ -(\d+),(\d+) /.exec(line)
    const isBare = body[index + 1]?.startsWith('\\') === true
    const content = isBare ? line.slice(1, -1) : line.slice(1)
    if (start) {
      const first = Number(start[1]) - (start[2] === '0' ? 0 : 1)
      result.push(...source.slice(at, first))
      at = first
    } else if (line.startsWith('+')) result.push(content)
    else if (line.startsWith(' ') || line.startsWith('-')) {
      expect(source[at]).toBe(content)
      at++
      if (line.startsWith(' ')) result.push(content)
    }
  }
  return [...result, ...source.slice(at)].join('')
}
