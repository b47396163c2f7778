/** Programs made to be endless, to explode, or to be mistaken for the auditor's own objects: each audit ends, soon, in a report. */
import { describe, expect, test, vi } from 'vitest'
import { audit } from '../../src/audit.ts'
import type { AuditError } from '../../src/audit-error.ts'
import type { Report } from '../../src/finding/finding.ts'
import { memoryHost } from '../source/memory-host.ts'

/** What explodes does not end in a minute, on any machine; each of these takes well under a second. */
vi.setConfig({ testTimeout: 60_000 })

function numbered(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n')
}

/** A server that has a weak ID on its last line, after whatever `hostile` is and does at start-up. */
function serverWith(hostile: string, inHandler = ''): Readonly<Record<string, string>> {
  return {
    '/app/server.ts': `
import { createServer } from 'node:http'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
const sessions = new Map()
${hostile}
createServer((req, res) => {
  ${inHandler}
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => String(Math.random()) })
  sessions.set(transport.sessionId, transport)
  sessions.get(req.headers['mcp-session-id'])?.handleRequest(req, res)
}).listen(3000)
`,
  }
}

function soon(files: Readonly<Record<string, string>>): Promise<Report> {
  return audit('/app', { host: memoryHost(files) })
}

/** The weak ID was found, or a gap says what was too large to follow. */
function isAnswer(report: Report): boolean {
  return report.gaps.length > 0 || report.findings.some((finding) => finding.rule === 'predictable-session-id')
}

describe('programs without an end', () => {
  test.each([
    ['a function that calls itself', 'function f(x) { return f(x + 1) }\nf(1)'],
    ['two that call each other', 'const f = (x) => g(x)\nconst g = (x) => f(x)\nf(1)'],
    [
      'a fixed point combinator',
      'const fix = (f) => ((x) => f((y) => x(x)(y)))((x) => f((y) => x(x)(y)))\nfix((self) => (n) => self(n))(1)',
    ],
    ['omega', '((x) => x(x))((x) => x(x))'],
    ['a function that returns itself', 'function f() { return f }\nf()()()()()()'],
    ['a growing argument', 'function f(x) { return f({ x, y: [x, x] }) }\nf(1)'],
    ['a constructor that makes another', 'class A { constructor() { this.next = new A() } }\nnew A()'],
    ['a class that extends itself', 'class A extends A {}\nnew A().x()'],
    [
      'classes that extend each other',
      'class A extends B { m() { return super.m() } }\nclass B extends A { m() { return super.m() } }\nnew A().m()',
    ],
    ['a getter that reads itself', 'const o = { get a() { return this.a } }\no.a'],
    ['a getter of a class that reads itself', 'class A { get a() { return this.a } }\nnew A().a'],
    ['a setter that sets itself', 'class A { set a(x) { this.a = x } }\nnew A().a = 1'],
    ['a toString that needs itself', 'const o = { toString() { return `${o}` } }\n`${o}`'],
    ['a proxy', 'const p = new Proxy({}, { get: (t, k, r) => r[k] })\np.a.b.c'],
    ['an object in itself', 'const o = {}; o.o = o; const a = [o, o]; a.push(a)\nfor (const x of a) x.o.o.o'],
    ['an object spread into itself', 'let o = {}\nfor (;;) o = { ...o, o, [o]: o }'],
    [
      'endless loops',
      'for (;;) {}\nwhile (true) { continue }\ndo {} while (1)\na: for (;;) { b: for (;;) { continue a } }',
    ],
    ['a generator', 'function* g() { while (true) yield* g() }\nfor (const x of g()) x()'],
    ['an async iterator', 'async function* g() { for await (const x of g()) yield x }\nfor await (const x of g()) x'],
    [
      'an own iterator',
      'const o = { [Symbol.iterator]() { return this }, next() { return { value: o, done: false } } }\nfor (const x of o) [...x]',
    ],
    ['a timer that arms itself', 'function tick() { setTimeout(tick, 1); setInterval(tick, 1) }\ntick()'],
    ['a promise chain', 'const p = () => Promise.resolve().then(p).catch(p).finally(p)\np()'],
    ['an event that raises itself', "process.on('exit', function f() { process.on('exit', f) })"],
    [
      'middleware that mounts itself',
      "import express from 'express'\nconst a = express(); a.use(a); a.use('/x', a); a.get('/', (q, s, n) => n())",
    ],
    [
      'routers that mount each other',
      "import { Router } from 'express'\nconst a = Router(), b = Router(); a.use(b); b.use(a); a.get('/', (q, s) => s.end())",
    ],
    [
      'a tool that registers tools',
      "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'\nconst s = new McpServer({}); function t() { s.tool('t', t) }\nt()",
    ],
    [
      'a listener that listens',
      "import { createServer as c } from 'node:http'\nconst l = () => c(l).listen(0, l)\nl()",
    ],
    [
      'a schema of itself',
      "import { z } from 'zod'\nconst s = z.object({}); const t = z.object({ s, get t() { return t } }); s.extend({ t }).parse(process.env).t.t.t",
    ],
  ])('%s', async (_, hostile) => {
    expect(await soon(serverWith(hostile))).toSatisfy(isAnswer)
    expect(await soon(serverWith('', `{ ${hostile.replaceAll(/^import .*$/gm, '')} }`))).toSatisfy(isAnswer)
  })
})

describe('what cannot be followed to its end is said, and not green', () => {
  const passing = (report: Report): readonly string[] =>
    report.assessments.flatMap(({ rule, outcome }) => (outcome === 'pass' ? [rule] : []))

  test('a field that makes another', async () => {
    expect(await soon(serverWith('class A { next = new A() }\nnew A()'))).toSatisfy(isAnswer)
  })

  test('a server behind 30,000 statements', async () => {
    const { gaps } = await soon(serverWith('a = f(b, b, b, b, b, b, b, b)\n'.repeat(30_000))).catch(
      (refusal: AuditError) => refusal,
    )
    expect(gaps).toMatchObject([{ path: 'server.ts', reason: expect.stringMatching('too large to follow') }])
  })

  test('a handler of 30,000 statements', async () => {
    const report = await soon(serverWith('', 'a = f(b)\n'.repeat(30_000)))
    expect(report.gaps).toMatchObject([{ path: 'server.ts', reason: expect.stringMatching('too large to follow') }])
    expect(passing(report)).toEqual([])
  })

  test('a server with a mistake in its handler', async () => {
    const refusal = await soon(serverWith('', 'const = ;')).catch((error: AuditError) => error)
    expect(refusal).toMatchObject({ code: 'no-server-code', gaps: [{ path: 'server.ts' }] })
  })
})

describe('programs that explode', () => {
  const doubling = numbered(40, (i) => `function f${i}(x) { f${i + 1}(x); return f${i + 1}(x) }`)

  test.each([
    ['each function calls the next twice, 40 deep', `${doubling}\nfunction f40(x) { return x }`, 'f0(req)'],
    [
      'each function calls the next three times with other arguments',
      numbered(30, (i) => `const f${i} = (x) => [f${i + 1}(x), f${i + 1}({ x }), f${i + 1}([x])]`) +
        '\nconst f30 = (x) => x',
      'f0(req)',
    ],
    [
      'each function looks a session up and calls the next twice',
      `${numbered(30, (i) => `function f${i}(q) { const s = sessions.get(q.headers['mcp-session-id']); if (s.a${i}) f${i + 1}(q); else f${i + 1}(q) }`)}\nfunction f30(q) {}`,
      'f0(req)',
    ],
    [
      'every function may call every function',
      numbered(60, (i) => `function f${i}(x) { ${numbered(60, (j) => `f${j}(x)`)} }`),
      'f0(req)',
    ],
    [
      'a call of any of 200 functions, each calling any of them',
      `const all = [${numbered(200, (i) => `(x) => all[x](x + ${i}),`)}]`,
      'all[req.url](req.url)',
    ],
    [
      '30 branches in a row',
      '',
      numbered(
        30,
        (i) => `if (req.headers.h${i}) { sessions.get(req.headers.h${i}) } else { sessions.delete(req.headers.h${i}) }`,
      ),
    ],
    [
      '30 branches within each other',
      '',
      `${'if (req.headers.a) { sessions.get(req.url) } else { '.repeat(30)}${'}'.repeat(30)}`,
    ],
    ['2,000 conditions in one', '', `if (${numbered(700, (i) => `req.headers.h${i} === 'x' ||`)} false) return`],
    [
      'loops within loops',
      '',
      `${'for (const x of sessions) { '.repeat(25)}x.y = sessions.get(req.url)${'}'.repeat(25)}`,
    ],
    [
      'tries within tries',
      '',
      `${'try { req.x() } catch { try { req.y() } finally { '.repeat(18)}req.z()${'} }'.repeat(18)}`,
    ],
    [
      'switches within switches',
      '',
      `${'switch (req.method) { case "GET": req.x(); case "POST": '.repeat(18)}req.y()${'; default: }'.repeat(18)}`,
    ],
    ['ternaries within ternaries', '', `const v = ${'(req.a ? req.b : '.repeat(300)}1${')'.repeat(300)}`],
    ['closures within closures', '', `const v = ${'(() => '.repeat(100)}req.url${')()'.repeat(100)}`],
    ['texts that double', `let t = 'aaaaaaaa'\n${numbered(60, () => 't = t + t')}\nexport const u = t`, ''],
    [
      'objects spread 60 times into each other',
      `let o = { a: 1 }\n${numbered(60, (i) => `o = { ...o, k${i}: { ...o } }`)}`,
      '',
    ],
    ['an array of 50,000 items', `const a = [${numbered(50_000, (i) => `${i},`)}]\nfor (const x of a) f(x)`, ''],
    [
      'a switch of 3,000 cases',
      `function pick(x) { switch (x) { ${numbered(3_000, (i) => `case '${i}': return ${i}`)} } }`,
      'pick(req.url)',
    ],
    [
      'apps that use each other',
      `import { Elysia } from 'elysia'\nconst a = new Elysia().decorate('x', 1), b = new Elysia().decorate('y', 1)\n${numbered(40, () => 'a.use(b); b.use(a)')}`,
      '',
    ],
    [
      'objects of objects that code which is not there is given',
      `import { client } from '@acme/track'\nimport { Server } from '@modelcontextprotocol/sdk/server/index.js'\nimport { ReadResourceRequestSchema } from '@modelcontextprotocol/sdk/types.js'
       const l0 = { z: 1 }\n${numbered(6, (i) => `const l${i + 1} = { ${numbered(100, (j) => `k${j}: l${i},`)} }`)}
       new Server({ name: 'a', version: '1' }, {}).setRequestHandler(ReadResourceRequestSchema, async () => { await client.lookup(l6); return { contents: [] } })`,
      '',
    ],
    [
      'objects of objects that a database is asked by',
      `import { db } from './db.js'\nconst c0 = { z: 1 }\n${numbered(5, (i) => `const c${i + 1} = { ${numbered(12, (j) => `k${j}: c${i},`)} }`)}`,
      numbered(100, (i) => `db.things${i}.findMany(c5, c5, c5, c5)`),
    ],
    [
      'objects of objects beside a token that an issuer is asked about',
      `const l0 = { ${numbered(700, (j) => `k${j}: 1,`)} }\n${numbered(2, (i) => `const l${i + 1} = { ${numbered(700, (j) => `k${j}: l${i},`)} }`)}`,
      "fetch('https://issuer.example/introspect', l2, req.headers.authorization)",
    ],
    ['8,000 words of exports', `/* ${'export{ exports handler '.repeat(8_000)} */`, ''],
    [
      '70 counters that are counted up before 20 routes',
      `import express from 'express'\nconst app = express(), counts = new Map()\n${numbered(70, (i) => `counts.set('s${i}', { count: 1, last: 0 })`)}
       function log(what, id) { const entry = counts.get(what + id); if (entry) { entry.count++; entry.last = id } else counts.set(what, { count: 1, last: Date.now() }) }
       app.use((req, res, next) => { ${numbered(40, (i) => `log('r${i}', req.headers['x-id'])`)}\nnext() })\n${numbered(20, (i) => `app.get('/r${i}', (req, res) => res.end())`)}`,
      '',
    ],
    [
      '1,000 routes',
      `import express from 'express'\nconst app = express()\n${numbered(1_000, (i) => `app.get('/r${i}', (req, res) => res.end())`)}`,
      '',
    ],
    [
      '150 layers before 150 routes',
      `import express from 'express'\nconst app = express()\n${numbered(150, (i) => `app.use((req, res, next) => { if (req.headers.h${i}) next(); else next() })`)}\n${numbered(150, (i) => `app.get('/r${i}', (req, res) => res.end())`)}`,
      '',
    ],
    ['2,000 timers', numbered(2_000, (i) => `setTimeout(() => sessions.delete('${i}'), ${i})`), ''],
    [
      '500 stores',
      numbered(500, (i) => `const m${i} = new Map(); m${i}.set('a', ${i})`),
      numbered(500, (i) => `m${i}.get(req.headers['mcp-session-id'])`),
    ],
    [
      '500 classes, each extending the one before',
      `class C0 {}\n${numbered(500, (i) => `class C${i + 1} extends C${i} { m() { return super.m() } }`)}\nnew C500().m()`,
      '',
    ],
  ])('%s', async (_, hostile, inHandler) => {
    expect(await soon(serverWith(hostile, inHandler))).toSatisfy(isAnswer)
  })
})

describe('modules in circles', () => {
  test('of imports', async () => {
    const files = {
      ...serverWith("import { a } from './a.js'\na()"),
      '/app/a.ts':
        "export * from './b.js'\nexport * from './a.js'\nimport { b } from './b.js'\nexport const a = () => b()",
      '/app/b.ts':
        "export * from './a.js'\nimport * as self from './b.js'\nimport { a } from './a.js'\nexport const b = () => a() || self.b()",
    }
    expect(await soon(files)).toSatisfy(isAnswer)
  })

  test('of require', async () => {
    const files = {
      ...serverWith("const { a } = require('./a.cjs')\na()"),
      '/app/a.cjs': "const b = require('./b.cjs'); module.exports = { a: () => b.b(), ...b, self: require('./a.cjs') }",
      '/app/b.cjs': "const a = require('./a.cjs'); exports.b = () => a.a(); module.exports.all = module",
    }
    expect(await soon(files)).toSatisfy(isAnswer)
  })

  test('of tsconfig files and workspaces', async () => {
    const files = {
      ...serverWith("import '@x/y'"),
      '/app/tsconfig.json': '{ "extends": "./tsconfig.json", "compilerOptions": { "paths": { "*": ["*"] } } }',
      '/app/package.json':
        '{ "name": "@x/y", "main": "./package.json", "imports": { "#a": "#a" }, "exports": { ".": { "import": "@x/y" } } }',
    }
    expect(await soon(files)).toSatisfy(isAnswer)
  })
})

describe('names that objects of JavaScript have anyway', () => {
  const names = [
    '__proto__',
    'constructor',
    'prototype',
    'hasOwnProperty',
    'toString',
    'valueOf',
    'isPrototypeOf',
    '__defineGetter__',
    'then',
    'length',
  ]

  test.each(names)('%s', async (name) => {
    const hostile = `
      import express from 'express'
      import session from 'express-session'
      import { parseArgs } from 'node:util'
      const { values } = parseArgs({ options: { ${name}: { type: 'string', default: 'x' }, '${name}': { default: 'y' } } })
      const config = { ${name}: values.${name}, ['${name}']: values['${name}'], ...values, ${name}() {} }
      class A { ${name === 'constructor' ? '' : `${name} = 1`}; static ['${name}'] = new A(); get ['${name}']() { return this.${name} } }
      new A().${name}; A.${name}; ${name === '__proto__' ? '' : `function ${name}() {}; ${name}();`}
      const app = express()
      app.use(session({ secret: 'x', ${name}: { maxAge: 1 }, cookie: { ${name}: 1 } }))
      app.${name}('/x', (req, res) => { req.session.${name} = req.body.${name}; res.${name}(req.headers['${name}']) })
      app.get('/${name}', (req, res) => { sessions['${name}'] = 1; delete sessions.${name}; sessions[req.query.${name}] = req.session['${name}'] })
      Object.${name}?.(config); Math.${name}; process.env.${name}; JSON.${name}(config)
      export { config as ${name} }
      export default { ${name}: config }`
    const transport = `new StreamableHTTPServerTransport({ ${name}: 1, '${name}': 2 }).${name}; sessions.get('${name}'); sessions.${name}(req); req.${name}; res.${name}; req.headers.${name}`
    expect(await soon(serverWith(hostile, transport))).toSatisfy(isAnswer)
    expect(
      await soon({
        ...serverWith(
          `import { ${name} as x } from './${name}.js'\nimport * as y from './${name}.js'\nx.${name}; y.${name}`,
        ),
        [`/app/${name}.ts`]: `const v = 1\nexport { v as ${name} }`,
      }),
    ).toSatisfy(isAnswer)
    expect(
      await soon({
        ...serverWith(
          `import { ${name} as x } from '${name}'\nimport y from '${name}/${name}'\nx(); y.${name}(); new x.${name}()`,
        ),
      }),
    ).toSatisfy(isAnswer)
  })

  test('option objects without any property of their own are not mistaken', async () => {
    const report = await soon(serverWith("import session from 'express-session'\nsession({})"))
    expect(report.findings.find((finding) => finding.rule === 'missing-session-expiry')).toBeDefined()
  })
})

describe('syntax that is rare', () => {
  test.each([
    [
      'everything that destructures',
      'const [{ a: [b = 1, ...c] = [], ...d } = {}, , [[e]]] = f(); ({ a: x.y, b: [x.z] } = d); for (const { a, ...b } of c) a(b)',
    ],
    [
      'labels and jumps',
      'a: { b: for (const x of y) { if (x) continue b; if (y) break a; } }\nswitch (1) { default: break; case 2: }',
    ],
    [
      'classes',
      'class A { static { this.a = 1 } static #p; #q() {} get [x]() {} static async *gen() {} accessor z = 1; declare w: string; @dec m() {} }\nnew (class extends (f()) {})()',
    ],
    [
      'TypeScript',
      'namespace N { export const a = 1 } abstract class A<T> { abstract m(): T; constructor(private readonly x?: number) {} }\nenum E { A, B = A << 1 }\ndeclare module "x" {}\nimport z = N.a\nfunction f(this: A<1>): asserts x is string {}\nconst g = <T,>(x: T) => x!\nlet v = x satisfies Y as const',
    ],
    [
      'operators',
      'a ??= b ||= c &&= d; a **= 2; void 0; delete a?.b?.[c]; typeof a; new.target; import.meta.url; a?.(); a?.[0]?.(); `${a}`; f`x${a}`; #x in y; (1, 2); a >>> b; -x; +y; ~z; !w; x--; async () => { await using r = f() }',
    ],
    ['numbers and texts', '1n; 0b1; 1_000; /a/v; "\\u{1F600}"; `\\u{110000}`; \'\\0\''],
    [
      'sloppy code',
      'var undefined = 1; var arguments = 2; this.x = 1; var let_ = eval("1"); function f() { return arguments[0] + f.caller }\nf.call(globalThis)',
    ],
    [
      'exports',
      'export * as ns from "./missing.js"; export { default } from "missing"; export { x as "a b" }; import * as q from "./missing"; import d, { y as "no" } from "x"',
    ],
    ['JSX', 'const a = <a.b c={d} {...e}><></>{f}</a.b>'],
  ])('%s', async (_, hostile) => {
    expect(await soon(serverWith(hostile))).toSatisfy(isAnswer)
    expect(await soon(serverWith('', `{ ${hostile} }`))).toSatisfy(isAnswer)
  })
})

describe('what is put off, of which nothing is known', () => {
  test.each([
    ['a timer that is given something', "setTimeout(req.app.tick, 1_000, req.headers['mcp-session-id'])"],
    ['a timer that is given nothing', 'setInterval(globalThis.settings.tick, 1_000)'],
    ['an answer that ends', "res.on('close', req.app.ended)"],
    ['a tool', "new McpServer({}).registerTool('t', {}, req.app.tool)"],
    ['messages', 'const other = new StreamableHTTPServerTransport({})\nother.onmessage = req.app.message'],
  ])('%s', async (_what, code) => {
    const report = await soon(
      serverWith("import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'", `{ ${code} }`),
    )
    expect(report.gaps.map(({ reason }) => reason).filter((reason) => reason.includes('failed'))).toEqual([])
  })
})

describe('words that a text is searched for before it is read', () => {
  test.each([
    ['hash ', 200_000],
    ['change', 200_000],
    ['session', 200_000],
    ['Sessions', 200_000],
  ])('%s, as often as a file holds it', async (word, times) => {
    expect(isAnswer(await soon(serverWith(`// delete${word.repeat(times)}`)))).toBe(true)
  })
})

test('objects of objects that a round of a request updates a row by', async () => {
  const report = await soon({
    '/app/server.ts': `
import { createMcpHandler, createRequestStateCodec, McpServer } from '@modelcontextprotocol/server'
const l0 = { z: 1 }
${numbered(4, (i) => `const l${i + 1} = { ${numbered(200, (j) => `k${j}: l${i},`)} }`)}
const codec = createRequestStateCodec({ key: Buffer.from(process.env.KEY, 'base64'), ttlSeconds: 300 })
export default createMcpHandler(() => {
  const server = new McpServer({ name: 'a', version: '1' }, { requestState: { verify: codec.verify } })
  server.registerTool('t', {}, async (args, ctx) => {
    if (ctx.mcpReq.requestState() !== undefined) globalThis.ledger.update(l4)
    return { content: [] }
  })
  return server
}, { legacy: 'reject' })`,
  })
  expect(report.gaps).toEqual([])
})

test('10,000 functions that nobody calls, before comments that never end', async () => {
  const text = `${numbered(10_000, (i) => `export function read${i}(req) { return req.headers.authorization }`)}
export function used() { return read0 }\nexport const text = \`\n/* ${'/* '.repeat(100_000)}\``
  const server = serverWith("import { used } from './auth.js'", 'used()')
  expect(isAnswer(await soon({ ...server, '/app/auth.ts': text }))).toBe(true)
})

test('an audience in a comment that is no name', async () => {
  const report = await soon({
    '/app/verify.ts': `
import { jwtVerify, createRemoteJWKSet } from 'jose'
const keys = createRemoteJWKSet(new URL('https://issuer.example/.well-known/jwks.json'))
export async function verifyAccessToken(token: string, audience?: string) {
  return (await jwtVerify(token, keys, { issuer: 'https://issuer.example', /* audience: ?, */ audience })).payload
}`,
  })
  expect(report.gaps).toEqual([])
})

describe('long runs of blanks where the text of a module is searched', () => {
  test.each([
    ['after a word for cookies', 'cookie'],
    ['after a function that is exported', 'module.exports = function'],
    ['after what opens a list of parameters', 'export default async function handler('],
  ])('%s', async (_where, word) => {
    const text = `/* ${word}${' '.repeat(600_000)} */\nexport function handler(req, res) { res.end() }`
    expect(isAnswer(await soon({ ...serverWith("import './other.js'"), '/app/other.ts': text }))).toBe(true)
  })

  test('after the name of a session', async () => {
    const text = `import { randomUUID } from 'node:crypto'\nexport class Run {\n  private sessionId = randomUUID()\n  go() {\n    this.sessionId${' '.repeat(600_000)}= ''\n  }\n}`
    expect(
      isAnswer(await soon({ ...serverWith("import { Run } from './run.js'\nnew Run().go()"), '/app/run.ts': text })),
    ).toBe(true)
  })
})
