import { describe, expect, test } from 'vitest'
import { auditFiles, places, suppressedPlaces, weak, weakness } from './programs.ts'

const listen = "app.listen(3000, '0.0.0.0')"

function before(comment: string): string {
  return weak.replace(listen, `${comment}\n${listen}`)
}

async function auditOf(text: string) {
  const report = await auditFiles({ 'server.ts': text })
  return { suppressed: suppressedPlaces(report), found: places(report), notices: report.notices, score: report.score }
}

describe('a comment suppresses', () => {
  test.each<[string, string]>([
    ['on the line above', before(`// sallyport-ignore ${weakness} -- TLS ends at our proxy`)],
    ['on the line itself', weak.replace(listen, `${listen} // sallyport-ignore ${weakness} -- TLS ends at our proxy`)],
    ['as a block', before(`/* sallyport-ignore ${weakness} -- TLS ends at our proxy */`)],
    [
      'above other comments and blank lines',
      before(`// sallyport-ignore ${weakness} -- why\n\n// the port\n/* is\nfree */`),
    ],
    ['with several rules', before(`// sallyport-ignore unbound-session, ${weakness} -- why`)],
    ['until its day is over', before(`// sallyport-ignore ${weakness} until 2026-11-26 -- why`)],
    ['in a file with CRLF', before(`// sallyport-ignore ${weakness} -- why`).replaceAll('\n', '\r\n')],
  ])('%s', async (_, text) => {
    const { found, suppressed, score } = await auditOf(text)
    expect({ found, suppressed: suppressed.length, score }).toEqual({ found: [], suppressed: 1, score: 100 })
  })
})

describe('hostile comments cost no square of their number or length', () => {
  test.each([
    ['a tower of them', `// sallyport-ignore ${weakness} -- why\n`.repeat(5_000)],
    ['a long one', `/* sallyport-ignore ${' '.repeat(300_000)}x */`],
  ])('%s', async (_, comments) => {
    const started = process.cpuUsage()
    await auditOf(before(comments))
    expect(process.cpuUsage(started).user / 1_000_000).toBeLessThan(5)
  })
})

describe('a comment suppresses nothing', () => {
  test.each<[string, string, string, RegExp | undefined]>([
    ['without a reason', before(`// sallyport-ignore ${weakness}`), 'no-reason', /gives no reason/],
    ['with an empty reason', before(`// sallyport-ignore ${weakness} -- `), 'no-reason', /gives no reason/],
    ['without a rule', before('// sallyport-ignore -- why'), 'malformed', /<rule> -- reason/],
    [
      'for a rule that there is not',
      before('// sallyport-ignore plain-transport -- why'),
      'unknown-rule',
      /no rule plain-transport/,
    ],
    [
      'with a day that there is not',
      before(`// sallyport-ignore ${weakness} until soon -- why`),
      'malformed',
      /soon is no day/,
    ],
    [
      'after its day',
      before(`// sallyport-ignore ${weakness} until 2026-11-25 -- why`),
      'expired',
      /expired after 2026-11-25/,
    ],
    ['for another rule', before('// sallyport-ignore unbound-session -- why'), 'unused', /no finding is there/],
    ['on another line', `// sallyport-ignore ${weakness} -- why\n${weak}`, 'unused', /no finding is there/],
  ])('%s, and is reported', async (_, text, kind, message) => {
    const { found, suppressed, notices, score } = await auditOf(text)
    expect({ found: found.length, suppressed, score }).toEqual({ found: 1, suppressed: [], score: 78 })
    expect(notices).toMatchObject([{ kind, path: 'server.ts' }])
    expect(notices[0]!.message).toMatch(message!)
  })

  test('from within a string', async () => {
    const { found, notices } = await auditOf(before(`const help = '// sallyport-ignore ${weakness} -- why'`))
    expect({ found: found.length, notices }).toEqual({ found: 1, notices: [] })
  })

  test('where the source is not trusted', async () => {
    const text = before(`// sallyport-ignore ${weakness} -- trust me`)
    const report = await auditFiles({ 'server.ts': text }, { comments: false })
    expect(places(report)).toHaveLength(1)
    expect(report).toMatchObject({ suppressed: [], notices: [] })
  })
})

test('the notice stands where the comment does', async () => {
  const { notices } = await auditOf(before('  // sallyport-ignore nothing -- why'))
  expect(notices[0]!.location).toMatchObject({ path: 'server.ts', startLine: 5, startColumn: 3 })
})

test('a comment in a test file is no notice', async () => {
  const report = await auditFiles({ 'server.ts': weak, 'a.test.ts': `// sallyport-ignore ${weakness} -- why\n` })
  expect(report.notices).toEqual([])
})
