import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Lifecycle, Step } from '../../src/finding/finding.ts'
import { renderText, type TextOptions } from '../../src/report/text.ts'
import { finding, reportOf, rules, type Sample } from './samples/build.ts'
import { bundledServer } from './samples/bundled-server.ts'
import { cleanServer } from './samples/clean-server.ts'
import { largeServer } from './samples/large-server.ts'
import { notesServer } from './samples/notes-server.ts'

const samples = { notesServer, cleanServer, bundledServer, largeServer }

function pageOf({ report, sources }: Sample, options: Partial<TextOptions> = {}): string {
  return renderText(report, rules, { color: false, unicode: true, width: 80, sources, ...options })
}

describe('whole pages', () => {
  test.each(Object.entries(samples))('%s', async (name, sample) => {
    await expect(pageOf(sample)).toMatchFileSnapshot(`pages/${name}.txt`)
    await expect(pageOf(sample, { unicode: false, width: 72 })).toMatchFileSnapshot(`pages/${name}.ascii.txt`)
  })

  test('in a narrow terminal', async () => {
    await expect(pageOf(notesServer, { width: 50 })).toMatchFileSnapshot('pages/notesServer.narrow.txt')
  })

  test('colours add escapes and change no text', () => {
    const colored = pageOf(notesServer, { color: true })
    expect(colored).toContain('\u001b[1;31mCRITICAL\u001b[0m')
    expect(stripVTControlCharacters(colored)).toBe(pageOf(notesServer))
  })

  test('a page never grows wider than 100 columns', () => {
    expect(pageOf(cleanServer, { width: 400 })).toBe(pageOf(cleanServer, { width: 100 }))
  })
})

/** The frame that a trace over one file yields. */
function frameOf(text: string, trace: readonly Step[], options: Partial<TextOptions> = {}): string {
  const one = finding({ rule: 'session-fixation', severity: 'high', what: 'w', why: 'y', todo: 't', trace })
  const report = reportOf({ root: '.', score: 75, grade: 'C', files: { analysed: 1, skipped: 0 }, findings: [one] })
  const page = pageOf({ report, sources: new Map([['a.ts', text]]) }, options)
  return page.split('\n\n')[2] ?? ''
}

function mark(note: string, startLine: number, startColumn: number, endColumn: number, endLine = startLine): Step {
  return { note, location: { path: 'a.ts', startLine, startColumn, endLine, endColumn } }
}

describe('code frames', () => {
  test.each<[string, string, readonly Step[], string]>([
    [
      'underline what is marked, below tabs and wide characters',
      '\tconst 名前 = id\n',
      [mark('here', 1, 13, 15)],
      `
     ╭─ a.ts
   1 │   const 名前 = id
     │                ━━ ① here`,
    ],
    [
      'number steps in the order of the trace, not of the lines',
      'first\nsecond\n',
      [mark('then', 2, 1, 7), mark('and', 1, 1, 6)],
      `
     ╭─ a.ts
   1 │ first
     │ ━━━━━ ② and
   2 │ second
     │ ────── ① then`,
    ],
    [
      'elide lines between steps and leave out blank context',
      'a\n\n\n\n\n\nb\n',
      [mark('from', 1, 1, 2), mark('to', 7, 1, 2)],
      `
     ╭─ a.ts
   1 │ a
     │ ─ ① from
   ⋮ │
   7 │ b
     │ ━ ② to`,
    ],
    [
      'show a single line rather than elide it',
      'a\nx\ny\nz\nb\n',
      [mark('from', 1, 1, 2), mark('to', 5, 1, 2)],
      `
     ╭─ a.ts
   1 │ a
     │ ─ ① from
   2 │ x
   3 │ y
   4 │ z
   5 │ b
     │ ━ ② to`,
    ],
    [
      'mark the first line of a region that goes on',
      'call(() => {\n  body()\n})\n',
      [mark('all of it', 1, 1, 3, 3)],
      `
     ╭─ a.ts
   1 │ call(() => {
     │ ━━━━━━━━━━━━┄┄ ① all of it
   2 │   body()`,
    ],
    [
      'count columns from behind a byte order mark, and lines as CRLF or CR end them',
      '\ufeffab\r\ncd\ref',
      [mark('one', 1, 2, 3), mark('two', 3, 1, 2)],
      `
     ╭─ a.ts
   1 │ ab
     │  ─ ① one
   2 │ cd
   3 │ ef
     │ ━ ② two`,
    ],
    [
      'mark something even where a place lies beyond the text',
      'ab\n',
      [mark('outside', 1, 90, 95), mark('below', 12, 1, 2)],
      `
     ╭─ a.ts
   1 │ ab
     │   ─ ① outside
   ⋮ │
  12 │ ② below`,
    ],
    [
      'show what hides',
      'if (role == "us\u202eer\u2066") // \u200b\u0007\n',
      [mark('compared', 1, 5, 21)],
      `
     ╭─ a.ts
   1 │ if (role == "us\\u{202e}er\\u{2066}") // \\u{200b}\\u{7}
     │     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ ① compared`,
    ],
  ])('%s', (_, text, trace, frame) => {
    expect(frameOf(text, trace)).toBe(frame.slice(1))
  })

  test('a step of another file between two of one file makes three frames in the order of the trace', () => {
    const frames = pageOf(notesServer)
      .split('\n')
      .filter((line) => line.includes('╭─ src'))
    expect(frames.slice(0, 3).map((line) => line.trim())).toEqual([
      '╭─ src/routes/auth.ts',
      '╭─ src/session-store.ts',
      '╭─ src/routes/auth.ts',
    ])
  })

  test('a line of a megabyte is shown around its marks, and quickly', () => {
    const text = `${'x'.repeat(700_000)}MARK${'y'.repeat(700_000)}`
    const before = performance.now()
    const frame = frameOf(text, [mark('in the middle', 1, 700_001, 700_005)])
    expect(performance.now() - before).toBeLessThan(2_000)
    expect(frame).toMatch(/…x+MARKy+…\n +│ +━━━━ ① in the middle/)
    for (const line of frame.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  test('steps beyond the twentieth are numbered in brackets', () => {
    const trace = Array.from({ length: 21 }, () => mark('again', 1, 1, 2))
    expect(frameOf('a\n', trace)).toContain('⑳ again\n     │ ━ [21] again')
  })
})

describe('the life of a session', () => {
  const location = { path: 'a.ts', startLine: 3, startColumn: 1, endLine: 3, endColumn: 2 }
  const lifecycleOf = (store: string, presence: 'missing' | 'present'): Lifecycle => ({
    store,
    kind: 'map',
    holds: 'own',
    location,
    states: ['none', 'open', 'ended'],
    transitions: [
      { name: 'open', from: 'none', to: 'open', presence: 'present', summary: 'it is made', places: [] },
      {
        name: 'terminate',
        from: 'open',
        to: 'ended',
        presence,
        summary: 'by request',
        places: [{ note: 'n', location }],
      },
    ],
  })
  const drawn = (lifecycles: readonly Lifecycle[], unicode = true) => {
    const report = reportOf({ root: '.', score: 100, grade: 'A', files: { analysed: 1, skipped: 0 }, lifecycles })
    return pageOf({ report, sources: new Map() }, { unicode })
  }

  test('shows the states, the ways between them, and which is missing', () => {
    expect(drawn([lifecycleOf('sessions', 'missing')])).toContain(`Lifecycle  sessions in sessions a.ts:3:1

  ○ no session
  │  ✓ open               it is made
  ◐ open
  ├╌ ✗ terminate          missing: by request
  │                       a.ts:3:1
  ■ ended
`)
  })

  test('in ASCII too', () => {
    expect(drawn([lifecycleOf('sessions', 'present')], false)).toContain(
      '   |- ok terminate        by request\n   |                      a.ts:3:1\n',
    )
  })

  test('of many stores draws those that lack most, and counts the rest', () => {
    const many = [
      ...Array.from({ length: 5 }, (_, at) => lifecycleOf(`whole${at}`, 'present')),
      lifecycleOf('torn', 'missing'),
    ]
    expect(drawn(many)).toMatch(
      /Lifecycle {2}sessions in torn [^]*and 2 more stores; the json and html formats have all/,
    )
  })
})

test('findings that are not scored are counted at the top, and a long path stands on a line of its own', () => {
  const path = `packages/${'deep/'.repeat(12)}server.ts`
  const location = { path, startLine: 3, startColumn: 1, endLine: 3, endColumn: 4 }
  const one = {
    ...finding({ rule: 'session-fixation', severity: 'high', what: 'w', why: 'y', todo: 't', trace: [] }),
    location,
    surface: 'example' as const,
  }
  const report = reportOf({
    root: '.',
    score: 100,
    grade: 'A',
    files: { analysed: 1, skipped: 0 },
    findings: [one],
  })
  const page = pageOf({ report, sources: new Map() })
  expect(page).toContain('no weakness found, 1 more not scored\n')
  expect(page).toContain(`  high      session-fixation\n            ${path}:3:1 (example)\n`)
})

describe('the panel', () => {
  test('says why a score of 90 or more is no A', () => {
    const report = reportOf({ root: '.', score: 90, grade: 'B', files: { analysed: 1, skipped: 0 } })
    expect(pageOf({ report, sources: new Map() })).toContain('No A with a critical or high finding.')
  })

  test('says once what leaves several rules open, and that a grade on nothing says nothing', () => {
    const open = Object.fromEntries(rules.map(({ rule }) => [rule.id, ['b.ts: Too large.']]))
    const report = reportOf({ root: '.', score: 100, grade: 'A', files: { analysed: 1, skipped: 0 }, open })
    const page = pageOf({ report, sources: new Map() }, { width: 100 })
    expect(page).toContain(`1 file analysed · no weakness found, ${rules.length} rules open\n`)
    expect(page.match(/b\.ts: Too large\./g)).toHaveLength(1)
    expect(page.match(/as above/g)).toHaveLength(rules.length - 1)
    expect(page).toContain(`Grade rests on 0 of ${rules.length} rules, ${rules.length} open. With nothing decided it`)
  })

  test('names two reasons of an open rule and counts the rest', () => {
    const open = { 'unbound-session': ['one', 'two', 'three', 'four'] }
    const report = reportOf({ root: '.', score: 100, grade: 'A', files: { analysed: 1, skipped: 0 }, open })
    expect(pageOf({ report, sources: new Map() })).toMatch(/ one +│\n.* two +│\n.* and 2 more +│/)
  })
})
