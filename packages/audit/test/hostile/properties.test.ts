/** Whatever is under audit, the answer is a report or a refusal: no other error, no fault of the interpreter, no rule that throws. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { audit } from '../../src/audit.ts'
import { AuditError } from '../../src/audit-error.ts'
import { listExamples } from '../harness/examples.ts'
import { memoryHost } from '../source/memory-host.ts'

/** What went wrong in the auditor itself. */
async function faultsOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const placed = Object.fromEntries(Object.entries(files).map(([path, text]) => [`/app/${path}`, text]))
  const gaps = await audit('/app', { host: memoryHost(placed) }).then(
    (report) => report.gaps,
    (error: unknown) =>
      error instanceof AuditError ? error.gaps : [{ path: '.', reason: `Following: ${String(error)}` }],
  )
  return gaps.map((gap) => gap.reason).filter((reason) => /^Following|^The rule/.test(reason))
}

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

/** Source text from a small grammar: everything has a meaning to the interpreter, hardly anything makes sense. */
const { program } = fc.letrec<{ expression: string; statement: string; block: string; program: string }>((tie) => {
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
      fc.tuple(name, name, e).map(([a, b, body]) => `((${a}, { ${b}_: ${b === a ? 'q' : b} = 1 } = {}) => (${body}))`),
      fc.tuple(name, tie('block')).map(([a, body]) => `(async function (${a}) ${body})`),
      fc
        .array(fc.tuple(member, e), { maxLength: 3 })
        .map((items) => `({ ${items.map(([m, value]) => `'${m}': ${value}`).join(', ')} })`),
      fc.tuple(e, e).map(([a, b]) => `({ ...(${a}), x: ${b}, [${a}]: 1, get y() { return ${b} } })`),
      fc.array(e, { maxLength: 3 }).map((items) => `[${items.map((item) => `(${item})`).join(', ')}, ...x]`),
      fc.tuple(e, e).map(([a, b]) => `\`\${${a}}-\${${b}}\``),
    ),
    block: fc.array(s, { maxLength: 4 }).map((all) => `{ ${all.join('\n')} }`),
    statement: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      e.map((a) => `;(${a});`),
      e.map((a) => `return ${a};`),
      e.map((a) => `throw ${a};`),
      fc.tuple(name, e).map(([a, b]) => `var ${a === 'undefined' ? 'u' : a} = ${b};`),
      fc.tuple(name, member, e).map(([a, m, b]) => `var { ${m}: ${a === 'undefined' ? 'u' : a} = 1, ...rest } = ${b};`),
      fc.tuple(e, tie('block'), tie('block')).map(([test_, a, b]) => `if (${test_}) ${a} else ${b}`),
      fc.tuple(tie('block'), tie('block')).map(([a, b]) => `try ${a} catch (error) ${b} finally { f() }`),
      fc.tuple(e, tie('block')).map(([a, body]) => `for (const x of ${a}) ${body}`),
      fc.tuple(e, tie('block')).map(([a, body]) => `while (${a}) ${body}`),
      fc.tuple(e, e, s, s).map(([a, b, c, d]) => `switch (${a}) { case ${b}: ${c} default: ${d} }`),
      fc.tuple(name, name, tie('block')).map(([f, a, body]) => `function ${f === 'undefined' ? 'u' : f}(${a}) ${body}`),
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
})

test('random programs', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (text) => {
      expect(await faultsOf({ 'server.ts': text })).toEqual([])
    }),
    { numRuns: 300, interruptAfterTimeLimit: 15_000 },
  )
}, 60_000)

describe('examples, mutated', () => {
  const examples = listExamples().map(({ files }) => files)
  const TOKEN = /[\w$]+|'[^'\n]*'|[^\s\w]/g

  interface Mutation {
    readonly kind: 'drop' | 'double' | 'swap' | 'replace' | 'drop line' | 'swap lines'
    readonly at: number
    readonly other: number
  }

  const mutation: fc.Arbitrary<Mutation> = fc.record({
    kind: fc.constantFrom('drop', 'double', 'swap', 'replace', 'drop line', 'swap lines'),
    at: fc.nat(),
    other: fc.nat(),
  })

  function mutate(text: string, { kind, at, other }: Mutation): string {
    if (kind === 'drop line' || kind === 'swap lines') {
      const lines = text.split('\n')
      const [i, j] = [at % lines.length, other % lines.length]
      if (kind === 'drop line') return lines.toSpliced(i, 1).join('\n')
      return lines.with(i, lines[j]!).with(j, lines[i]!).join('\n')
    }
    const tokens = [...text.matchAll(TOKEN)]
    if (tokens.length === 0) return text
    const [a, b] = [tokens[at % tokens.length]!, tokens[other % tokens.length]!]
    const put = (token: RegExpExecArray, value: string): string =>
      text.slice(0, token.index) + value + text.slice(token.index + token[0].length)
    if (kind === 'drop') return put(a, '')
    if (kind === 'double') return put(a, `${a[0]} ${a[0]}`)
    return put(a, b[0])
  }

  test('end in a report or a refusal', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...examples),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        async (files, all) => {
          const mutated = [...files].map(([path, text]) => [path, all.reduce(mutate, text)] as const)
          expect(await faultsOf(Object.fromEntries(mutated))).toEqual([])
        },
      ),
      { numRuns: 150, interruptAfterTimeLimit: 20_000 },
    )
  }, 60_000)
})
