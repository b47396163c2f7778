import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLocator } from '../../src/source/lines.ts'

test('counts lines and columns from one, the end exclusive', () => {
  const locate = createLocator('a.ts', 'const a = 1\nconst b = 2\n')
  expect(locate(6, 7)).toEqual({ path: 'a.ts', startLine: 1, startColumn: 7, endLine: 1, endColumn: 8 })
  expect(locate(12, 23)).toEqual({ path: 'a.ts', startLine: 2, startColumn: 1, endLine: 2, endColumn: 12 })
})

test('counts CRLF once, a lone CR too, and emoji as two units', () => {
  const text = "'🚪'\r\nx\ry"
  const locate = createLocator('a.ts', text)
  expect(locate(text.indexOf('x'), text.indexOf('x') + 1)).toMatchObject({ startLine: 2, startColumn: 1 })
  expect(locate(text.indexOf('y'), text.length)).toMatchObject({ startLine: 3, startColumn: 1, endColumn: 2 })
  expect(locate(3, 4)).toMatchObject({ startLine: 1, startColumn: 4 })
})

test('a byte order mark is an offset but no column', () => {
  const locate = createLocator('a.ts', '\uFEFFlet a\nlet b')
  expect(locate(0, 4)).toMatchObject({ startColumn: 1, endColumn: 4 })
  expect(locate(1, 4)).toMatchObject({ startColumn: 1, endColumn: 4 })
  expect(locate(7, 10)).toMatchObject({ startLine: 2, startColumn: 1 })
})

const TEXTS = fc
  .array(fc.constantFrom('a', '\n', '\r', '\r\n', '🚪', ' '), { maxLength: 60 })
  .map((parts) => parts.join(''))

test('any offset lies on the line it is said to lie on', () => {
  fc.assert(
    fc.property(TEXTS, fc.nat(200), fc.nat(200), (text, a, b) => {
      const [start, end] = [Math.min(a, b, text.length), Math.min(Math.max(a, b), text.length)]
      const { startLine, startColumn, endLine, endColumn } = createLocator('a.ts', text)(start, end)
      expect([startLine, startColumn]).toEqual(naivePlace(text, start))
      expect([endLine, endColumn]).toEqual(naivePlace(text, end))
    }),
  )
})

test('offsets outside the text, or no numbers at all, are clamped', () => {
  const odd = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity))
  fc.assert(
    fc.property(TEXTS, odd, odd, (text, start, end) => {
      const place = createLocator('a.ts', text)(start, end)
      expect(place.startLine >= 1 && place.startColumn >= 1).toBe(true)
      expect(place.endLine > place.startLine || place.endColumn >= place.startColumn).toBe(true)
    }),
  )
})

/** Breaks after CRLF, LF or CR; an offset between CR and LF is still on the line they end. */
function naivePlace(text: string, offset: number): readonly [number, number] {
  let [line, column] = [1, 1]
  for (let at = 0; at < offset; at++) {
    const breaks = text[at] === '\n' || (text[at] === '\r' && text[at + 1] !== '\n')
    if (breaks) [line, column] = [line + 1, 1]
    else column++
  }
  return [line, column]
}
