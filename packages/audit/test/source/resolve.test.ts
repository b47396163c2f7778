import { expect, test } from 'vitest'
import { createResolver } from '../../src/extract/resolve.ts'
import type { Files } from './memory-host.ts'
import { treeOf } from './trees.ts'

function resolve(files: Files, specifier: string, from = 'src/server.ts'): string {
  const named = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, text || 'export {}']))
  const result = createResolver(treeOf(named))(specifier, from)
  if (result.kind === 'file') return result.path
  return result.kind === 'package' ? `package ${result.name}${result.subpath && ` / ${result.subpath}`}` : 'missing'
}

const TWO_FILES = { 'src/server.ts': '', 'src/store.ts': '' }

test.each([
  ['./store', { ...TWO_FILES }, 'src/store.ts'],
  ['./store.js', { ...TWO_FILES }, 'src/store.ts'],
  ['./store.ts', { ...TWO_FILES }, 'src/store.ts'],
  ['./store.js', { ...TWO_FILES, 'src/store.js': '' }, 'src/store.ts'],
  ['./store.mjs', { 'src/store.mts': '' }, 'src/store.mts'],
  ['./store.cjs', { 'src/store.cts': '' }, 'src/store.cts'],
  ['./view.js', { 'src/view.tsx': '' }, 'src/view.tsx'],
  ['./store', { 'src/store/index.js': '' }, 'src/store/index.js'],
  ['./store/', { 'src/store/index.ts': '' }, 'src/store/index.ts'],
  ['./store?raw', { ...TWO_FILES }, 'src/store.ts'],
  ['.', { 'src/index.ts': '', 'src/server.ts': '' }, 'src/index.ts'],
  ['..', { 'index.ts': '' }, 'index.ts'],
  ['../../outside', { ...TWO_FILES }, 'missing'],
  ['./gone', { ...TWO_FILES }, 'missing'],
  ['./store.json', { 'src/store.json': '{}' }, 'missing'],
  ['/etc/passwd', {}, 'missing'],
  ['', {}, 'missing'],
  ['../dist/store.js', { ...TWO_FILES }, 'src/store.ts'],
] as const)('relative %s in %j', (specifier, files, expected) => {
  expect(resolve({ 'README.ts': '', ...files }, specifier)).toBe(expected)
})

test.each([
  ['crypto', 'package node:crypto'],
  ['node:crypto', 'package node:crypto'],
  ['fs/promises', 'package node:fs / promises'],
  ['node:timers/promises', 'package node:timers / promises'],
  ['express', 'package express'],
  ['@modelcontextprotocol/sdk/server/mcp.js', 'package @modelcontextprotocol/sdk / server/mcp.js'],
  ['npm:express@5/lib', 'package express / lib'],
  ['jsr:@hono/hono@4', 'package @hono/hono'],
  ['https://esm.sh/hono', 'missing'],
  ['@', 'missing'],
])('package %s', (specifier, expected) => {
  expect(resolve(TWO_FILES, specifier)).toBe(expected)
})

test('tsconfig paths, through extends, comments and a base URL', () => {
  const files = {
    'tsconfig.json':
      '{ // root\n "extends": ["./base", "@tsconfig/node20/tsconfig.json"], "compilerOptions": {"strict": true,} }',
    'base.json':
      '{"compilerOptions": {"baseUrl": ".", "paths": {"@app/*": ["src/*"], "@app/db": ["./src/store.ts"], "~": ["src/server"]}}}',
    ...TWO_FILES,
  }
  expect(resolve(files, '@app/store')).toBe('src/store.ts')
  expect(resolve(files, '@app/store.js')).toBe('src/store.ts')
  expect(resolve(files, '@app/db')).toBe('src/store.ts')
  expect(resolve(files, '~')).toBe('src/server.ts')
  expect(resolve(files, 'src/store')).toBe('src/store.ts')
  expect(resolve(files, '@app/gone')).toBe('package @app/gone')
})

test('the nearest tsconfig counts; one of references speaks through them', () => {
  const files = {
    'tsconfig.json': '{"compilerOptions": {"paths": {"#s/*": ["./other/*"], "s/*": ["./other/*"]}}}',
    'app/tsconfig.json':
      '{"files": [], "references": [{"path": "./tsconfig.app.json"}, {"path": "../tsconfig.json"}, 7]}',
    'app/tsconfig.app.json': '{"compilerOptions": {"paths": {"s/*": ["./src/*"]}}}',
    'app/src/store.ts': '',
    'other/store.ts': '',
  }
  expect(resolve(files, 's/store', 'app/src/x.ts')).toBe('app/src/store.ts')
  expect(resolve(files, 's/store', 'x.ts')).toBe('other/store.ts')
  expect(resolve(files, '#s/store', 'x.ts')).toBe('other/store.ts')
})

test('circles of extends end, and nothing outside the tree is read', () => {
  const files = {
    'tsconfig.json': '{"extends": ["./tsconfig.json", "./a.json", "../../up.json"]}',
    'a.json': '{"extends": "./tsconfig"}',
    ...TWO_FILES,
  }
  expect(resolve(files, '@app/store')).toBe('package @app/store')
})

test('@/ and ~/ mean the source folder where nothing explains them', () => {
  expect(resolve(TWO_FILES, '@/store')).toBe('src/store.ts')
  expect(resolve({ 'app/package.json': '{"name":"app"}', 'app/src/store.ts': '' }, '~/store.js', 'app/src/x.ts')).toBe(
    'app/src/store.ts',
  )
  expect(resolve(TWO_FILES, '@/gone')).toBe('missing')
})

test('$lib is the folder of that name in the source of SvelteKit', () => {
  const files = { 'app/package.json': '{"name":"app"}', 'app/src/lib/db.ts': '', 'app/src/lib/index.ts': '' }
  expect(resolve(files, '$lib/db', 'app/src/routes/+server.ts')).toBe('app/src/lib/db.ts')
  expect(resolve(files, '$lib', 'app/src/routes/+server.ts')).toBe('app/src/lib/index.ts')
})

const WORKSPACE = {
  'packages/core/package.json': JSON.stringify({
    name: '@notes/core',
    exports: {
      '.': { types: './dist/index.d.ts', import: './dist/index.mjs', require: './dist/index.cjs' },
      './store': [{ worker: './none.js' }, { default: './dist/esm/store/index.js' }],
      './features/*': './dist/features/*.js',
      './features/private/*': null,
    },
    imports: { '#log': { node: './dist/log.js' }, '#lib/*': './src/lib/*.js', '#express': 'express' },
  }),
  'packages/core/src/index.ts': '',
  'packages/core/src/log.ts': '',
  'packages/core/src/lib/time.ts': '',
  'packages/core/src/store/index.ts': '',
  'packages/core/src/features/search.ts': '',
  'packages/plain/package.json': '{"name": "plain", "main": "build/main.js"}',
  'packages/plain/src/main.ts': '',
  'packages/plain/src/deep/x.ts': '',
  'packages/mapped/tsconfig.json':
    '{"compilerOptions": {"paths": {"@notes/core": ["./node_modules/@notes/core/src/index.ts"]}}}',
  'src/server.ts': '',
}

test.each([
  ['@notes/core', 'src/server.ts', 'packages/core/src/index.ts'],
  ['@notes/core', 'packages/mapped/x.ts', 'packages/core/src/index.ts'],
  ['@notes/core/store', 'src/server.ts', 'packages/core/src/store/index.ts'],
  ['@notes/core/features/search', 'src/server.ts', 'packages/core/src/features/search.ts'],
  ['@notes/core/features/private/x', 'src/server.ts', 'package @notes/core / features/private/x'],
  ['@notes/core/store', 'packages/core/src/index.ts', 'packages/core/src/store/index.ts'],
  ['#log', 'packages/core/src/index.ts', 'packages/core/src/log.ts'],
  ['#lib/time', 'packages/core/src/index.ts', 'packages/core/src/lib/time.ts'],
  ['#express', 'packages/core/src/index.ts', 'package express'],
  ['#none', 'packages/core/src/index.ts', 'missing'],
  ['plain', 'src/server.ts', 'packages/plain/src/main.ts'],
  ['plain/deep/x.js', 'src/server.ts', 'packages/plain/src/deep/x.ts'],
])('workspace: %s from %s', (specifier, from, expected) => {
  expect(resolve(WORKSPACE, specifier, from)).toBe(expected)
})

test('malformed maps resolve nothing and break nothing', () => {
  for (const map of [
    null,
    7,
    [],
    [[[]]],
    { '.': { import: { import: {} } } },
    { './a*b*': './x' },
    { __proto__: null, '.': true },
  ]) {
    const files = { 'package.json': JSON.stringify({ name: 'notes', exports: map, imports: map }), 'server.ts': '' }
    expect(resolve(files, 'notes/x')).toBe('package notes / x')
    expect(resolve(files, '#x')).toBe('missing')
  }
})

test('a bottomless tsconfig is none', () => {
  const files = { 'tsconfig.json': '{"compilerOptions":'.repeat(50_000), ...TWO_FILES }
  expect(resolve(files, '@app/store')).toBe('package @app/store')
})
