import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Step } from '../../src/finding/finding.ts'
import { labelsOf, readLabels, stripLabels, writeLabels, type Label } from './labels.ts'

const labelled = `const sessions = new Map()
//    ^^^^^^^^ 1 kept here
//               ^^^^^^^^^ 2 never cleared
export const a = 1
//<^^^^^^ exported
 b()
//< ^^^ 3 indented by one
  done()
`

describe('readLabels', () => {
  it('reads places, steps and notes', () => {
    expect(readLabels(labelled)).toEqual([
      { line: 1, startColumn: 7, endColumn: 15, step: 1, note: 'kept here' },
      { line: 1, startColumn: 18, endColumn: 27, step: 2, note: 'never cleared' },
      { line: 4, startColumn: 1, endColumn: 7, step: undefined, note: 'exported' },
      { line: 6, startColumn: 2, endColumn: 5, step: 3, note: 'indented by one' },
    ])
  })

  it('takes an indented comment at its own columns', () => {
    expect(readLabels('  run(now)\n  //  ^^^ 1 here')).toMatchObject([{ line: 1, startColumn: 7, endColumn: 10 }])
  })

  it.each([
    ['no note', 'run()\n// ^^', 'not a label'],
    ['no code above', '//  ^^^ here', 'no code above'],
    ['a place beyond the line', 'run()\n//  ^^^^^^ here', 'beside its line'],
  ])('refuses a label with %s', (_name, text, message) => {
    expect(() => readLabels(text)).toThrow(message)
  })

  it('leaves ordinary comments alone', () => {
    expect(readLabels('run() // ^ not a label\n// a comment\n/// ^^^ neither\n')).toEqual([])
  })
})

describe('writeLabels', () => {
  it('gives back what was read', () => {
    expect(writeLabels(labelled, readLabels(labelled))).toBe(labelled)
  })

  it('replaces the labels that were there', () => {
    const label: Label = { line: 4, startColumn: 8, endColumn: 13, step: undefined, note: 'a constant' }
    expect(writeLabels(labelled, [label])).toBe(
      stripLabels(labelled).replace('a = 1\n', 'a = 1\n//     ^^^^^ a constant\n'),
    )
  })

  it('numbers a single step whose note begins with a number', () => {
    const label: Label = { line: 1, startColumn: 3, endColumn: 5, step: undefined, note: '48 bits at most' }
    const text = writeLabels('id = make()', [label])
    expect(text).toBe('id = make()\n//^^ 1 48 bits at most')
    expect(readLabels(text)).toEqual([{ ...label, step: 1 }])
  })

  it('is undone by readLabels and stripLabels, whatever the code', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(code, fc.array(drawnLabel, { maxLength: 3 })), { minLength: 1 }), (lines) => {
        const text = lines.map(([content]) => content).join('\n')
        const labels = lines.flatMap(([content, drawn], index) => drawn.map((draw) => placed(draw, content, index + 1)))
        const written = writeLabels(text, labels)
        expect(stripLabels(written)).toBe(text)
        expect(sorted(readLabels(written).map((label) => moved(label, written)))).toEqual(sorted(labels))
        expect(writeLabels(written, readLabels(written))).toBe(written)
      }),
    )
  })
})

describe('labelsOf', () => {
  it('leaves out the number of an only step', () => {
    expect(labelsOf([spanTo(2, 9)], () => '')).toEqual([
      { line: 2, startColumn: 5, endColumn: 9, step: undefined, note: 'opened here' },
    ])
  })

  it('ends a span of several lines with its first line', () => {
    const labels = labelsOf([spanTo(2, 9), spanTo(4, 2)], () => 'run(() => {')
    expect(labels.map(({ step, endColumn }) => [step, endColumn])).toEqual([
      [1, 9],
      [2, 12],
    ])
  })

  it('gives an empty span one caret', () => {
    expect(labelsOf([spanTo(2, 5)], () => '')).toMatchObject([{ startColumn: 5, endColumn: 6 }])
  })
})

function spanTo(endLine: number, endColumn: number): Step {
  const location = { path: 'a.ts', startLine: 2, startColumn: 5, endLine, endColumn }
  return { note: 'opened\n   here', location }
}

const code = fc
  .string({ unit: 'binary', minLength: 3, maxLength: 40 })
  .filter((line) => !/[\r\n]/.test(line) && !/^\s*\/\/<? *\^/.test(line))

const drawnNote = fc.stringMatching(/^[a-z][ -~]{0,20}$/).map((text) => text.trimEnd())

const drawnLabel = fc.record({
  from: fc.nat(),
  length: fc.nat(),
  step: fc.option(fc.integer({ min: 1, max: 9 })),
  note: drawnNote,
})

function placed(
  { from, length, step, note }: { from: number; length: number; step: number | null; note: string },
  content: string,
  line: number,
): Label {
  const startColumn = 1 + (from % content.length)
  const endColumn = startColumn + 1 + (length % (content.length + 1 - startColumn || 1))
  return { line, startColumn, endColumn, step: step ?? undefined, note }
}

/** The label as it would stand in the file without labels. */
function moved(label: Label, written: string): Label {
  const above = written.split('\n').slice(0, label.line).join('\n')
  return { ...label, line: stripLabels(above).split('\n').length }
}

function sorted(labels: readonly Label[]): Label[] {
  return labels.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
