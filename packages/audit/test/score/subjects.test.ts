import { describe, expect, test } from 'vitest'
import { renderHtml } from '../../src/report/html.ts'
import { renderJson } from '../../src/report/json.ts'
import { renderMarkdown } from '../../src/report/markdown.ts'
import { renderText } from '../../src/report/text.ts'
import { rules } from '../../src/rules/index.ts'
import { verifyReport } from '../../src/score/verify.ts'
import { auditFiles, weak } from '../suppress/programs.ts'

const safe = weak.replace('0.0.0.0', '127.0.0.1')

function pkg(name: string, dependencies: Readonly<Record<string, string>> = {}): string {
  return JSON.stringify({ name, dependencies })
}

const two = {
  'package.json': JSON.stringify({ name: 'root', workspaces: ['packages/*'] }),
  'packages/good/package.json': pkg('good'),
  'packages/good/src/server.ts': safe,
  'packages/bad/package.json': pkg('bad'),
  'packages/bad/src/server.ts': weak,
}

describe('several servers', () => {
  test('have a grade each, and the tree has the lowest', async () => {
    const report = await auditFiles(two)
    expect(report.subjects.map(({ root, grade, score }) => ({ root, grade, score }))).toEqual([
      { root: 'packages/bad', grade: 'C', score: 78 },
      { root: 'packages/good', grade: 'A', score: 100 },
    ])
    expect(report).toMatchObject({ score: 78, grade: 'C' })
    expect(report.findings).toHaveLength(1)
  })

  test('share the weaknesses of the code that they import', async () => {
    const listen = "import { start } from 'shared'\nimport express from 'express'\nstart(express())\n"
    const files = {
      'packages/shared/package.json': pkg('shared'),
      'packages/shared/index.ts': `import { verify } from 'jsonwebtoken'
export function start(app: any) {
  app.get('/', (req: any, res: any) => res.json(verify(String(req.headers.authorization), process.env.KEY, { audience: 'notes' })))
  app.listen(3000, '0.0.0.0')
}`,
      'packages/a/package.json': pkg('a', { shared: '*' }),
      'packages/a/server.ts': listen,
      'packages/b/package.json': pkg('b', { shared: '*' }),
      'packages/b/server.ts': listen,
      'packages/c/package.json': pkg('c'),
      'packages/c/server.ts': safe,
    }
    const { subjects, findings } = await auditFiles(files)
    expect(findings).toHaveLength(1)
    expect(subjects.map(({ root, score }) => `${root} ${score}`)).toEqual([
      'packages/a 78',
      'packages/b 78',
      'packages/c 100',
    ])
  })

  test('are verified server by server', async () => {
    const document = JSON.parse(renderJson(await auditFiles(two)))
    const published = rules.map(({ rule }) => rule)
    expect(verifyReport(document, published)).toMatchObject({ kind: 'agrees', subjects: 2, grade: 'C' })
    document.subjects[0].grade = 'A'
    expect(verifyReport(document, published)).toMatchObject({ kind: 'differs' })
  })

  test('are summed up in every format for readers', async () => {
    const report = await auditFiles(two)
    const sentence = 'The grade is that of packages/bad, the lowest of 2 servers.'
    const page = renderText(report, rules, { color: false, unicode: true, width: 100, sources: new Map() })
    expect(page).toMatch(
      /Servers .*\n {2}C +78 \/ 100 +1 failing rule +packages\/bad\n {2}A +100 \/ 100 +0 failing rules +packages\/good/,
    )
    expect(page).toContain(sentence)
    expect(page).not.toContain('100 − 22')
    expect(renderMarkdown(report, rules, { sources: new Map() })).toContain(
      '| `packages/bad` | **C** | 78 | `plaintext-transport` |',
    )
    expect(renderHtml(report, rules, { sources: new Map() })).toContain(sentence)
  })
})

test.each<[string, Readonly<Record<string, string>>]>([
  ['one package of several files that serve', { 'package.json': pkg('one'), 'http.ts': weak, 'admin.ts': safe }],
  [
    'a server beside a library',
    { 'a/package.json': pkg('a'), 'a/server.ts': weak, 'b/package.json': pkg('b'), 'b/sum.ts': 'export const sum = 1' },
  ],
  [
    'a server beside its example',
    { 'package.json': pkg('a'), 'server.ts': weak, 'examples/x/package.json': pkg('x'), 'examples/x/server.ts': weak },
  ],
])('%s is one subject', async (_, files) => {
  const report = await auditFiles(files)
  expect(report.subjects).toEqual([])
  expect(JSON.parse(renderJson(report))).not.toHaveProperty('subjects')
})
