/** The whole pipeline against a server of our own. */
import { afterEach, describe, expect, it } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { probe } from '../../src/probe.ts'
import { ProbeError } from '../../src/probe-error.ts'
import { renderJson } from '../../src/report/json.ts'
import { rules } from '../../src/rules/index.ts'
import { verifyReport } from '../../src/score/verify.ts'
import { canary, configWith } from './principals.ts'
import { type Running, startTarget, tokens, type Weaknesses } from './target.ts'

let target: Running | undefined

afterEach(async () => {
  await target?.close()
  target = undefined
})

async function probed(weak: Weaknesses, more: Readonly<Record<string, unknown>> = { canary }): Promise<Report> {
  target = await startTarget(weak)
  return probe(target.url, { config: configWith(more) })
}

function outcomeOf({ assessments }: Report, id: string) {
  return assessments.find(({ rule }) => rule === id)?.outcome
}

describe('a probe', () => {
  it('says what it is about', async () => {
    const { subject } = await probed({})
    expect(subject).toMatchObject({ kind: 'target', url: target?.url, eras: ['legacy'] })
  })

  it('closes every session that it opened', async () => {
    await probed({ unbound: ['POST'] })
    expect(target?.sessions.size).toBe(0)
  })

  it('shows no credential and no session ID', async () => {
    const report = await probed({ unbound: ['POST', 'GET', 'DELETE'] })
    const json = renderJson(report)
    expect(report.findings.length).toBeGreaterThan(0)
    for (const secret of Object.values(tokens)) expect(json).not.toContain(secret)
    expect(json).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/)
  })

  it('gives a grade that can be recomputed', async () => {
    const report = await probed({ unbound: ['POST'] })
    const document = JSON.parse(renderJson(report)) as unknown
    expect(
      verifyReport(
        document,
        rules.map(({ rule }) => rule),
      ),
    ).toMatchObject({ kind: 'agrees' })
  })

  it('names findings alike in every run', async () => {
    const first = await probed({ unbound: ['GET'] })
    await target?.close()
    const second = await probed({ unbound: ['GET'] })
    expect(second.findings.map(({ fingerprint }) => fingerprint)).toEqual(
      first.findings.map(({ fingerprint }) => fingerprint),
    )
  })

  it('leaves everything open when its budget is spent', async () => {
    const report = await probed({}, { budget: { requests: 3 } })
    expect(outcomeOf(report, 'unbound-session')).toBe('open')
    expect(report.assessments.filter(({ outcome }) => outcome === 'pass')).toEqual([])
  })

  it('leaves everything open when it is interrupted, and closes what it opened', async () => {
    target = await startTarget({})
    const interrupt = new AbortController()
    const report = await probe(target.url, {
      config: configWith(),
      signal: interrupt.signal,
      onProgress: ({ phase }) => phase !== 'surveying' && interrupt.abort(),
    })
    expect(report.assessments.filter(({ outcome }) => outcome === 'pass')).toEqual([])
    expect(target.sessions.size).toBe(0)
  })

  it('goes nowhere without consent', async () => {
    await expect(probe('https://mcp.example.com/mcp')).rejects.toThrow(ProbeError)
  })

  it('says that nothing answers', async () => {
    await expect(probe('http://127.0.0.1:9/mcp')).rejects.toThrow(/Nothing answers at http:\/\/127\.0\.0\.1:9/)
  })
})

describe('unbound-session', () => {
  it.each(['POST', 'GET', 'DELETE'])('fails where %s is not bound', async (verb) => {
    const report = await probed({ unbound: [verb] })
    expect(outcomeOf(report, 'unbound-session')).toBe('fail')
    expect(report.findings.map(({ what }) => what)).toContainEqual(expect.stringContaining(`(${verb})`))
  })

  it('passes where every verb is', async () => {
    expect(outcomeOf(await probed({}), 'unbound-session')).toBe('pass')
  })

  it.each([
    ['an anonymous server', { anonymous: true }],
    ['a server without sessions', { stateless: true }],
  ])('does not apply to %s', async (_name, weak) => {
    expect(outcomeOf(await probed(weak), 'unbound-session')).toBe('notApplicable')
  })

  it('is open without a second principal', async () => {
    target = await startTarget({})
    const { principals, ...rest } = configWith()
    const { alice } = principals
    const report = await probe(target.url, { config: { ...rest, principals: { ...(alice && { alice }) } } })
    expect(outcomeOf(report, 'unbound-session')).toBe('open')
  })
})
