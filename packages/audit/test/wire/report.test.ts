/** A report of exchanges in every format. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { probe } from '../../src/probe.ts'
import { renderGithub } from '../../src/report/github.ts'
import { renderGitlab } from '../../src/report/gitlab.ts'
import { renderHtml } from '../../src/report/html.ts'
import { renderJson } from '../../src/report/json.ts'
import { renderJunit } from '../../src/report/junit.ts'
import { renderMarkdown } from '../../src/report/markdown.ts'
import { renderSarif } from '../../src/report/sarif.ts'
import { renderText } from '../../src/report/text.ts'
import { renderUnix } from '../../src/report/unix.ts'
import schema from '../../src/report/report.schema.json' with { type: 'json' }
import { rules } from '../../src/rules/index.ts'
import { compileSarifSchema } from '../report/sarif-schema.ts'
import { canary, configWith } from './principals.ts'
import { type Running, startTarget } from './target.ts'

let target: Running
let report: Report

beforeAll(async () => {
  target = await startTarget({ unbound: ['DELETE'] })
  report = await probe(
    target.url,
    { config: configWith({ canary }) },
    rules.filter(({ rule }) => rule.id === 'unbound-session'),
  )
})

afterAll(() => target.close())

describe('a finding on the wire', () => {
  it('keeps the schema of the JSON report', () => {
    const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema)
    expect(validate(JSON.parse(renderJson(report))) || validate.errors).toBe(true)
    expect(JSON.parse(renderJson(report))).toMatchObject({
      subject: { kind: 'target', url: target.url, eras: ['legacy'] },
      findings: [{ trace: [{ exchange: { actor: 'alice' } }, {}, { exchange: { actor: 'bob' } }, {}] }],
    })
  })

  it('keeps the schema of SARIF, with request and response', () => {
    const log = JSON.parse(renderSarif(report, rules)) as { runs: { results: unknown[] }[] }
    const validate = compileSarifSchema()
    expect(validate(log) || validate.errors).toBe(true)
    expect(log.runs[0]?.results[0]).toMatchObject({
      webRequest: { method: 'DELETE', target: target.url },
      webResponse: { statusCode: 200 },
      codeFlows: [{ threadFlows: [{ locations: [{ webRequest: { method: 'POST' } }, {}, {}, {}] }] }],
    })
  })

  it('is drawn as a sequence in text, in ASCII too, the theft marked', () => {
    const draw = (unicode: boolean) =>
      renderText(report, rules, { color: false, unicode, width: 100, sources: new Map() })
    expect(draw(true)).toMatch(/Alice +Mallory +server/)
    expect(draw(true)).toMatch(/③ DELETE \/mcp.*\n.*─▶│\n.*◀── 200 ─.*\n +✗ bob, with his own credential/)
    expect(draw(true)).toContain('Reproduce')
    // oxlint-disable-next-line no-control-regex -- ASCII and line breaks
    expect(draw(false)).toMatch(/^[\x0a\x20-\x7e]*$/)
  })

  it('is drawn as a sequence in HTML', () => {
    const page = renderHtml(report, rules, { sources: new Map() })
    expect(page).toContain('class="mallory theft"')
    expect(page).toContain('curl -sN')
  })

  it('has no place in source, and every other format says so', () => {
    expect(renderMarkdown(report, rules, { sources: new Map() })).toContain('seen on the wire')
    expect(renderJunit(report, rules)).toContain('DELETE /mcp as bob, answered 200')
    expect(renderGithub(report, rules)).toContain('unbound-session (critical)')
    expect(renderUnix(report)).toContain('[unbound-session]')
    expect(JSON.parse(renderGitlab(report))).toMatchObject([{ check_name: 'unbound-session' }])
  })
})
