import { describe, expect, test } from 'vitest'
import { extract } from '../../src/extract/extract.ts'
import type { Edit, Fix } from '../../src/finding/finding.ts'
import type { Mend } from '../../src/fix/fix.ts'
import { mend, type MendOptions } from '../../src/mend.ts'
import { rules } from '../../src/rules/index.ts'
import type { RuleEntry } from '../../src/rules/rule.ts'
import { readSources } from '../../src/source/read.ts'
import { memoryHost, type Files } from '../source/memory-host.ts'

const login = `import express from 'express'
const app = express()
app.use(express.json())
app.post('/login', (req, res) => {
  if (req.get('x-key') !== process.env.API_KEY) return res.status(401).end()
  res.cookie('session', process.env.A_SESSION).end()
})
app.listen(3000, '127.0.0.1')
`
const own = new Set(['timing-unsafe-comparison', 'insecure-session-cookie'])

/** The two rules of the program above; the first with another fix where one is given. */
function withFix(fix?: Mend): readonly RuleEntry[] {
  return rules
    .filter(({ rule }) => own.has(rule.id))
    .map((entry) => (fix && entry.rule.id === 'timing-unsafe-comparison' ? { ...entry, fix } : entry))
}

function mended(files: Files, entries: readonly RuleEntry[] = withFix(), kinds: MendOptions['kinds'] = 'all') {
  return mend('/app', { kinds, host: memoryHost(files) }, { read: readSources, extract, rules: entries })
}

/** A fix with one edit: what it looks for in the file of the finding, and what it puts there. */
function replacing(from: string, to: string, kind: Fix['kind'] = 'safe'): Mend {
  return (finding, { syntax }) => {
    const file = syntax.file(finding.location!.path)!
    const start = file.text.indexOf(from)
    const edits: Edit[] = [{ path: file.path, start, end: start + from.length, text: to }]
    return start === -1 ? undefined : { title: 'Test', kind, edits }
  }
}

describe('fixes that hold', () => {
  test('stay, and their findings are gone', async () => {
    const { before, after, fixed, rolledBack, changes } = await mended({ '/app/server.ts': login })
    expect(before.findings.map(({ rule }) => rule)).toEqual(['timing-unsafe-comparison', 'insecure-session-cookie'])
    expect(after.findings).toEqual([])
    expect(fixed.map(({ fix }) => fix.kind)).toEqual(['safe', 'safe'])
    expect(rolledBack).toEqual([])
    expect(changes.map(({ path, before: text }) => [path, text])).toEqual([['server.ts', login]])
  })

  test('leave nothing to do for a second run', async () => {
    const [change] = (await mended({ '/app/server.ts': login })).changes
    expect((await mended({ '/app/server.ts': change!.after })).changes).toEqual([])
  })

  test('keep the line ends, the byte order mark and all other text of a file', async () => {
    const strange = `\ufeff${login.replaceAll('\n', '\r\n').replace('app.listen', '/* \t kept */app . listen')}`
    const { changes, after } = await mended({ '/app/server.ts': strange })
    const text = changes[0]!.after
    expect(after.findings).toEqual([])
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    expect(text.startsWith('\ufeffimport')).toBe(true)
    for (const line of strange
      .slice(1)
      .split('\r\n')
      .filter((each) => !/x-key|cookie/.test(each)))
      expect(text).toContain(line)
  })

  test('are left out where they want a review and nobody asked for those', async () => {
    const entries = withFix(replacing("req.get('x-key') !== process.env.API_KEY", 'false', 'unsafe'))
    const { fixed, after } = await mended({ '/app/server.ts': login }, entries, 'safe')
    expect(fixed.map(({ finding }) => finding.rule)).toEqual(['insecure-session-cookie'])
    expect(after.findings.map(({ rule }) => rule)).toEqual(['timing-unsafe-comparison'])
  })
})

describe('a comparison of secrets', () => {
  const comparing = (condition: string) =>
    login
      .replace("req.get('x-key') !== process.env.API_KEY", condition)
      .replace('\napp.post(', '\nconst secret = Number(process.env.ACCESS_TOKEN)\napp.post(')

  test.each(['Number(req.get("x-token")) !== secret', 'secret !== Number(req.get("x-token"))'])(
    'of numbers is left to a person, since digests are of texts: %s',
    async (condition) => {
      const { before, changes } = await mended({ '/app/server.ts': comparing(condition) })
      expect(before.findings.map(({ rule }) => rule)).toContain('timing-unsafe-comparison')
      expect(changes.map(({ after }) => after).join('')).not.toContain('isSameSecret')
    },
  )

  test('by which a number is like a text is to be reviewed', async () => {
    const { before } = await mended({ '/app/server.ts': comparing('req.get("x-key") != process.env.API_KEY') })
    const { fixes } = before.findings.find(({ rule }) => rule === 'timing-unsafe-comparison')!
    expect(fixes.map(({ kind }) => kind)).toEqual(['unsafe'])
  })
})

describe('a fix is rolled back, and the others stay,', () => {
  test.each([
    ['if its finding is still there', "'x-key'", "'y-key'", /still there/],
    ['if the file cannot be read with it', 'app.post(', 'app.post((', /could not be read whole/],
    [
      'if it brings a finding of another rule',
      "if (req.get('x-key') !== process.env.API_KEY) return",
      "res.cookie('auth', '12345678')\n  if (req.get('x-none')) return",
      /bring a finding of insecure-session-cookie/,
    ],
  ])('%s', async (_name, from, to, reason) => {
    const { after, changes, fixed, rolledBack } = await mended(
      { '/app/server.ts': login },
      withFix(replacing(from, to)),
    )
    expect(rolledBack.map((each) => each.finding.rule)).toEqual(['timing-unsafe-comparison'])
    expect(rolledBack[0]!.reason).toMatch(reason)
    expect(fixed.map(({ finding }) => finding.rule)).toEqual(['insecure-session-cookie'])
    expect(after.findings.map(({ rule }) => rule)).toEqual(['timing-unsafe-comparison'])
    expect(changes[0]!.after).not.toContain(to)
  })
})

test('fixes that clash are made one after the other', async () => {
  const wide = replacing(
    '!== process.env.API_KEY) return res.status(401).end()\n  res',
    '=== undefined) return res\n  res',
  )
  const { fixed, after } = await mended({ '/app/server.ts': login }, withFix(wide))
  expect(fixed.map(({ finding }) => finding.rule)).toEqual(['timing-unsafe-comparison', 'insecure-session-cookie'])
  expect(after.findings).toEqual([])
})

test('a fix that does not hold is tried again where another one has made another of it', async () => {
  const comparison = "req.get('x-key') !== process.env.API_KEY"
  const entries = withFix((finding, ground) => {
    const isSeen = ground.syntax.file('server.ts')!.text.includes('httpOnly')
    return replacing(comparison, isSeen ? 'false' : `(${comparison})`)(finding, ground)
  })
  const { fixed, rolledBack, after } = await mended({ '/app/server.ts': login }, entries)
  expect(fixed.map(({ finding }) => finding.rule)).toEqual(['insecure-session-cookie', 'timing-unsafe-comparison'])
  expect(rolledBack).toEqual([])
  expect(after.findings).toEqual([])
})

test('a fix that fails costs the finding nothing and is mentioned', async () => {
  const failing: Mend = () => {
    throw new Error('no such shape')
  }
  const { before } = await mended({ '/app/server.ts': login }, withFix(failing))
  expect(before.findings.map(({ rule, fixes }) => [rule, fixes.length])).toEqual([
    ['timing-unsafe-comparison', 0],
    ['insecure-session-cookie', 1],
  ])
  expect(before.gaps.map(({ reason }) => reason)).toEqual([
    'The fix for timing-unsafe-comparison failed and is not offered (no such shape).',
  ])
})

test('findings that somebody decided to live with are not touched', async () => {
  const ignored = login.replace(
    '  if (req',
    '  // sallyport-ignore timing-unsafe-comparison -- a public key\n  if (req',
  )
  const { fixed } = await mended({ '/app/server.ts': ignored })
  expect(fixed.map(({ finding }) => finding.rule)).toEqual(['insecure-session-cookie'])
})
