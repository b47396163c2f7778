import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import type { Report } from '../../src/finding/finding.ts'
import { renderText } from '../../src/report/text.ts'
import { rules } from '../../src/rules/index.ts'
import { parseBaseline, renderBaseline } from '../../src/suppress/baseline.ts'
import { auditFiles, places, suppressedPlaces, weak, weakness } from './programs.ts'

const ids = rules.map(({ rule }) => rule.id)

function config(text: string, prefix = '') {
  return parseConfig(text, { path: 'sallyport.config.yaml', prefix, rules: ids })
}

function baselineOf(report: Report, change = (text: string) => text) {
  return parseBaseline(change(renderBaseline(report)), 'sallyport.baseline.json')
}

describe('the configuration', () => {
  test.each<[string, string]>([
    ['by rule', `suppress: [{rule: ${weakness}, reason: why}]`],
    ['by path', 'suppress: [{path: "src/**", reason: why}]'],
    ['by both', `suppress: [{rule: ${weakness}, path: src/server.ts, reason: why, expires: 2026-11-26}]`],
  ])('suppresses %s', async (_, text) => {
    const report = await auditFiles({ 'src/server.ts': weak }, { config: config(text) })
    expect(places(report)).toEqual([])
    expect(report.suppressed[0]!.suppression).toMatchObject({ by: 'config', reason: 'why' })
  })

  test('suppresses by the path from its own folder', async () => {
    const settings = config('suppress: [{path: packages/a/src/server.ts, reason: why}]', 'packages/a')
    expect(places(await auditFiles({ 'src/server.ts': weak }, { config: settings }))).toEqual([])
  })

  test('names a suppression that is of no use, or expired', async () => {
    const settings = config(
      `suppress: [{rule: unbound-session, reason: r}, {rule: ${weakness}, reason: r, expires: 2026-11-25}]`,
    )
    const report = await auditFiles({ 'server.ts': weak }, { config: settings })
    expect(places(report)).toHaveLength(1)
    expect(report.notices.map(({ kind, message }) => `${kind}: ${message.split(' ')[0]}`)).toEqual([
      'expired: suppress[1]',
      'unused: suppress[0]',
    ])
  })

  test('turns a rule off, which the assessment says', async () => {
    const report = await auditFiles({ 'server.ts': weak }, { config: config(`rules: {${weakness}: off}`) })
    const assessment = report.assessments.find(({ rule }) => rule === weakness)
    expect(assessment).toMatchObject({ outcome: 'notApplicable', reasons: ['Turned off in sallyport.config.yaml.'] })
    expect(report.declared).toEqual([`Rules turned off: ${weakness} (sallyport.config.yaml).`])
  })

  test('changes a severity, and not the points', async () => {
    const report = await auditFiles({ 'server.ts': weak }, { config: config(`rules: {${weakness}: medium}`) })
    expect(report.findings[0]).toMatchObject({ severity: 'medium' })
    expect(report.score).toBe(78)
  })

  test('leaves files out, places others, and says so', async () => {
    const files = { 'server.ts': weak, 'legacy/server.ts': weak, 'ops/server.ts': weak }
    const report = await auditFiles(files, { config: config('{ignore: [legacy/], surfaces: {"ops/**": script}}') })
    expect(report.files.analysed).toBe(2)
    expect(report.findings.map(({ surface }) => surface)).toEqual(['script', 'runtime'])
    expect(report.declared).toEqual(['Not audited: legacy/ (sallyport.config.yaml).'])
  })

  test('takes the word for proxies that end TLS', async () => {
    const report = await auditFiles({ 'server.ts': weak }, { config: config('trustedProxies: [nginx]') })
    expect(places(report)).toEqual([])
    expect(report.declared).toEqual(['TLS is ended by trusted proxies: nginx (sallyport.config.yaml).'])
  })
})

describe('the baseline', () => {
  const moved = `// a line\n\n${weak}`

  test('knows a finding in lines that moved and in a file that was renamed', async () => {
    const baseline = baselineOf(await auditFiles({ 'server.ts': weak }))
    const report = await auditFiles({ 'src/http/listen.ts': moved }, { baseline })
    expect({ found: places(report), known: suppressedPlaces(report) }).toEqual({
      found: [],
      known: ['src/http/listen.ts:7'],
    })
    expect(report).toMatchObject({ score: 100, notices: [] })
  })

  test('does not know a second one like it', async () => {
    const baseline = baselineOf(await auditFiles({ 'server.ts': weak }))
    const report = await auditFiles({ 'a.ts': weak, 'b.ts': weak }, { baseline })
    expect({ found: places(report).length, known: suppressedPlaces(report).length }).toEqual({ found: 1, known: 1 })
  })

  test('says when it is larger than what is found', async () => {
    const baseline = baselineOf(await auditFiles({ 'a.ts': weak, 'b.ts': weak }))
    const report = await auditFiles({ 'a.ts': weak }, { baseline })
    expect(report.notices).toMatchObject([
      { kind: 'unused', message: '1 of the 2 findings listed here is gone. Tighten it: sallyport baseline.' },
    ])
  })

  test('keeps reasons and days when it is written anew, and drops what is gone', async () => {
    const first = await auditFiles({ 'a.ts': weak, 'b.ts': weak })
    const decided = baselineOf(first, (text) =>
      text.replaceAll('"what"', '"reason": "later", "expires": "2027-01-31", "what"'),
    )
    const again = await auditFiles({ 'a.ts': weak }, { baseline: decided })
    expect(parseBaseline(renderBaseline(again, decided), 'x').entries).toMatchObject([
      { reason: 'later', expires: '2027-01-31', path: 'a.ts' },
    ])
  })

  test('an entry whose day is over counts again', async () => {
    const known = await auditFiles({ 'server.ts': weak })
    const baseline = baselineOf(known, (text) => text.replace('"what"', '"expires": "2026-11-25", "what"'))
    const report = await auditFiles({ 'server.ts': weak }, { baseline })
    expect(places(report)).toHaveLength(1)
    expect(report.notices).toMatchObject([{ kind: 'expired', path: 'sallyport.baseline.json' }])
  })

  test.each<[string, string, string]>([
    ['no JSON', 'x', 'b.json: is no JSON'],
    ['another version', '{"version": 2, "findings": []}', 'b.json: version must be 1.'],
    [
      'an entry without a fingerprint',
      '{"version": 1, "findings": [{}]}',
      'b.json: findings[0] must hold "fingerprint".',
    ],
    ['a list that is none', '{"version": 1, "findings": {}}', 'b.json: findings must be a list.'],
  ])('is refused where it is %s', (_, text, message) => {
    expect(() => parseBaseline(text, 'b.json')).toThrow(message)
  })
})

describe('the page', () => {
  test('always says how many are suppressed, and by what', async () => {
    const page = (report: Report, showSuppressed = false) =>
      renderText(report, rules, { color: false, unicode: true, width: 90, sources: new Map(), showSuppressed })
    const plain = await auditFiles({ 'server.ts': weak })
    expect(page(plain)).toContain('0 findings suppressed.')
    const known = await auditFiles({ 'server.ts': weak }, { baseline: baselineOf(plain) })
    expect(page(known)).toContain('1 finding suppressed, not scored: 1 by the baseline.')
    expect(page(known)).toMatch(/✓ plaintext-transport +1 suppressed/)
    expect(page(known)).not.toContain('server.ts:5')
    expect(page(known, true)).toContain('server.ts:5')
  })
})
