/** The formats that other programs render: what comes from source must arrive as text, whatever it holds. */
import * as fc from 'fast-check'
import { marked } from 'marked'
import { type DefaultTreeAdapterTypes, parse, parseFragment } from 'parse5'
import { SaxesParser } from 'saxes'
import { describe, expect, test } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { renderGithub } from '../../src/report/github.ts'
import { renderGitlabSast } from '../../src/report/gitlab-sast.ts'
import { renderGitlab } from '../../src/report/gitlab.ts'
import { renderHtml } from '../../src/report/html.ts'
import { renderJunit } from '../../src/report/junit.ts'
import { renderMarkdown } from '../../src/report/markdown.ts'
import { renderUnix } from '../../src/report/unix.ts'
import { reportWithSources } from './arbitrary.ts'
import { createSastValidator } from './sast-schema.ts'
import { finding, reportOf, rules, type Sample, step } from './samples/build.ts'
import { bundledServer } from './samples/bundled-server.ts'
import { cleanServer } from './samples/clean-server.ts'
import { largeServer } from './samples/large-server.ts'
import { notesServer } from './samples/notes-server.ts'

const sastSchemaErrors = createSastValidator()
const samples = { notesServer, cleanServer, bundledServer, largeServer }
const runs = { numRuns: 120 }
const STEERS = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u

type Node = DefaultTreeAdapterTypes.Node
type Element = DefaultTreeAdapterTypes.Element

/** A report in which every text that may come from source is `text`. */
function saying(text: string): Sample {
  const location = { path: `src/${text}`, startLine: 1, startColumn: 1, endLine: 1, endColumn: 4 }
  const one = finding({
    rule: 'session-fixation',
    severity: 'critical',
    what: text,
    why: text,
    todo: text,
    trace: [step(text, location)],
  })
  const suppressed = [{ ...one, fingerprint: 'f'.repeat(16), suppression: { by: 'comment' as const, reason: text } }]
  const transition = {
    name: 'open',
    from: 'none',
    to: 'open',
    presence: 'missing',
    summary: text,
    places: [step(text, location)],
  } as const
  const report = reportOf({
    root: text,
    score: 75,
    grade: 'C',
    files: { analysed: 1, skipped: 0 },
    findings: [one],
    gaps: [{ path: text, reason: text }],
    declared: [text],
    notices: [{ kind: 'unused', message: text, path: text }],
    open: { 'unbound-session': [text] },
    suppressed,
    lifecycles: [
      {
        store: text,
        kind: 'map',
        holds: 'own',
        location,
        states: ['none', 'open', 'ended'],
        transitions: [transition],
      },
    ],
  })
  return { report, sources: new Map([[`src/${text}`, `${text}\n`]]) }
}

const attacks = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onfocus='alert(1)",
  '</style></script></title><h1>owned</h1>',
  '![x](https://example.org/x.png) [click](javascript:alert(1))',
  'https://example.org www.example.org @someone #1 GH-1 owner/repo#2',
  '`code` ``two`` ```\n```three',
  '| cell | \\| cell',
  '\n## Heading\n- item\n> quote\n1. one',
  '</details></summary>',
  '::error::owned\n::set-output name=x::y',
  '##[command]owned %0A::warning::x',
  ']]> <!-- --> <!DOCTYPE x> &amp; &#0;',
  '\u001b[2J\u001b]8;;https://example.org\u0007x',
  '\u202e\u2066\ufffe\uffff\u0000\u000b\ud800',
]

describe('Markdown', () => {
  test.each(Object.entries(samples))('%s', async (name, { report, sources }) => {
    await expect(renderMarkdown(report, rules, { sources })).toMatchFileSnapshot(`pages/${name}.md`)
  })

  const OWN = new Set([
    'h2',
    'p',
    'strong',
    'code',
    'pre',
    'table',
    'thead',
    'tbody',
    'tr',
    'th',
    'td',
    'br',
    'details',
    'summary',
    'b',
    'ul',
    'li',
    'sub',
    '#text',
    '#comment',
    '#document-fragment',
  ])

  test.each(attacks)('%j makes nothing but text', (attack) => {
    const { report, sources } = saying(attack)
    const tree = parseFragment(marked.parse(renderMarkdown(report, rules, { sources }), { async: false }))
    const names = elements(tree).map(({ nodeName }) => nodeName)
    expect(names.filter((name) => !OWN.has(name))).toEqual([])
    expect(names.filter((name) => name === 'h2')).toHaveLength(1)
    // GitHub joins these to links after Markdown is rendered: within code it does not, elsewhere they must be parted.
    const prose = texts(tree).filter(({ inCode }) => !inCode)
    for (const { text } of prose) expect(text).not.toMatch(/@\w|#\d|https?:\/\/|www\./)
  })

  test('fits into one comment of GitHub, and says what does not fit', () => {
    const many = Array.from({ length: 300 }, (_, at) =>
      finding({
        rule: 'session-fixation',
        severity: 'high',
        what: `${at} ${'long '.repeat(80)}`,
        why: 'why',
        todo: 'todo',
        trace: [step('n', place(at + 1))],
      }),
    )
    const report = reportOf({ root: '.', score: 0, grade: 'F', files: { analysed: 1, skipped: 0 }, findings: many })
    const page = renderMarkdown(report, rules, { sources: new Map() })
    expect(page.length).toBeLessThan(65_536)
    expect(page).toContain('…and 250 more; the other formats list all.')
    expect(page).toMatch(/The evidence of \d+ more findings does not fit here\./)
  })

  test('links places where the source can be read', () => {
    const page = renderMarkdown(notesServer.report, rules, {
      sources: new Map(),
      link: ({ path, startLine }) => `https://example.org/${path}#L${startLine}`,
    })
    expect(page).toMatch(/\[`src\/\S+:\d+`\]\(<https:\/\/example\.org\/src\/\S+#L\d+>\)/)
  })
})

describe('HTML', () => {
  const allowed =
    /^(?:html|head|body|meta|title|style|script|a|header|div|svg|path|circle|rect|text|g|defs|marker|h1|h2|h3|span|button|main|section|ul|ol|li|b|p|figure|figcaption|code|mark|strong|article|dl|dt|dd|input|select|option|label|output|footer|kbd)$/

  test.each([...attacks, ...Object.keys(samples)])('%j makes nothing but text', (attack) => {
    const { report, sources } = attack in samples ? samples[attack as keyof typeof samples] : saying(attack)
    const tree = parse(renderHtml(report, rules, { sources }))
    const all = elements(tree)
    expect(all.map(({ nodeName }) => nodeName).filter((name) => !allowed.test(name))).toEqual([])
    expect(
      all.filter(({ nodeName }) => nodeName === 'script' || nodeName === 'style' || nodeName === 'h1'),
    ).toHaveLength(3)
    const attributes = all.flatMap(({ attrs }) => attrs)
    expect(attributes.filter(({ name }) => /^on|^style$|^src$|^srcset$/.test(name))).toEqual([])
    for (const { name, value } of attributes) if (name === 'href') expect(value).toMatch(/^#[\w-]+$/)
  })

  test('forbids itself all but its own script and style', () => {
    const page = renderHtml(notesServer.report, rules, { sources: notesServer.sources })
    expect(page).toMatch(
      /default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; base-uri 'none'; form-action 'none'/,
    )
    expect(page.replaceAll('http-equiv', '')).not.toMatch(/https?:|url\((?!#)|@import/)
  })

  test('every link of the page has a target, and no id stands twice', () => {
    for (const { report, sources } of Object.values(samples)) {
      const all = elements(parse(renderHtml(report, rules, { sources })))
      const value = (element: Element, name: string) => element.attrs.find((attr) => attr.name === name)?.value
      const ids = all.flatMap((element) => value(element, 'id') ?? [])
      expect(new Set(ids).size).toBe(ids.length)
      for (const link of all.flatMap((element) => value(element, 'href') ?? [])) expect(ids).toContain(link.slice(1))
    }
  })

  test('says how many are suppressed, and shows them apart', () => {
    const page = renderHtml(saying('because').report, rules, { sources: new Map() })
    expect(page).toContain('1 finding suppressed, not scored: 1 by comments.')
    expect(page).toMatch(/data-status="suppressed"/)
  })

  test('shows the part of a long line that is marked', () => {
    const text = `${'x'.repeat(700_000)}MARK${'y'.repeat(700_000)}`
    const one = finding({
      rule: 'session-fixation',
      severity: 'high',
      what: 'w',
      why: 'y',
      todo: 't',
      trace: [step('n', { ...place(1), startColumn: 700_001, endColumn: 700_005 })],
    })
    const report = reportOf({ root: '.', score: 75, grade: 'C', files: { analysed: 1, skipped: 0 }, findings: [one] })
    const page = renderHtml(report, rules, { sources: new Map([['a.ts', text]]) })
    expect(page).toMatch(/…x{80}<mark[^>]*>MARK<\/mark\s*>y+…/)
    expect(page.length).toBeLessThan(60_000)
  })
})

describe('workflow commands', () => {
  test('annotate the lines of the files as the repository has them', () => {
    const lines = renderGithub(notesServer.report, rules, { prefix: 'packages/notes' }).trimEnd().split('\n')
    expect(lines[0]).toMatch(
      /^::error file=packages\/notes\/src\/\S+,line=\d+,endLine=\d+,(?:col=\d+,endColumn=\d+,)?title=[\w-]+ \((?:critical|high)\)::\S/,
    )
    expect(lines.at(-1)).toMatch(/^::notice title=sallyport::Grade [A-F], [\d.]+ of 100: .* 0 findings suppressed\.$/)
  })

  test.each(attacks)('%j stays within its command', (attack) => {
    const lines = renderGithub(saying(attack).report, rules).trimEnd().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(
      /^::error file=[^:,]*,line=1,endLine=1,col=1,endColumn=4,title=session-fixation \(critical\)::/,
    )
  })
})

describe('JUnit', () => {
  test.each(Object.entries(samples))('%s', async (name, { report }) => {
    await expect(renderJunit(report, rules).replaceAll('><', '>\n<')).toMatchFileSnapshot(`pages/${name}.junit.xml`)
  })

  test('counts what it holds, and an open rule is skipped, not passed', () => {
    const tags = xmlTags(renderJunit(saying('x').report, rules))
    const suite = tags.find(({ name }) => name === 'testsuite')!
    const count = (name: string) => String(tags.filter((tag) => tag.name === name).length)
    expect(suite.attributes).toMatchObject({
      tests: count('testcase'),
      failures: count('failure'),
      skipped: count('skipped'),
    })
    expect(tags.find(({ name }) => name === 'skipped')!.attributes['message']).toBe('Open. x')
    expect(tags.find(({ attributes }) => attributes['name'] === 'suppressed')!.attributes['value']).toBe('1')
  })

  test.each(attacks)('%j leaves it well-formed', (attack) => {
    const tags = xmlTags(renderJunit(saying(attack).report, rules))
    expect(new Set(tags.map(({ name }) => name))).toEqual(
      new Set(['testsuites', 'testsuite', 'properties', 'property', 'testcase', 'failure', 'skipped', 'system-out']),
    )
  })
})

describe('GitLab', () => {
  test('lists what the Code Quality widget reads', () => {
    const [entry] = JSON.parse(renderGitlab(notesServer.report, { prefix: 'app' }))
    expect(entry).toMatchObject({
      check_name: expect.stringMatching(/^[\w-]+$/),
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      severity: expect.stringMatching(/^(?:info|minor|major|critical|blocker)$/),
      location: { path: expect.stringMatching(/^app\/src\//), lines: { begin: expect.any(Number) } },
    })
    expect(entry.description).not.toBe('')
  })

  test('a finding that is not scored is information', () => {
    const { report } = saying('x')
    const unscored: Report = { ...report, assessments: report.assessments.map((one) => ({ ...one, findings: [] })) }
    expect(JSON.parse(renderGitlab(unscored))[0].severity).toBe('info')
  })
})

describe('GitLab SAST', () => {
  const at = new Date('2026-11-26T08:00:00.123Z')

  test('says who scanned, when, and what was found', () => {
    const document = JSON.parse(renderGitlabSast(notesServer.report, rules, { prefix: 'app', at }))
    expect(document).toMatchObject({
      version: '15.0.4',
      scan: { type: 'sast', status: 'success', start_time: '2026-11-26T08:00:00', end_time: '2026-11-26T08:00:00' },
    })
    expect(document.vulnerabilities).toHaveLength(notesServer.report.findings.length)
    expect(document.vulnerabilities[0]).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      severity: expect.stringMatching(/^(?:Info|Low|Medium|High|Critical)$/),
      location: { file: expect.stringMatching(/^app\/src\//), start_line: expect.any(Number) },
    })
    expect(document.vulnerabilities[0].identifiers[0].type).toBe('sallyport_rule')
    expect(document.vulnerabilities[0].identifiers[1]).toMatchObject({
      type: 'cwe',
      name: expect.stringMatching(/^CWE-/),
    })
  })

  test('is valid for what GitLab demands, whatever a report holds', () => {
    fc.assert(
      fc.property(reportWithSources, ({ report }) => {
        const document = JSON.parse(renderGitlabSast(report, rules, { at }))
        expect(sastSchemaErrors(document)).toEqual([])
      }),
      runs,
    )
  })
})

test('unix: one line a finding, then the grade', () => {
  const lines = renderUnix(saying('a\nb: c').report, { prefix: 'x' }).trimEnd().split('\n')
  expect(lines).toEqual([
    String.raw`x/src/a\u{a}b: c:1:1: error: a b: c [session-fixation]`,
    'Grade C, 75 of 100: 1 critical. 1 finding suppressed, not scored: 1 by comments.',
  ])
})

describe('whatever a report holds', () => {
  const all = {
    markdown: ({ report, sources }: Sample) => renderMarkdown(report, rules, { sources }),
    html: ({ report, sources }: Sample) => renderHtml(report, rules, { sources }),
    github: ({ report }: Sample) => renderGithub(report, rules),
    junit: ({ report }: Sample) => renderJunit(report, rules),
    gitlab: ({ report }: Sample) => renderGitlab(report),
    'gitlab-sast': ({ report }: Sample) => renderGitlabSast(report, rules, { at: new Date(0) }),
    unix: ({ report }: Sample) => renderUnix(report),
  }

  test.each(Object.entries(all))('%s steers no terminal, and is the same each time', (_, render) => {
    fc.assert(
      fc.property(reportWithSources, (any) => {
        const document = render(any)
        expect(document.replaceAll('\n', '')).not.toMatch(STEERS)
        expect(render(any)).toBe(document)
      }),
      runs,
    )
  })

  test('JUnit is well-formed', () => {
    fc.assert(
      fc.property(reportWithSources, ({ report }) => {
        expect(xmlTags(renderJunit(report, rules))[0]?.name).toBe('testsuites')
      }),
      runs,
    )
  })

  test('HTML has one script and no attribute that runs', () => {
    fc.assert(
      fc.property(reportWithSources, (any) => {
        const found = elements(parse(all.html(any)))
        expect(found.filter(({ nodeName }) => nodeName === 'script')).toHaveLength(1)
        expect(found.flatMap(({ attrs }) => attrs).filter(({ name }) => name.startsWith('on'))).toEqual([])
      }),
      runs,
    )
  })
})

function place(line: number) {
  return { path: 'a.ts', startLine: line, startColumn: 1, endLine: line, endColumn: 2 }
}

function elements(node: Node): readonly Element[] {
  const own = 'attrs' in node ? [node] : []
  return [...own, ...('childNodes' in node ? node.childNodes.flatMap(elements) : [])]
}

function texts(node: Node, inCode = false): readonly { readonly text: string; readonly inCode: boolean }[] {
  if (node.nodeName === '#text') return [{ text: (node as DefaultTreeAdapterTypes.TextNode).value, inCode }]
  const within = inCode || node.nodeName === 'code' || node.nodeName === 'pre'
  return 'childNodes' in node ? node.childNodes.flatMap((child) => texts(child, within)) : []
}

interface Tag {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

/** Every tag of a document. Throws for one that is not well-formed XML 1.0. */
function xmlTags(document: string): readonly Tag[] {
  const tags: Tag[] = []
  const parser = new SaxesParser()
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => tags.push({ name, attributes: { ...attributes } }))
  parser.write(document).close()
  return tags
}
