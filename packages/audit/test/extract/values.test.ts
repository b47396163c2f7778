/** Values are followed to where they are used. The address of a listener shows what arrived there. */
import { describe, expect, it } from 'vitest'
import { factsOf, listenersOf, type Program } from './programs.ts'

/** Every program listens on the last line of `server.ts`. */
function hostsOf(program: Program): readonly string[] {
  return factsOf(program).listeners.flatMap((listener) => (listener.byDefault ? ['default'] : listener.hosts))
}

const listening = (before: string, host: string): string =>
  `import { createServer } from 'node:http'\n${before}\ncreateServer(() => {}).listen(3000, ${host})`

describe('a value is followed through', () => {
  it.each([
    ['a constant', "const host = '10.0.0.1'", 'host'],
    ['constants of constants', "const a = '10.0.0.1', b = a; const host = b", 'host'],
    ['concatenation', "const net = '10.0.0'", "net + '.' + 1"],
    ['a template', "const net = '10.0.0'", '`${net}.${1}`'],
    ['parentheses and casts', "const host = ('10.0.0.1' as string)!", '(host satisfies string)'],
    ['a property', "const config = { net: { host: '10.0.0.1' } }", 'config.net.host'],
    ['a computed property', "const config = { host: '10.0.0.1' }; const key = 'host'", 'config[key]'],
    ['optional chaining', "const config = { net: { host: '10.0.0.1' } }", 'config?.net?.host'],
    ['destructuring', "const { net: { host } } = { net: { host: '10.0.0.1' } }", 'host'],
    ['a default in destructuring', "const { host = '10.0.0.1' } = {}", 'host'],
    ['an array', "const [, host] = ['x', '10.0.0.1']", 'host'],
    ['a later assignment', "let host; host = '10.0.0.1'", 'host'],
    ['a frozen object', "const config = Object.freeze({ host: '10.0.0.1' })", 'config.host'],
    ['Object.assign', "const config = Object.assign({}, { host: '10.0.0.1' })", 'config.host'],
    ['an enum', "enum Host { Own = '10.0.0.1' }", 'Host.Own'],
    ['a spread', "const base = { host: '10.0.0.1' }; const config = { port: 1, ...base }", 'config.host'],
    [
      'a property after a spread',
      "const base = { host: '0.0.0.0' }; const config = { ...base, host: '10.0.0.1' }",
      'config.host',
    ],
    [
      'a spread after a property',
      "const base = { host: '10.0.0.1' }; const config = { host: '0.0.0.0', ...base }",
      'config.host',
    ],
    ['a parameter', 'const same = (host) => host', "same('10.0.0.1')"],
    ['a default parameter', "function pick(host = '10.0.0.1') { return host }", 'pick()'],
    ['rest parameters', 'function second(...all) { return all[1] }', "second('x', '10.0.0.1')"],
    ['spread arguments', "const all = ['x', '10.0.0.1']; const second = (a, b) => b", 'second(...all)'],
    ['an option object', 'const pick = ({ net: { host } }) => host', "pick({ net: { host: '10.0.0.1' } })"],
    ['a returned object', "const read = () => ({ host: '10.0.0.1' })", 'read().host'],
    ['a closure', "function make(host) { return () => host }\nconst read = make('10.0.0.1')", 'read()'],
    ['a curried function', 'const f = (a) => (b) => `${a}.${b}`', "f('10.0.0')('1')"],
    ['a wrapper', 'const twice = (f) => (...args) => f(...args)\nconst same = (x) => x', "twice(same)('10.0.0.1')"],
    ['a callback', "let host; const withHost = (use) => use('10.0.0.1'); withHost((x) => { host = x })", 'host'],
    [
      'call, apply and bind',
      'function same(x) { return x }',
      "same.bind(null, '0.0.0.0').call === 0 ? '' : same.call(null, '10.0.0.1')",
    ],
    ['a class field', "class Config { host = '10.0.0.1' }", 'new Config().host'],
    ['a private field', "class Config { #host = '10.0.0.1'; get host() { return this.#host } }", 'new Config().host'],
    ['a static field', "class Config { static host = '10.0.0.1' }", 'Config.host'],
    ['a constructor', 'class Config { constructor(host) { this.host = host } }', "new Config('10.0.0.1').host"],
    ['a parameter property', 'class Config { constructor(readonly host: string) {} }', "new Config('10.0.0.1').host"],
    ['a method', "class Config { read() { return '10.0.0.1' } }", 'new Config().read()'],
    [
      'an inherited method',
      "class Base { host() { return '10.0.0.1' } } class Config extends Base {}",
      'new Config().host()',
    ],
    [
      'super',
      "class Base { constructor(h) { this.h = h } } class Config extends Base { constructor() { super('10.0.0.1') } }",
      'new Config().h',
    ],
    [
      'a singleton',
      "class Config { static #one; host = '10.0.0.1'; static get() { return (this.#one ??= new Config()) } }",
      'Config.get().host',
    ],
    ['await', "const read = async () => '10.0.0.1'\nconst host = await read()", 'host'],
    ['Promise.resolve', "const host = await Promise.resolve('10.0.0.1')", 'host'],
    ['new Promise', "const host = await new Promise((resolve) => resolve('10.0.0.1'))", 'host'],
    ['then', "let host; await Promise.resolve('10.0.0.1').then((x) => { host = x })", 'host'],
    ['an immediately called function', '', "(() => '10.0.0.1')()"],
    ['a Map', "const hosts = new Map(); hosts.set('own', '10.0.0.1')", "hosts.get('own')"],
    ['a generator', "let host; function* all() { yield '10.0.0.1' }\nfor (const each of all()) host = each", 'host'],
    [
      'a generator that never ends',
      "function* all() { while (true) yield '10.0.0.1' }\nconst source = all(); const host = source.next().value",
      'host',
    ],
    [
      'a generator of another',
      "let host; function* own() { yield '10.0.0.1' } function* all() { yield* own() }\nfor (const each of all()) host = each",
      'host',
    ],
    ['a setting of Bun', "const host = Bun.env.BIND ?? '10.0.0.1'", 'host'],
    ['String and trim', "const host = String(' 10.0.0.1 ').trim()", 'host'],
  ])('%s', (_, before, host) => {
    expect(hostsOf(listening(before, host))).toEqual(['10.0.0.1'])
  })
})

describe('a value that depends on the path is all that it may be', () => {
  it('after an if', () => {
    const before = "let host = '127.0.0.1'\nif (process.argv.length > 2) host = '10.0.0.1'"
    expect(hostsOf(listening(before, 'host')).toSorted()).toEqual(['10.0.0.1', '127.0.0.1'])
  })

  it('in a conditional', () => {
    expect(hostsOf(listening('', "Math.random() > 0.5 ? '10.0.0.1' : '10.0.0.2'"))).toEqual(['10.0.0.1', '10.0.0.2'])
  })

  it('unless the condition is decided', () => {
    expect(hostsOf(listening('const local = true', "local ? '127.0.0.1' : '0.0.0.0'"))).toEqual(['127.0.0.1'])
  })

  const pick = `
    function pick(kind) {
      switch (kind) {
        case 'own': return '10.0.0.1'
        case 'any': return '0.0.0.0'
        default: return '127.0.0.1'
      }
    }`

  it('out of a switch', () => {
    expect(hostsOf(listening(pick, 'pick(process.argv[2])'))).toEqual(['10.0.0.1', '0.0.0.0', '127.0.0.1'])
  })

  it('unless the case is decided', () => {
    expect(hostsOf(listening(pick, "pick('own')"))).toEqual(['10.0.0.1'])
  })
})

it('a value that may be more than is kept may be anything', () => {
  const cases = Array.from({ length: 10 }, (_, i) => `case '${i}': return '127.0.0.${i + 1}'`).join('; ')
  const pick = `function pick(x) { switch (x) { ${cases}; default: return '0.0.0.0' } }`
  expect(factsOf(listening(pick, 'pick(process.argv[2])')).listeners).not.toMatchObject([{ reach: 'loopback' }])
})

describe('a value is found in another file', () => {
  const server = (imports: string, host: string): string => listening(imports, host)

  it.each<readonly [string, string, string, Readonly<Record<string, string>>]>([
    ['by name', "import { host } from './config.js'", 'host', { 'config.ts': "export const host = '10.0.0.1'" }],
    [
      'renamed',
      "import { host as own } from './config.ts'",
      'own',
      { 'config.ts': "const h = '10.0.0.1'; export { h as host }" },
    ],
    [
      'by default',
      "import config from './config'",
      'config.host',
      { 'config.ts': "export default { host: '10.0.0.1' }" },
    ],
    [
      'as a namespace',
      "import * as config from './config'",
      'config.host',
      { 'config.ts': "export const host = '10.0.0.1'" },
    ],
    [
      'in the index of a folder',
      "import { host } from './config'",
      'host',
      { 'config/index.ts': "export const host = '10.0.0.1'" },
    ],
    [
      'behind a re-export',
      "import { host } from './all.js'",
      'host',
      { 'all.ts': "export { host } from './config.js'", 'config.ts': "export const host = '10.0.0.1'" },
    ],
    [
      'behind a renaming re-export',
      "import { own } from './all.js'",
      'own',
      { 'all.ts': "export { default as own } from './config.js'", 'config.ts': "export default '10.0.0.1'" },
    ],
    [
      'behind export *',
      "import { host } from './all.js'",
      'host',
      { 'all.ts': "export * from './config.js'", 'config.ts': "export const host = '10.0.0.1'" },
    ],
    [
      'behind export * as',
      "import { config } from './all.js'",
      'config.host',
      { 'all.ts': "export * as config from './config.js'", 'config.ts': "export const host = '10.0.0.1'" },
    ],
    [
      'in a default function',
      "import read from './config.js'",
      'read()',
      { 'config.ts': "export default function () { return '10.0.0.1' }" },
    ],
    [
      'in a default class',
      "import Config from './config.js'",
      'new Config().host',
      { 'config.ts': "export default class Config { host = '10.0.0.1' }" },
    ],
    [
      'in a factory',
      "import { makeConfig } from './config.js'\nconst config = makeConfig({ host: '10.0.0.1' })",
      'config.host()',
      { 'config.ts': 'export const makeConfig = (options) => ({ host: () => options.host })' },
    ],
    [
      'by require',
      "const { host } = require('./config')",
      'host',
      { 'config.cjs': "module.exports = { host: '10.0.0.1' }" },
    ],
    [
      'by require of named exports',
      "const config = require('./config')",
      'config.host',
      { 'config.cjs': "exports.host = '10.0.0.1'" },
    ],
    [
      'by import of CommonJS',
      "import config from './config.cjs'",
      'config.host',
      { 'config.cjs': "module.exports = { host: '10.0.0.1' }" },
    ],
    [
      'by dynamic import',
      "const { host } = await import('./config.js')",
      'host',
      { 'config.ts': "export const host = '10.0.0.1'" },
    ],
    [
      'by a path of tsconfig',
      "import { host } from '@own/config'",
      'host',
      {
        'src/config.ts': "export const host = '10.0.0.1'",
        'tsconfig.json': '{ "compilerOptions": { "baseUrl": ".", "paths": { "@own/*": ["src/*"] } } } // comment',
      },
    ],
    [
      'in a workspace',
      "import { host } from '@own/config'",
      'host',
      {
        'packages/config/package.json': '{ "name": "@own/config", "main": "dist/index.js" }',
        'packages/config/src/index.ts': "export const host = '10.0.0.1'",
      },
    ],
    [
      'by a subpath import',
      "import { host } from '#config'",
      'host',
      {
        'src/config.ts': "export const host = '10.0.0.1'",
        'package.json': '{ "imports": { "#config": "./src/config.ts" } }',
      },
    ],
  ])('%s', (_, imports, host, files) => {
    expect(hostsOf({ ...files, 'server.ts': server(imports, host) })).toEqual(['10.0.0.1'])
  })

  it('across a circle', () => {
    expect(
      hostsOf({
        'server.ts': server("import { host } from './a.js'", 'host()'),
        'a.ts': "import { own } from './b.js'\nexport const host = () => own()\nexport const net = '10.0.0'",
        'b.ts': "import { net } from './a.js'\nexport const own = () => net + '.1'",
      }),
    ).toEqual(['10.0.0.1'])
  })

  it('and the listener stands where it is used', () => {
    expect(
      listenersOf({
        'config.ts': "export const host = '10.0.0.1'",
        'server.ts': server("import { host } from './config.js'", 'host'),
      }),
    ).toEqual(['server.ts:3 10.0.0.1'])
  })
})

describe('what cannot be followed', () => {
  it.each([
    ['a file', "import { readFileSync } from 'node:fs'\nconst host = readFileSync('host', 'utf8')"],
    ['a missing module', "import { host } from './generated.js'"],
    ['a call through eval', "const host = eval('x')"],
  ])('%s is unknown, never a guess', (_, before) => {
    const { listeners, unknowns } = factsOf(listening(before, 'host'))
    expect(listeners).toMatchObject([{ reach: 'unknown', hosts: [] }])
    expect(unknowns).toMatchObject([{ about: 'listener' }])
  })

  it('a package is unknown, never a guess', () => {
    expect(factsOf(listening("import { host } from 'some-settings'", 'host')).listeners).toMatchObject([
      { reach: 'unknown', hosts: [] },
    ])
  })
})

describe('the length of a list is a number', () => {
  it.each([
    ['of bytes', "const key = new Uint8Array(Buffer.from(process.env.K ?? '', 'base64'))", 'key.length !== 32'],
    ['of nothing yet', 'const names: string[] = []', 'names.length < 1'],
    ['of texts', "const names = ['a', 'b']", 'names.length !== 2'],
  ])('%s', (_what, before, condition) => {
    const program = listening(`${before}\nif (${condition}) throw new Error('wrong')`, "'10.0.0.1'")
    expect(hostsOf(program)).toEqual(['10.0.0.1'])
  })
})

describe('what is read', () => {
  it('of something that may also be another thing is not known', () => {
    const program = listening(
      "const message = process.argv.length > 2 ? JSON.parse(process.argv[2] ?? '') : {}\nlet host = '10.0.0.1'\nif (message.kind === 'open') host = '10.0.0.2'",
      'host',
    )
    expect(hostsOf(program).toSorted()).toEqual(['10.0.0.1', '10.0.0.2'])
  })

  it('by many names off one object is each time what stands under that name', () => {
    const fields = Array.from({ length: 50 }, (_, index) => `f${index}: '10.0.1.${index}'`).join(', ')
    const reads = Array.from({ length: 50 }, (_, index) => `String(settings.f${index})`).join('\n')
    const program = listening(
      `const all = { ${fields}, host: '10.0.0.1' }\nconst settings = new Proxy({}, { get: (_, name) => all[name] })\n${reads}`,
      'settings.host',
    )
    expect(hostsOf(program)).toEqual(['10.0.0.1'])
  })
})
