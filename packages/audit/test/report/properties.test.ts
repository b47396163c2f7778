import { stripVTControlCharacters } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderJson } from '../../src/report/json.ts'
import schema from '../../src/report/report.schema.json' with { type: 'json' }
import { renderSarif } from '../../src/report/sarif.ts'
import { renderText } from '../../src/report/text.ts'
import { widthOf } from '../../src/report/text/cells.ts'
import { printable } from '../../src/report/text/printable.ts'
import { wrapped } from '../../src/report/text/wrap.ts'
import { report, reportWithSources, text } from './arbitrary.ts'
import { rules } from './samples/build.ts'
import { compileSarifSchema } from './sarif-schema.ts'

const keepsJsonSchema = new Ajv2020({ strict: true }).compile(schema)
const keepsSarifSchema = compileSarifSchema()

const runs = { numRuns: 150 }
const options = { color: false, unicode: true, width: 80 }
const STEERS = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u

describe('whatever a report holds', () => {
  test('JSON keeps its schema, and is safe to print', () => {
    fc.assert(
      fc.property(report, (any) => {
        const document = renderJson(any)
        keepsJsonSchema(JSON.parse(document))
        expect(keepsJsonSchema.errors).toBeNull()
        expect(document.replaceAll('\n', '')).not.toMatch(STEERS)
      }),
      runs,
    )
  })

  test('SARIF keeps the OASIS schema, and is safe to print', () => {
    fc.assert(
      fc.property(report, (any) => {
        const log = renderSarif(any, rules)
        keepsSarifSchema(JSON.parse(log))
        expect(keepsSarifSchema.errors).toBeNull()
        expect(log.replaceAll('\n', '')).not.toMatch(STEERS)
      }),
      runs,
    )
  })

  test('SARIF gives every result a place', () => {
    fc.assert(
      fc.property(report, (any) => {
        const [run] = JSON.parse(renderSarif(any, rules)).runs
        for (const result of run.results) expect(result.locations).toHaveLength(1)
      }),
      runs,
    )
  })

  test('text without colour holds nothing that steers a terminal', () => {
    fc.assert(
      fc.property(reportWithSources, fc.integer({ min: 0, max: 200 }), (any, width) => {
        const page = renderText(any.report, rules, { ...options, width, sources: any.sources })
        expect(page.replaceAll('\n', '')).not.toMatch(STEERS)
      }),
      runs,
    )
  })

  test('colours are the only escapes', () => {
    fc.assert(
      fc.property(reportWithSources, (any) => {
        const colored = renderText(any.report, rules, { ...options, color: true, sources: any.sources })
        const plain = renderText(any.report, rules, { ...options, sources: any.sources })
        expect(stripVTControlCharacters(colored)).toBe(plain)
      }),
      runs,
    )
  })

  test('text without unicode is ASCII', () => {
    fc.assert(
      fc.property(reportWithSources, (any) => {
        const page = renderText(any.report, rules, { ...options, unicode: false, sources: any.sources })
        expect(page).toMatch(/^[\x20-\x7e\n]*$/)
      }),
      runs,
    )
  })

  test('code and panel stay within the width', () => {
    fc.assert(
      fc.property(reportWithSources, fc.integer({ min: 48, max: 100 }), (any, width) => {
        const page = renderText(any.report, rules, { ...options, width, sources: any.sources })
        const drawn = page.split('\n').filter((line) => /^(?: *(?:\d+|⋮)? │|[│╭╰])/.test(line))
        for (const line of drawn) expect(widthOf(line)).toBeLessThanOrEqual(width)
        const sides = drawn.filter((line) => /^[│╭╰]/.test(line))
        for (const line of sides) expect(widthOf(line)).toBe(width)
      }),
      runs,
    )
  })

  test('the same report is the same text', () => {
    fc.assert(
      fc.property(reportWithSources, (any) => {
        const once = renderText(any.report, rules, { ...options, sources: any.sources })
        expect(renderText(any.report, rules, { ...options, sources: any.sources })).toBe(once)
      }),
      { numRuns: 30 },
    )
  })
})

describe('text', () => {
  test('made printable once is printable', () => {
    fc.assert(
      fc.property(text, (any) => {
        expect(printable(printable(any, true), true)).toBe(printable(any, true))
      }),
    )
  })

  test('a path that is too long breaks after a slash', () => {
    expect(wrapped('src/sessions/store.ts:12:3', 15)).toEqual(['src/sessions/', 'store.ts:12:3'])
  })

  test('wrapped loses no word and keeps the width', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 40 }), (any, width) => {
        const prose = printable(any, true)
        const lines = wrapped(prose, width)
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width)
        expect(lines.join('').replaceAll(' ', '')).toBe(prose.replaceAll(' ', ''))
      }),
    )
  })
})
