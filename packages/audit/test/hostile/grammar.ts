/** Source text from grammars: programs that mean something to the interpreter and hardly make sense, and what is left of them when they are broken. */
import * as fc from 'fast-check'

const NAMES = [
  'req',
  'res',
  'next',
  'app',
  'sessions',
  'session',
  'id',
  'user',
  'f',
  'g',
  'A',
  'o',
  'x',
  'undefined',
  'process',
  'Object',
  'express',
  'crypto',
  'Transport',
  'McpServer',
] as const
const MEMBERS = [
  'get',
  'set',
  'has',
  'delete',
  'headers',
  'body',
  'method',
  'session',
  'user',
  'auth',
  'owner',
  'regenerate',
  'handleRequest',
  'connect',
  'use',
  'post',
  'listen',
  'then',
  'call',
  'bind',
  'map',
  'env',
  'sessionId',
  'onclose',
  'close',
  'push',
  'x',
  'constructor',
  '__proto__',
  'toString',
  'prototype',
  'length',
  '#p',
] as const
const LITERALS = [
  '0',
  '1',
  '-1',
  "''",
  "'mcp-session-id'",
  "'POST'",
  'null',
  'true',
  '/a/',
  '1n',
  '`a`',
  '[]',
  '{}',
  'NaN',
] as const
const OPERATORS = ['+', '-', '===', '!==', '&&', '||', '??', '<', '>', 'in', 'instanceof', ','] as const

const name = fc.constantFrom(...NAMES)
const member = fc.constantFrom(...MEMBERS).filter((each) => !each.startsWith('#'))

/** Everything has a meaning to the interpreter, hardly anything makes sense. */
export const { program } = fc.letrec<{ expression: string; statement: string; block: string; program: string }>(
  (tie) => {
    const e = tie('expression')
    const s = tie('statement')
    return {
      expression: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        name,
        fc.constantFrom(...LITERALS),
        fc.tuple(e, member).map(([a, m]) => `(${a}).${m}`),
        fc.tuple(e, member).map(([a, m]) => `(${a})?.${m}`),
        fc.tuple(e, e).map(([a, b]) => `(${a})[${b}]`),
        fc
          .tuple(e, fc.array(e, { maxLength: 3 }))
          .map(([f, args]) => `(${f})(${args.map((arg) => `(${arg})`).join(', ')})`),
        fc
          .tuple(e, member, fc.array(e, { maxLength: 3 }))
          .map(([a, m, args]) => `(${a}).${m}(${args.map((arg) => `(${arg})`).join(', ')})`),
        fc
          .tuple(name, fc.array(e, { maxLength: 2 }))
          .map(([f, args]) => `new ${f}(${args.map((arg) => `(${arg})`).join(', ')})`),
        fc.tuple(e, fc.constantFrom(...OPERATORS), e).map(([a, operator, b]) => `((${a}) ${operator} (${b}))`),
        fc.tuple(e, e, e).map(([a, b, c]) => `((${a}) ? (${b}) : (${c}))`),
        fc
          .tuple(fc.constantFrom('!', '-', 'typeof ', 'void ', 'await '), e)
          .map(([operator, a]) => `(${operator}(${a}))`),
        fc.tuple(name, e).map(([a, b]) => `(${a} = ${b})`),
        fc
          .tuple(e, member, fc.constantFrom('=', '+=', '??='), e)
          .map(([a, m, operator, b]) => `((${a}).${m} ${operator} ${b})`),
        fc.tuple(e, e, e).map(([a, b, c]) => `((${a})[${b}] = ${c})`),
        fc
          .tuple(name, name, e)
          .map(([a, b, body]) => `((${a}, { ${b}_: ${b === a ? 'q' : b} = 1 } = {}) => (${body}))`),
        fc.tuple(name, tie('block')).map(([a, body]) => `(async function (${a}) ${body})`),
        fc
          .array(fc.tuple(member, e), { maxLength: 3 })
          .map((items) => `({ ${items.map(([m, value]) => `'${m}': ${value}`).join(', ')} })`),
        fc.tuple(e, e).map(([a, b]) => `({ ...(${a}), x: ${b}, [${a}]: 1, get y() { return ${b} } })`),
        fc.array(e, { maxLength: 3 }).map((items) => `[${items.map((item) => `(${item})`).join(', ')}, ...x]`),
        fc.tuple(e, e).map(([a, b]) => `\`\${${a}}-\${${b}}\``),
        e.map((a) => `import((${a}), { with: { type: 'json' } })`),
      ),
      block: fc.array(s, { maxLength: 4 }).map((all) => `{ ${all.join('\n')} }`),
      statement: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        e.map((a) => `;(${a});`),
        e.map((a) => `return ${a};`),
        e.map((a) => `throw ${a};`),
        fc.tuple(name, e).map(([a, b]) => `var ${a === 'undefined' ? 'u' : a} = ${b};`),
        fc
          .tuple(name, member, e)
          .map(([a, m, b]) => `var { ${m}: ${a === 'undefined' ? 'u' : a} = 1, ...rest } = ${b};`),
        fc.tuple(e, tie('block'), tie('block')).map(([test_, a, b]) => `if (${test_}) ${a} else ${b}`),
        fc.tuple(tie('block'), tie('block')).map(([a, b]) => `try ${a} catch (error) ${b} finally { f() }`),
        fc.tuple(e, tie('block')).map(([a, body]) => `for (const x of ${a}) ${body}`),
        fc.tuple(e, tie('block')).map(([a, body]) => `while (${a}) ${body}`),
        fc
          .tuple(name, e, tie('block'))
          .map(([a, b, body]) => `{ using ${a === 'undefined' ? 'u' : a} = ${b}; for (using v of x) ${body} }`),
        fc
          .tuple(name, e, tie('block'))
          .map(([a, b, body]) => `void (async () => { await using ${a === 'undefined' ? 'u' : a} = ${b}; ${body} })()`),
        fc.tuple(e, e, s, s).map(([a, b, c, d]) => `switch (${a}) { case ${b}: ${c} default: ${d} }`),
        fc
          .tuple(name, name, tie('block'))
          .map(([f, a, body]) => `function ${f === 'undefined' ? 'u' : f}(${a}) ${body}`),
        fc
          .tuple(e, member, tie('block'), e)
          .map(
            ([base, m, body, value]) =>
              `{ class A extends (${base}) { x = ${value}; static '${m === 'prototype' || m === 'constructor' ? 'm' : m}' = A; constructor() { super(${value}); this.x = ${value} } m() ${body} } new A().m() }`,
          ),
      ),
      program: fc.tuple(fc.array(s, { maxLength: 5 }), tie('block')).map(
        ([all, handler]) => `
import express from 'express'
import settings from './settings.json' with { type: 'json' }
import session_ from 'express-session'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport as Transport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
const sessions = new Map(), app = express()
app.use(session_({ secret: 'x' }))
app.all('/mcp', async (req, res, next) => ${handler})
async function main() { ${all.join('\n')} }
main()
app.listen(3000)`,
      ),
    }
  },
)

/** What people, tools and attackers leave in files: each is put somewhere into a program. */
const ODDITIES = [
  '\uFEFF',
  '\r\n',
  '\r',
  '\u2028',
  '\0',
  '\uD800',
  '\u202E',
  '\\u{61}',
  '#!/usr/bin/env node\n',
  '<!-- ',
  '--> ',
  '/*',
  '*/',
  '//',
  '`${',
  '}`',
  "'",
  '"',
  '/[/',
  '({',
  '})',
  '[[[[[[[[',
  '(((((((',
  '<div a={',
  '</div>',
  '<T,>(x: T) => ',
  '@deco() ',
  'enum E { A = 1 << 2, B = A | 1 }\n',
  'namespace N { export const x = 1 }\n',
  'declare module "x" { export = y }\n',
  'abstract class Q<T extends {}> { #p = 1; static { this.x = 1 } accessor y = 2 }\n',
  'function* g() { yield* g() }\n',
  'async function* h() { for await (const x of h()) yield x }\n',
  'label: for (;;) { continue label }\n',
  'with (o) { x }\n',
  'var await = 1, yield = 2, let_ = 3\n',
  'import.meta.url\n',
  'using u = x\n',
  'await using v = x, w = u\n',
  'import json from "./a.json" with { type: "json", "odd-key": "" }\n',
  'export { x as y } from "./b.json" with { type: "json" }\n',
  'new.target\n',
  'x satisfies any as unknown as never!\n',
  'type A = { [K in keyof A]: A[K] extends infer U ? U : never }\n',
  'export * as default from "./server"\n',
  'require(require(require))\n',
  'eval("(" + x + ")")\n',
  'delete app.get, void 0, typeof typeof x\n',
  '1_000n ** -2n\n',
  '\\',
  '\t'.repeat(40),
] as const

interface Break {
  readonly kind: 'insert' | 'cut' | 'repeat' | 'truncate' | 'reverse'
  readonly at: number
  readonly length: number
  readonly text: string
}

const breaking: fc.Arbitrary<Break> = fc.record({
  kind: fc.constantFrom('insert', 'insert', 'insert', 'cut', 'repeat', 'truncate', 'reverse'),
  at: fc.nat(),
  length: fc.integer({ min: 1, max: 200 }),
  text: fc.oneof(fc.constantFrom(...ODDITIES), fc.string({ unit: 'binary', maxLength: 8 })),
})

/** A program, broken in a few places. */
export const brokenProgram: fc.Arbitrary<string> = fc
  .tuple(program, fc.array(breaking, { minLength: 1, maxLength: 5 }))
  .map(([text, all]) => all.reduce(broken, text))

function broken(text: string, { kind, at, length, text: inserted }: Break): string {
  const start = at % (text.length + 1)
  const end = Math.min(start + length, text.length)
  const middle = text.slice(start, end)
  switch (kind) {
    case 'insert':
      return text.slice(0, start) + inserted + text.slice(start)
    case 'cut':
      return text.slice(0, start) + text.slice(end)
    case 'repeat':
      return text.slice(0, end) + middle.repeat(8) + text.slice(end)
    case 'truncate':
      return text.slice(0, start)
    case 'reverse':
      return text.slice(0, start) + [...middle].toReversed().join('') + text.slice(end)
  }
}

/** Several files that import one another, some of them broken, under names that say various things of them. */
export const oddTree: fc.Arbitrary<Readonly<Record<string, string>>> = fc
  .dictionary(
    fc.constantFrom('server.ts', 'a.js', 'b.tsx', 'c.mts', 'd.cjs', 'lib/e.ts', 'package.json', 'tsconfig.json'),
    fc.oneof({ weight: 3, arbitrary: program }, { weight: 3, arbitrary: brokenProgram }, fc.string({ unit: 'binary' })),
    { minKeys: 1, maxKeys: 4, noNullPrototype: true },
  )
  .map((files) =>
    Object.fromEntries(
      Object.entries(files).map(([path, text]) => [path, path.startsWith('a') ? `import './server'\n${text}` : text]),
    ),
  )
