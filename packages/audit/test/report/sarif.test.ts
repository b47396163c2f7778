import { requirements } from '@sallyport/requirements'
import type { Log, Result, Run } from 'sarif'
import { describe, expect, test } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { renderSarif, type SarifOptions } from '../../src/report/sarif.ts'
import { compileSarifSchema } from './sarif-schema.ts'
import { finding, reportOf, rules, step } from './samples/build.ts'
import { bundledServer } from './samples/bundled-server.ts'
import { cleanServer } from './samples/clean-server.ts'
import { largeServer } from './samples/large-server.ts'
import { notesServer } from './samples/notes-server.ts'

const validate = compileSarifSchema()

function logOf(report: Report, options?: SarifOptions): Log {
  return JSON.parse(renderSarif(report, rules, options))
}

function runOf(report: Report, options?: SarifOptions): Run {
  return logOf(report, options).runs[0] as Run
}

function resultOf(rule: string, report: Report = notesServer.report): Result {
  return runOf(report).results?.find(({ ruleId }) => ruleId === rule) as Result
}

describe('the OASIS schema', () => {
  test.each(Object.entries({ notesServer, cleanServer, bundledServer, largeServer }))('accepts %s', (_, { report }) => {
    validate(logOf(report))
    expect(validate.errors).toBeNull()
  })

  test.each<[string, (run: any) => void]>([
    ['a level it does not know', (run) => (run.results[0].level = 'fatal')],
    ['a rule without an id', (run) => delete run.tool.driver.rules[0].id],
    ['a region without a start', (run) => delete run.results[0].locations[0].physicalLocation.region.startLine],
    ['a code flow without thread flows', (run) => delete run.results[0].codeFlows[0].threadFlows],
    ['a column kind it does not know', (run) => (run.columnKind = 'bytes')],
    ['a URI with a space', (run) => (run.results[0].locations[0].physicalLocation.artifactLocation.uri = 'a b')],
  ])('refuses %s', (_, change) => {
    const log = logOf(notesServer.report)
    change(log.runs[0])
    expect(validate(log)).toBe(false)
  })
})

describe('the driver', () => {
  const pages = new Map([['session-fixation', '# session-fixation\n\nThe page.']])
  const { driver } = runOf(notesServer.report, { pages }).tool
  const [rule] = driver.rules ?? []

  test('has a rule for each of ours, with its page', () => {
    expect(driver.rules?.map(({ id }) => id)).toEqual(rules.map((entry) => entry.rule.id))
    expect(rule?.help?.markdown).toBe('# session-fixation\n\nThe page.')
    expect(rule?.helpUri).toMatch(/^https:/)
  })

  test.each([
    ['session-fixation', '9.5', 'error'],
    ['missing-session-expiry', '8.0', 'error'],
    ['missing-session-invalidation', '5.5', 'warning'],
  ])('bands %s', (id, severity, level) => {
    const described = driver.rules?.find((one) => one.id === id)
    expect(described?.properties?.['security-severity']).toBe(severity)
    expect(described?.defaultConfiguration?.level).toBe(level)
    expect(described?.properties?.tags).toEqual(
      expect.arrayContaining(['security', expect.stringMatching(/^external\/cwe\/cwe-\d+$/)]),
    )
  })

  test('relates every rule to taxa that are there', () => {
    const { taxonomies = [] } = runOf(notesServer.report)
    expect(taxonomies.map(({ name }) => name)).toEqual(['CWE', 'sallyport-requirements'])
    for (const { rule: own } of rules) {
      const related = driver.rules?.find(({ id }) => id === own.id)?.relationships ?? []
      expect(related).toHaveLength(own.cwe.length + own.requirements.length)
      for (const { target } of related) {
        const taxonomy = taxonomies[target.toolComponent?.index ?? -1]
        expect(taxonomy?.name).toBe(target.toolComponent?.name)
        expect(taxonomy?.taxa?.[target.index ?? -1]?.id).toBe(target.id)
      }
    }
  })

  test('gives each clause its words and its link', () => {
    const taxon = runOf(notesServer.report).taxonomies?.[1]?.taxa?.find(({ id }) => id === 'asvs-5.0/7.3.1')
    expect(taxon?.fullDescription?.text).toBe(requirements['asvs-5.0/7.3.1'].text)
    expect(taxon?.helpUri).toBe(requirements['asvs-5.0/7.3.1'].link)
  })
})

describe('a result', () => {
  test('is a failure at the level of its own severity, and points to its rule', () => {
    expect(resultOf('session-fixation')).toMatchObject({ kind: 'fail', level: 'error', ruleIndex: 0 })
    expect(resultOf('missing-session-expiry')).toMatchObject({
      kind: 'fail',
      level: 'warning',
      properties: { partial: true },
    })
  })

  test('is information where it is not scored', () => {
    expect(resultOf('unbound-session')).toMatchObject({
      kind: 'informational',
      level: 'none',
      properties: { surface: 'example' },
    })
  })

  test('tells the trace as a code flow in its order', () => {
    const locations = resultOf('session-fixation').codeFlows?.[0]?.threadFlows[0]?.locations ?? []
    expect(locations.map(({ executionOrder, importance }) => [executionOrder, importance])).toEqual([
      [1, 'important'],
      [2, 'important'],
      [3, 'important'],
      [4, 'important'],
      [5, 'essential'],
    ])
    expect(locations[0]?.location?.message?.text).toBe('the session is opened for anyone who asks')
  })

  test('stands at its primary step; the others are related', () => {
    const { locations, relatedLocations } = resultOf('session-fixation')
    expect(locations?.[0]?.physicalLocation).toEqual({
      artifactLocation: { uri: 'src/routes/auth.ts', uriBaseId: '%SRCROOT%' },
      region: { startLine: 21, startColumn: 3, endLine: 21, endColumn: 25 },
    })
    expect(relatedLocations).toHaveLength(4)
  })

  test('keeps its fingerprint', () => {
    const [first] = notesServer.report.findings.filter(({ rule }) => rule === 'session-fixation')
    expect(resultOf('session-fixation').partialFingerprints).toEqual({ 'sallyport/v1': first?.fingerprint })
  })

  test('carries its fixes as replacements', () => {
    expect(resultOf('predictable-session-id').fixes?.[0]?.artifactChanges).toEqual([
      {
        artifactLocation: { uri: 'src/session-store.ts', uriBaseId: '%SRCROOT%' },
        replacements: [
          { deletedRegion: { charOffset: 361, charLength: 42 }, insertedContent: { text: 'randomUUID()' } },
        ],
      },
    ])
  })

  test.each([
    ['src/会議室/a b.ts', 'src/%E4%BC%9A%E8%AD%B0%E5%AE%A4/a%20b.ts'],
    ['c:/100%#?.ts', 'c%3A/100%25%23%3F.ts'],
    ['src/\ud800.ts', 'src/%EF%BF%BD.ts'],
    ['[id]/\\x.ts', '%5Bid%5D/%5Cx.ts'],
  ])('names the file %j by a URI', (path, uri) => {
    const trace = [step('here', { path, startLine: 1, startColumn: 1, endLine: 1, endColumn: 2 })]
    const findings = [
      finding({ rule: 'session-fixation', severity: 'critical', what: 'w', why: 'y', todo: 't', trace }),
    ]
    const report = reportOf({ root: '.', score: 75, grade: 'C', files: { analysed: 1, skipped: 0 }, findings })
    expect(resultOf('session-fixation', report).locations?.[0]?.physicalLocation?.artifactLocation?.uri).toBe(uri)
  })

  test('makes no link of what comes from source', () => {
    const trace = [
      step('[log in](https://example.org)', { path: 'a.ts', startLine: 1, startColumn: 1, endLine: 1, endColumn: 2 }),
    ]
    const findings = [
      finding({ rule: 'session-fixation', severity: 'critical', what: '[x](1)', why: 'y', todo: 't', trace }),
    ]
    const report = reportOf({ root: '.', score: 75, grade: 'C', files: { analysed: 1, skipped: 0 }, findings })
    expect(renderSarif(report, rules)).not.toContain('](')
  })
})

describe('the run', () => {
  test('names no folder of the machine it ran on', () => {
    expect(renderSarif(bundledServer.report, rules)).not.toContain('/srv/')
    expect(runOf(bundledServer.report).originalUriBaseIds).toEqual({
      '%SRCROOT%': { description: { text: 'The audited root' } },
    })
  })

  test('notifies of gaps and of open rules', () => {
    const [invocation] = runOf(notesServer.report).invocations ?? []
    const notifications = invocation?.toolExecutionNotifications ?? []
    expect(invocation?.executionSuccessful).toBe(true)
    expect(notifications.map(({ descriptor, associatedRule }) => [descriptor?.id, associatedRule?.id])).toEqual([
      ['gap', undefined],
      ['gap', undefined],
      ['open-rule', 'plaintext-transport'],
      ['open-rule', 'unbound-session'],
    ])
    expect(notifications[1]?.message.text).toMatch(/ Leaves open: unbound-session, plaintext-transport\.$/)
  })

  test('keeps score, grade and every outcome', () => {
    const kept = runOf(cleanServer.report).properties?.['sallyport/score']
    expect(kept).toMatchObject({ score: 100, grade: 'A', formula: '1' })
    expect(kept.assessments).toHaveLength(rules.length)
  })

  test('counts columns in UTF-16 code units', () => {
    expect(runOf(cleanServer.report).columnKind).toBe('utf16CodeUnits')
  })
})
