/** What is said of live targets: of known rules, without a name where no advisory is published, and right only where the words are. */
import { describe, expect, it } from 'vitest'
import type { Report } from '../../packages/audit/src/finding/finding.ts'
import { rules } from '../../packages/audit/src/rules/index.ts'
import { liveTargets, resultOf } from '../targets/results.ts'
import { configurationOf, readTargets, type Expected } from '../targets/target.ts'

const targets = readTargets()

describe('targets', () => {
  it('are expected to say something of rules that there are', () => {
    const known = new Set(rules.map(({ rule }) => rule.id))
    for (const { expected } of targets) {
      expect(Object.keys(expected).length).toBeGreaterThan(0)
      expect(Object.keys(expected).filter((rule) => !known.has(rule))).toEqual([])
    }
  })

  it('bear no name of a package on the page, unless an advisory does', () => {
    const page = liveTargets()
    const packages = targets.flatMap(({ install = {} }) => Object.keys(install))
    const mentioned = new Set(packages.filter((name) => name.length > 5 && page.includes(`| ${name}`)))
    expect([...mentioned]).toEqual([])
  })

  it('have a configuration in which the port is a number', () => {
    for (const target of targets) expect(configurationOf(target, '4711')).not.toContain('$PORT')
  })
})

describe('a verdict', () => {
  const cost = { requests: 1, cpuMs: 1, wallMs: 1 }
  const report = {
    assessments: [{ rule: 'unbound-session', outcome: 'fail' }],
    findings: [{ rule: 'unbound-session', what: 'bob (DELETE) ends it' }],
  } as unknown as Report

  it.each<[string, Omit<Expected, 'reason'>, boolean]>([
    ['is right by its outcome', { outcome: 'fail' }, true],
    ['is wrong by its outcome', { outcome: 'pass' }, false],
    ['is right with the finding that is expected', { outcome: 'fail', says: '(DELETE)' }, true],
    ['is wrong without it', { outcome: 'fail', says: '(POST)' }, false],
    ['is wrong with one that must not be', { outcome: 'fail', saysNot: '(DELETE)' }, false],
  ])('%s', (_name, own, isRight) => {
    const [target] = targets
    const expected = { 'unbound-session': { ...own, reason: 'So it is written.' } }
    expect(resultOf({ ...target!, expected }, report, cost).rows.map((row) => row.isRight)).toEqual([isRight])
  })
})
