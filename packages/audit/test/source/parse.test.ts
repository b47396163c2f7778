import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nestingRisk } from '../../src/extract/nesting.ts'
import { parse } from '../../src/extract/parse.ts'
import { fileOf } from './trees.ts'

const times = (part: string, count: number): string => part.repeat(count)

describe('reads each extension as what it is', () => {
  test.each([
    ['a.ts', 'const a = <string>b as number'],
    ['a.tsx', 'const a: JSX.Element = <b>{c as d}</b>'],
    ['a.mts', 'export const a: number = await 1'],
    ['a.cts', 'import a = require("a"); export = a'],
    ['a.js', 'const a = <b />'],
    ['a.jsx', 'const a = <b />'],
    ['a.mjs', 'export const a = await 1'],
    ['a.cjs', 'return require("a")'],
    ['a.js', 'if (x) return\nmodule.exports = 1'],
    ['a.js', 'const a: number = 1'],
    ['a.ts', 'const a = <b>c</b>'],
    ['a.ts', '#!/usr/bin/env node\nexport {}\nlet b'],
    ['a.js', 'var a = 010; with (a) {}'],
  ])('%s: %s', (path, text) => {
    const parsed = parse(fileOf(path, text))
    expect(parsed.gap).toBeUndefined()
    expect(parsed.tree?.program.body.length).toBeGreaterThan(0)
  })
})

test('offsets are UTF-16 and into the text as it stands', () => {
  for (const before of ['', '\uFEFF', "'🚪é'\r\n", '\uFEFF/* 🚪 */\r\n']) {
    const text = `${before}const notes = new Map()`
    const parsed = parse(fileOf('a.ts', text))
    const declaration = parsed.tree?.program.body.at(-1)
    expect(text.slice(declaration?.start, declaration?.end)).toBe('const notes = new Map()')
  }
})

describe('a broken file', () => {
  test('is a gap that says where', () => {
    const { gap } = parse(fileOf('src/a.ts', 'const a = 1\nconst b = ;\n'))
    expect(gap?.path).toBe('src/a.ts')
    expect(gap?.reason).toMatch(/^The file was not fully analysed: .+ at line 2\.$/)
    expect(gap?.location?.startLine).toBe(2)
  })

  test('keeps what can be read around the mistake', () => {
    const text = `import a from 'a'\nfunction before() {\n  return a\n}\n\nfunction broken() {\n  const = ;\n}\n\nfunction after() {\n  return 2\n}\n`
    const { tree, gap } = parse(fileOf('a.ts', text))
    expect(gap?.reason).toMatch('line 7')
    const names = tree?.program.body.flatMap((node) => (node.type === 'FunctionDeclaration' ? [node.id?.name] : []))
    expect(names).toEqual(['before', 'after'])
    const after = tree?.program.body.at(-1)
    expect(text.slice(after?.start, after?.end)).toMatch(/^function after/)
  })
})

const DEEP = 20_000
const HOSTILE: Readonly<Record<string, string>> = {
  parentheses: times('(', DEEP),
  closed: `${times('(', DEEP)}1${times(')', DEEP)}`,
  calls: times('f(', DEEP),
  lists: `x = ${times('[', DEEP)}`,
  blocks: times('{', DEEP),
  objects: `x = ${times('{a:', DEEP)}`,
  templates: times('`${', DEEP),
  generics: `let x: ${times('A<', DEEP)}`,
  'else if': `if (a) {} ${times('else if (a) {} ', DEEP)}`,
  'else if on lines': `if (a) {\n}\n${times('else if (a) {\n}\n', DEEP)}`,
  'if if': times('if (a) ', DEEP),
  'if if on lines': times('if (a)\n', DEEP),
  'for for': times('for (;;) ', DEEP),
  not: `x = ${times('!', DEEP)}a`,
  minus: `x = ${times('- ', DEEP)}a`,
  typeof: `x = ${times('typeof ', DEEP)}a`,
  'typeof on lines': `x = ${times('typeof\n', DEEP)}a`,
  await: `x = ${times('await ', DEEP)}a`,
  new: `x = ${times('new ', DEEP)}a`,
  arrows: `x = ${times('a => ', DEEP)}1`,
  ternaries: `x = ${times('a ? b : ', DEEP)}c`,
  assignments: `x = ${times('a = ', DEEP)}c`,
  powers: `x = ${times('a ** ', DEEP)}c`,
  sums: `x = ${times('a + ', DEEP)}c`,
  chains: `x = a${times('.b()', DEEP)}`,
  'chains on lines': `x = a${times('\n  .b()', DEEP)}`,
  indexes: `x = a${times('[0]', DEEP)}`,
  labels: `${times('a: ', DEEP)}f()`,
  JSX: `x = ${times('<a>', DEEP)}`,
  functions: times('function f() {', DEEP),
  classes: times('class A { m() {', DEEP),
  conditional: `type A = ${times('B extends C ? D : ', DEEP)}E`,
  arrays: `let x: A${times('[]', DEEP)}`,
  keyof: `let x: ${times('keyof ', DEEP)}A`,
  as: `x = a ${times('as any ', DEEP)}`,
  nonNull: `x = a${times('!', DEEP)}`,
  patterns: `let ${times('[', DEEP)}`,
  quotes: times('(")",', DEEP),
  'regular expressions': times('(/"/,', DEEP),
}

describe('hostile nesting', () => {
  test.each(Object.entries(HOSTILE))('%s', (_, text) => {
    for (const path of ['a.ts', 'a.js']) {
      expect(parse(fileOf(path, text))).toEqual({ gap: { path, reason: expect.stringMatching('nests too deep') } })
    }
  })

  // Each of these kills the parser, and was once thought flat.
  test.each([
    ['else after a semicolon', 'if(a);else '],
    ['else after a return', 'if(a)return;else '],
    ['else after a comment', 'if(a);/* c */else\n'],
    ['else after a try', 'if(a)try{}catch{}else '],
    ['else after a statement on its own line', 'if(a)\nswitch(b){}\nelse '],
    ['a head before a comment', 'if(a) // c\n'],
    ['a head before a label on the next line', 'if(a)\nb:'],
    ['an operator before a comment', 'x = typeof // c\n'],
    ['an operator before a line separator', 'x = typeof\u2028'],
    ['an operator before a no-break space', 'x = typeof\u00a0'],
    ['type parameters', 'x = <T, U extends A<T,'],
    ['type arguments', 'type X = A<B,\n'],
    ['generic arrows', 'x = <T,>() =>'],
    ['attributes on lines', 'x = <a b=<a\nb='],
  ])('%s is nesting', (_, part) => {
    expect(nestingRisk(times(part, 20_000))).toBeGreaterThanOrEqual(20_000)
  })

  test.each([
    ['commas', '<a>,'],
    ['semicolons', '<a>;'],
    ['fragments', '<>;'],
    ['words', '<a>\nw\n'],
  ])('tags between %s end in a gap', (_, part) => {
    for (const path of ['a.ts', 'a.tsx', 'a.js'])
      expect(parse(fileOf(path, `x = ${times(part, 20_000)}`)).gap?.reason).toMatch(/too deep|not fully analysed/)
  })

  test('what nests in a template does not, if the file is broken, reach the parser as code', () => {
    const text = `const = 1\nconst page = \`\n${times('y\n', 120)}x = ${times('(', 20_000)}\n\`\n`
    expect(parse(fileOf('a.ts', text)).gap?.reason).toMatch('not fully analysed')
  })

  // Between what is surely safe and what is hopeless, a process of its own tells.
  test.each([
    ['dies', `${times('(', 8_000)}1${times(')', 8_000)}`, /too deep to parse safely/],
    ['dies in a thread', `${times('(', 3_300)}1${times(')', 3_300)}`, /too deep to parse safely/],
    ['survives, the tree is deep', `x = a${times('.b()', 2_000)}`, /more than 800 levels/],
    ['survives broken', `const a = ;\nx = ${times('!', 1_200)}a`, /not fully analysed|levels|safely/],
    ['takes too long', `x = a ${times('as any ', 12_000)}`, /too deep|levels/],
  ])('the child %s', (_, text, reason) => {
    expect(parse(fileOf('a.ts', text)).gap?.reason).toMatch(reason)
  })

  test('a long flat list of alternatives survives and is kept', () => {
    const { tree, gap } = parse(fileOf('a.ts', `type Names =\n${times("  | 'name'\n", 3_000)}`))
    expect(gap).toBeUndefined()
    expect(tree?.program.body).toHaveLength(1)
  })

  test('too deep for walkers is a gap though the parser gets through', () => {
    const deep = `x = ${times('[', 900)}${times(']', 900)}`
    expect(parse(fileOf('a.ts', deep)).gap?.reason).toMatch('more than 800 levels')
    const fine = `x = ${times('[', 500)}${times(']', 500)}`
    expect(parse(fileOf('a.ts', fine)).gap).toBeUndefined()
  })

  test('ordinary code is far from suspect', () => {
    const chain = `export const schema = z\n${times("  .string()\n  .describe('it (the note)')\n", 40)}\n`
    const statements = times(
      "app.get('/notes', async (req, res) => {\n  const a = b ? c : `x${d}`\n  return res.json(a)\n})\n",
      2_000,
    )
    const prose = `export const text = \`${times("It's (not) code { at all\n", 2_000)}\`\n`
    const elses = times('if (a) {\n  b()\n} else if (c) {\n  d()\n} else {\n  e()\n}\n', 2_000)
    const list = `export const words = [\n${times("  'word', // a (comment\n  /[({\"']/,\n", 2_000)}]\n`
    const types = times(
      'export type A<T> = T extends B<infer U> ? U : never\ninterface N<A, B> extends M<A> { a?: B[] }\n',
      2_000,
    )
    for (const text of [chain, statements, prose, elses, list, types]) expect(nestingRisk(text)).toBeLessThan(300)
  })
})

describe('hostile length costs no square of itself', () => {
  test.each([
    ['spaces', `a.b${times('\n', 1_000_000)}`],
    ['escapes', `a = '${times("\\'", 500_000)}`],
    ['slashes', `a = /${times('\\/', 500_000)}`],
    ['quotes', times('"', 999_999)],
    ['apostrophes on lines', times("'\n", 500_000)],
    ['comments', times('/*', 500_000)],
    ['one line', `export const data = "${times('a', 1_300_000)}"`],
  ])('%s', (_, text) => {
    const started = performance.now()
    nestingRisk(text)
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})

describe('junk', () => {
  const token = fc.constantFrom(
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    '`',
    '${',
    '"',
    "'",
    '/',
    '/*',
    '*/',
    '//',
    '\n',
    '<',
    '>',
    '=>',
    '?',
    ':',
    'if',
    'else',
    'class',
    'a',
    '1',
    '.',
    ';',
    '\\',
    '\uD83D',
    '\0',
    'import',
    '@',
    '#',
    '=',
  )
  const junk = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.array(token, { maxLength: 300 }).map((parts) => parts.join(' ')),
  )

  test('never crashes and never goes unmentioned', () => {
    fc.assert(
      fc.property(junk, fc.constantFrom('a.ts', 'a.tsx', 'a.cts', 'a.js', 'a.mjs', 'a.cjs'), (text, path) => {
        const { tree, gap } = parse(fileOf(path, text))
        expect(tree !== undefined || gap !== undefined).toBe(true)
        expect(gap?.reason ?? 'The tree.').toMatch(/^The .+\.$/s)
      }),
      { numRuns: 400 },
    )
  })

  test('the estimate never falls below the depth of brackets alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 3_000 }), fc.constantFrom('(', '[', '{'), (depth, bracket) => {
        expect(nestingRisk(times(bracket, depth))).toBeGreaterThanOrEqual(depth)
      }),
      { numRuns: 20 },
    )
  })
})
