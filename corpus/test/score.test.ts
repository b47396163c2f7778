import { describe, expect, test } from 'vitest'
import { scoreFix } from '../fixes.ts'
import { Places } from '../place.ts'
import { precision, recall, scoreServer, tally } from '../score.ts'
import { digestOf, type FixPair, isFile, isWithin, type Label, loadVerdicts, type Server } from '../verdicts.ts'
import { checkout, finding, report } from './report.ts'

const source = `const sessions = new Map()
class Store {
  #entries = new Map()
  find(id) {
    return this.#entries.get(id)
  }
}
app.post('/mcp', (request) => {
  const early = 1



  return early
})
app.get('/mcp', () => {
  return sessions
})
`
const places = new Places(checkout({ 'src/server.js': source }))

const server = (labels: Server['labels'], within?: string): Server => ({
  number: 0,
  digest: '',
  labels,
  ...(within ? { within } : {}),
})

const state = (...findings: ReturnType<typeof finding>[]) => ({ report: report(findings), places })

describe('places', () => {
  test.each([
    [1, '<module>'],
    [3, 'Store'],
    [5, 'Store / find'],
    [8, 'app.post(/mcp)'],
    [13, 'app.post(/mcp)'],
    [16, 'app.get(/mcp)'],
  ])('line %i stands in %s', (line, scope) => {
    expect(places.enclosing('src/server.js', line)).toBe(scope)
  })

  test('a file that is not there has no scopes and no lines', () => {
    expect(places.enclosing('src/none.js', 3)).toBe('<module>')
    expect(places.line('src/none.js', 3)).toBe('')
  })
})

describe('servers', () => {
  const vulnerable: Label = {
    verdict: 'vulnerable',
    confidence: 'high',
    evidence: [{ file: digestOf('src/server.js'), start: 9, end: 9 }],
  }
  const safe: Label = { verdict: 'safe', confidence: 'high', evidence: [] }
  test('a finding answers a label, also under the neighbouring rule', () => {
    const [pair] = scoreServer(
      server({ 'unbound-session': vulnerable }),
      report([finding('session-as-authentication', 'src/server.js', [13])]),
      places,
    )
    expect(pair?.cell).toBe('TP')
    expect(pair?.placement).toMatchObject({ lines: false, enclosing: true, placed: true })
  })

  test('a finding elsewhere in the file is found but not placed', () => {
    const [pair] = scoreServer(
      server({ 'unbound-session': vulnerable }),
      report([finding('unbound-session', 'src/server.js', [16])]),
      places,
    )
    expect(pair).toMatchObject({ cell: 'TP', placement: { file: true, placed: false } })
  })

  test('findings in tests and outside the judged folder do not count', () => {
    const inTest = finding('unbound-session', 'src/server.js', [9], { surface: 'test' })
    expect(scoreServer(server({ 'unbound-session': vulnerable }), report([inTest]), places)[0]?.cell).toBe('FN')
    const outside = server({ 'unbound-session': safe }, digestOf('examples'))
    expect(scoreServer(outside, report([finding('unbound-session', 'src/server.js', [9])]), places)[0]?.cell).toBe('TN')
  })

  test('an audit that crashed has said nothing', () => {
    const pairs = scoreServer(server({ 'unbound-session': vulnerable, 'session-fixation': safe }), undefined, places)
    expect(pairs.map(({ cell }) => cell)).toEqual(['FN', 'TN'])
    expect(recall(tally(pairs))).toBe(0)
    expect(precision(tally(pairs))).toBeUndefined()
  })
})

describe('fixes', () => {
  const pair: FixPair = {
    number: 0,
    digest: '',
    rules: ['unbound-session'],
    direction: 'fix',
    expected: [{ file: 'src/server.js', start: 9, end: 9 }],
  }
  test('a finding that is gone after the fix tells the two apart', () => {
    const score = scoreFix(pair, state(finding('unbound-session', 'src/server.js', [13])), state())
    expect(score).toMatchObject({ reach: 'scope', detected: true, aftermath: 'gone', apart: true })
  })

  test('a finding in another function of the fixed state is another weakness', () => {
    const score = scoreFix(
      pair,
      state(finding('unbound-session', 'src/server.js', [9])),
      state(finding('unbound-session', 'src/server.js', [16])),
    )
    expect(score.apart).toBe(true)
  })

  test('the same function on another line is the same weakness, unless it became partial', () => {
    const before = state(finding('unbound-session', 'src/server.js', [9]))
    expect(scoreFix(pair, before, state(finding('unbound-session', 'src/server.js', [13]))).aftermath).toBe('same')
    const weaker = state(finding('unbound-session', 'src/server.js', [13], { partial: true }))
    expect(scoreFix(pair, before, weaker)).toMatchObject({ aftermath: 'weaker', apart: true })
  })

  test('a finding of another rule detects nothing', () => {
    expect(scoreFix(pair, state(finding('session-fixation', 'src/server.js', [9])), state())).toMatchObject({
      reach: 'none',
      apart: false,
    })
  })
})

describe('verdicts', () => {
  test('files and folders are known by path or by digest', () => {
    expect(isFile(digestOf('src/a.ts'), 'src/a.ts')).toBe(true)
    expect(isFile('src/a.ts', 'src/b.ts')).toBe(false)
    expect(isWithin(digestOf('a/b'), 'a/b/c.ts')).toBe(true)
    expect(isWithin('a/b', 'a/bc.ts')).toBe(false)
  })

  test('the project names no server and no file of one', () => {
    const { servers, fixes } = loadVerdicts(`${import.meta.dirname}/..`)
    const evidence = [
      ...servers.flatMap(({ labels }) => Object.values(labels)).flatMap((label) => label.evidence),
      ...fixes.flatMap(({ expected }) => expected),
    ]
    for (const { file } of evidence) expect(file).toMatch(/^[0-9a-f]{16}$/)
    for (const subject of [...servers, ...fixes]) expect(Object.keys(subject)).not.toContain('repo')
  })
})
