/** Files that are broken, huge, unreadable or not text: each ends in a gap or a report, never in a crash, never in silence. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { audit } from '../../src/audit.ts'
import { AuditError } from '../../src/audit-error.ts'
import { readSources } from '../../src/source/read.ts'
import { extract } from '../../src/extract/extract.ts'
import { rules } from '../../src/rules/index.ts'
import { memoryHost, Trouble } from '../source/memory-host.ts'
import { folderOf } from '../source/trees.ts'

/** A small server with findings of its own: the rest of the tree must not cost them. */
const SERVER = `import express from 'express'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
const transports = {}
const app = express()
app.post('/mcp', async (req, res) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => String(Math.random()) })
  transports[transport.sessionId] = transport
  await transports[req.headers['mcp-session-id']].handleRequest(req, res)
})
app.listen(3000)
`
const WEAK = ['missing-session-expiry', 'plaintext-transport', 'predictable-session-id']

async function auditOf(files: Readonly<Record<string, string | Uint8Array>>) {
  return audit(folderOf(files))
}

describe('a server beside', () => {
  test.each([
    ['a broken file', 'const = ;\nfunction (', 'not fully analysed'],
    ['a broken line of 1.3 MB', `a = [${'1, '.repeat(430_000)}]; const = ;`, 'minified'],
    ['a binary file', new Uint8Array([0, 1, 2, 3, 0, 255, 254]), 'binary'],
    ['a file that is not UTF-8', new Uint8Array([0x63, 0xff, 0xfe, 0x80]), 'UTF'],
    ['a huge file', 'a\n'.repeat(1_200_000), 'larger than 2 MB'],
    ['a tower of brackets', `x = ${'[\n'.repeat(50_000)}`, 'nests too deep'],
    ['a tower that closes', `x = ${'['.repeat(1_000)}${']'.repeat(1_000)}`, 'levels'],
    ['a long chain', `x = a${'\n.b()'.repeat(30_000)}`, 'nests too deep'],
  ])('%s', async (_, content, reason) => {
    const report = await auditOf({ 'server.ts': SERVER, 'other.ts': content })
    expect(report.gaps.find((gap) => gap.path === 'other.ts')?.reason).toMatch(reason)
    expect(report.findings.map((finding) => finding.rule)).toEqual(expect.arrayContaining(WEAK))
  })

  test.each([
    ['an empty file', ''],
    ['a file of one character', ';'],
    ['a byte order mark', '\uFEFF'],
    ['a line of 1.3 MB', `x = ${'"' + 'a'.repeat(1_300_000) + '"'}`],
    ['a file of 20,000 statements', 'a = f(b)\n'.repeat(20_000)],
    ['a comment of 1.3 MB', `/* ${'( { [ ` " '.repeat(130_000)} */`],
    ['an array of 100,000 numbers', `export const table = [${'1,\n'.repeat(100_000)}]`],
    [
      'an object of 20,000 keys',
      `export const table = {${Array.from({ length: 20_000 }, (_, i) => `k${i}: { a: ${i} }`).join(',\n')}}`,
    ],
    [
      'a switch of 5,000 cases',
      `export function f(x) { switch (x) {${Array.from({ length: 5_000 }, (_, i) => `case ${i}: return '${i}'`).join('\n')}} }\nf(1)`,
    ],
    ['a sum of 700 terms', `export const sum = ${'1 +\n'.repeat(700)}1`],
    ['a template of 2,000 parts', `export const text = \`${'${f(a)}\n'.repeat(2_000)}\``],
    ['an else-if of 300 branches', `export function f(a) { ${'if (a.b) { c() } else\n'.repeat(300)} d() }`],
  ])(
    '%s',
    async (_, content) => {
      const report = await auditOf({ 'server.ts': SERVER, 'other.ts': content })
      expect(report.findings.map((finding) => finding.rule)).toEqual(expect.arrayContaining(WEAK))
    },
    60_000,
  )
})

test('a symlink loop, a dangling link, a link to a folder outside', async () => {
  const outside = folderOf({ 'secret.ts': SERVER })
  const root = folderOf({ 'server.ts': SERVER })
  symlinkSync(root, join(root, 'again'))
  symlinkSync(join(root, 'nowhere.ts'), join(root, 'dangling.ts'))
  symlinkSync(outside, join(root, 'outside'))
  const report = await audit(root)
  expect(report.files.analysed).toBe(1)
  expect(new Set(report.findings.map((finding) => finding.location?.path))).toEqual(new Set(['server.ts']))
})

test('a tree of 2,000 files', async () => {
  const root = folderOf({ 'server.ts': SERVER })
  for (let folder = 0; folder < 20; folder += 1) {
    mkdirSync(join(root, `m${folder}`))
    for (let file = 0; file < 100; file += 1) {
      const next = `../m${(folder + 1) % 20}/f${file}.js`
      writeFileSync(
        join(root, `m${folder}`, `f${file}.ts`),
        `import { g } from '${next}'\nexport const g = () => ${file}\n`,
      )
    }
  }
  const report = await audit(root)
  expect(report.files.analysed).toBe(2_001)
  expect(report.findings.map((finding) => finding.rule)).toEqual(expect.arrayContaining(WEAK))
}, 300_000)

test('a tree too large to walk to its end says so', async () => {
  const files = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`/app/f${i}.ts`, '']))
  const report = await audit('/app', {
    host: memoryHost({ ...files, '/app/a.ts': SERVER }),
    bounds: { depth: 10, entries: 1_000, files: 50 },
  })
  expect(report.gaps.length).toBeGreaterThan(0)
})

test('an unreadable file and an unreadable folder', async () => {
  const host = memoryHost({ '/app/server.ts': SERVER, '/app/other.ts': new Trouble('EACCES') })
  const report = await audit('/app', { host })
  expect(report.gaps).toMatchObject([{ path: 'other.ts', reason: 'The file could not be read (EACCES).' }])
  expect(report.files).toEqual({ analysed: 1, skipped: 1 })
})

describe('nothing to grade', () => {
  test.each<readonly [string, Readonly<Record<string, string | Uint8Array>>, number]>([
    ['an empty folder', {}, 0],
    ['code without a server', { 'a.ts': 'export const a = 1' }, 0],
    ['a server that cannot be parsed', { 'server.ts': `${'('.repeat(20_000)}${SERVER}` }, 1],
    ['a server that is no text', { 'server.ts': new Uint8Array([0, 1, 2]) }, 1],
  ])('%s is refused, with what could not be read', async (_, files, gaps) => {
    const refusal = await audit(folderOf(files)).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(AuditError)
    expect(refusal).toMatchObject({ code: 'no-server-code' })
    expect((refusal as AuditError).gaps).toHaveLength(gaps)
  })
})

test('a rule that throws is named, and the others go on', async () => {
  const [first, ...rest] = rules
  const broken = {
    ...first!,
    detect: () => {
      throw new RangeError('boom')
    },
  }
  const report = await audit(
    folderOf({ 'server.ts': SERVER }),
    {},
    { read: readSources, extract, rules: [broken, ...rest] },
  )
  expect(report.assessments.find(({ rule }) => rule === first!.rule.id)).toMatchObject({ outcome: 'open' })
  expect(report.gaps).toMatchObject([{ rules: [first!.rule.id], reason: expect.stringMatching('RangeError: boom') }])
  expect(report.assessments.filter(({ outcome }) => outcome === 'fail').length).toBeGreaterThan(1)
})
