import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from '../../src/extract/parse.ts'
import { salvage } from '../../src/extract/salvage.ts'
import { fileOf } from './trees.ts'

const BEFORE = `import express from 'express'\n\nfunction before() {\n  return \`\nnotes\`\n}\n\n`
const AFTER = `\nexport function after() {\n  if (a) {\n    b()\n  }\n  else {\n    c()\n  }\n}\n`

function functionsKept(middle: string): readonly (string | undefined)[] {
  const { tree } = parse(fileOf('a.ts', BEFORE + middle + AFTER))
  return (tree?.program.body ?? []).flatMap((node) => {
    const declared = node.type === 'ExportNamedDeclaration' ? node.declaration : node
    return declared?.type === 'FunctionDeclaration' ? [declared.id?.name] : []
  })
}

test.each([
  ['a stray =', 'function broken() {\n  const = 1\n}\n'],
  ['a missing )', 'app.get("/notes", (req, res) => {\n  res.json(notes\n})\n'],
  ['a missing }', 'app.get("/notes", (req, res) => {\n  if (a) {\n})\n'],
  ['no value', 'const x = ;\n'],
  ['a dangling member', 'notes.\n\n'],
  ['an unfinished function', 'function broken() {\n  return [\n\n'],
])('%s costs one statement', (_, middle) => {
  expect(functionsKept(middle)).toEqual(['before', 'after'])
})

test('a merge conflict costs its markers', () => {
  const conflict = '<<<<<<< HEAD\nfunction ours() {}\n=======\nfunction theirs() {}\n>>>>>>> branch\n'
  expect(functionsKept(conflict)).toEqual(['before', 'ours', 'theirs', 'after'])
})

const ROUTES = [
  '  app.post("/login", (req, res) => {\n    req.session.user = req.body.user\n  })\n',
  '  app.post("/register", (req, res) => {\n    try {\n      add(req.body)\n  })\n',
  '  app.get("/me", (req, res) => {\n    res.json(req.session.user)\n  })\n',
]

test('a broken route costs that route, not the function that registers it', () => {
  const text = `function routes(app) {\n${ROUTES.join('')}}\n`
  const rest = salvage(text, (piece) => parse(fileOf('a.ts', piece)).gap === undefined)
  expect(rest?.text).toContain('"/login"')
  expect(rest?.text).toContain('"/me"')
  expect(rest?.text).not.toContain('"/register"')
  expect(rest?.text).toHaveLength(text.length)
})

test('a broken method costs that method', () => {
  const text =
    'class Sessions {\n  get(id) {\n    return this.all[id]\n  }\n\n  end(id) {\n    delete this.all[\n  }\n}\n'
  const rest = salvage(text, (piece) => parse(fileOf('a.ts', piece)).gap === undefined)
  expect(rest?.text).toContain('get(id)')
  expect(rest?.text).not.toContain('end(id)')
})

test('a broken check takes with it what relied on it', () => {
  const text = 'function serve(session, user) {\n  if (session.owner !== ) return () => {}\n  return session.data\n}\n'
  expect(functionsKept(text)).toEqual(['before', 'after'])
})

test('offsets and lines stay true', () => {
  const text = 'const a = 1\r\nconst 🚪 = ;\r\nconst c = 3\n'
  const rest = salvage(text, (piece) => !piece.includes('🚪'))
  expect(rest?.text).toBe(`const a = 1\r\n${' '.repeat(12)}\r\nconst c = 3\n`)
  expect(rest?.removed).toEqual([{ start: 13, end: 27 }])
})

test('nothing is salvaged where all or nothing is to blame', () => {
  expect(salvage('a\nb\n', () => false)).toBeUndefined()
  expect(salvage('a\nb\n', () => true)).toBeUndefined()
  expect(salvage('', () => false)).toBeUndefined()
})

test('whatever is taken out, the rest stands where it stood', () => {
  const lines = fc.array(fc.constantFrom('a', '  b', '}', 'else', '\r', '🚪', '<<<<<<< x', ''), { maxLength: 30 })
  fc.assert(
    fc.property(lines, fc.func(fc.boolean()), (parts, parses) => {
      const text = parts.join('\n')
      const rest = salvage(text, parses)
      if (!rest) return
      expect(rest.text).toHaveLength(text.length)
      for (let at = 0; at < text.length; at++) expect([text[at], ' ']).toContain(rest.text[at])
    }),
  )
})
