import { describe, expect, it, test } from 'vitest'
import { ceilingOf, compareVersions, minimumOf } from '../../src/source/version.ts'
import type { Files } from './memory-host.ts'
import { treeOf } from './trees.ts'

const SDK = '@modelcontextprotocol/sdk'
const MANIFEST = JSON.stringify({ name: 'notes', dependencies: { [SDK]: '^1.20.0', passport: '^0.5.0' } })

function lookup(lockfiles: Files, name = SDK, from = 'src/server.ts') {
  return treeOf({ 'package.json': MANIFEST, 'src/server.ts': 'export {}', ...lockfiles }).versionOf(name, from)
}

describe('a lockfile decides', () => {
  test.each([
    ['npm 1', { 'package-lock.json': `{"lockfileVersion":1,"dependencies":{"${SDK}":{"version":"1.25.1"}}}` }],
    [
      'npm 2',
      {
        'package-lock.json': `{"lockfileVersion":2,"packages":{"node_modules/${SDK}":{"version":"1.25.1"}},"dependencies":{}}`,
      },
    ],
    [
      'npm 3',
      { 'npm-shrinkwrap.json': `{"lockfileVersion":3,"packages":{"":{},"node_modules/${SDK}":{"version":"1.25.1"}}}` },
    ],
    [
      'pnpm 5',
      {
        'pnpm-lock.yaml': `lockfileVersion: 5.4\n\nspecifiers:\n  '${SDK}': ^1.20.0\n\ndependencies:\n  '${SDK}': 1.25.1_zod@3.25.0\n`,
      },
    ],
    [
      'pnpm 6',
      {
        'pnpm-lock.yaml': `lockfileVersion: '6.0'\n\ndependencies:\n  '${SDK}':\n    specifier: ^1.20.0\n    version: 1.25.1(zod@3.25.0)\n`,
      },
    ],
    [
      'pnpm 9',
      {
        'pnpm-lock.yaml': `lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      '${SDK}':\n        specifier: 'catalog:'\n        version: 1.25.1(@cfworker/json-schema@4.1.1)(zod@3.25.0)\n`,
      },
    ],
    [
      'yarn classic',
      {
        'yarn.lock': `# yarn lockfile v1\n\n"${SDK}@^1.10.0":\n  version "1.12.0"\n\n"${SDK}@^1.19.0", "${SDK}@^1.20.0":\n  version "1.25.1"\n  resolved "https://registry/x"\n`,
      },
    ],
    [
      'yarn berry',
      {
        'yarn.lock': `__metadata:\n  version: 8\n\n"${SDK}@npm:^1.20.0, ${SDK}@npm:^1.22.0":\n  version: 1.25.1\n  resolution: "x"\n`,
      },
    ],
    [
      'bun',
      {
        'bun.lock': `{\n  "lockfileVersion": 1,\n  "workspaces": { "": { "name": "notes", }, },\n  "packages": {\n    "${SDK}": ["${SDK}@1.25.1", "", {}, "sha512-x"],\n  },\n}\n`,
      },
    ],
  ])('%s', (_, lockfiles) => {
    expect(lookup(lockfiles)).toEqual({ version: '1.25.1', from: 'locked' })
    expect(lookup(lockfiles, 'express')).toBeUndefined()
  })

  test('workspaces have their own versions', () => {
    const inner = { 'packages/a/package.json': '{"name":"a"}', 'packages/a/src/x.ts': 'export {}' }
    const npm = `{"packages":{"node_modules/${SDK}":{"version":"1.25.1"},"packages/a/node_modules/${SDK}":{"version":"1.10.0"}}}`
    const importer = (version: string) =>
      `dependencies:\n      '${SDK}':\n        specifier: ^1\n        version: ${version}\n`
    const pnpm = `importers:\n\n  .:\n    ${importer('1.25.1')}\n  packages/a:\n    ${importer('1.10.0')}`
    const bun = `{"workspaces":{"packages/a":{"name":"a"}},"packages":{"${SDK}":["${SDK}@1.25.1"],"a/${SDK}":["${SDK}@1.10.0"]}}`
    for (const [name, text] of [
      ['package-lock.json', npm],
      ['pnpm-lock.yaml', pnpm],
      ['bun.lock', bun],
    ] as const) {
      expect(lookup({ ...inner, [name]: text }, SDK, 'packages/a/src/x.ts')?.version).toBe('1.10.0')
      expect(lookup({ ...inner, [name]: text }, SDK, 'src/server.ts')?.version).toBe('1.25.1')
    }
  })

  test('a lockfile that package.json has left behind decides nothing', () => {
    const outdated = `{"packages":{"node_modules/${SDK}":{"version":"1.19.9"}}}`
    expect(lookup({ 'package-lock.json': outdated })).toEqual({ version: '1.20.0', from: 'minimum', below: '2.0.0' })
    const borrowing = {
      'demo/package.json': '{"name":"demo"}',
      'demo/x.ts': 'export {}',
      'package-lock.json': outdated,
    }
    expect(lookup(borrowing, SDK, 'demo/x.ts')).toEqual({ version: '1.20.0', from: 'minimum', below: '2.0.0' })
  })

  test('a broken lockfile is no lockfile', () => {
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '\0',
      '{"packages":[1]}',
      '{"packages":{"node_modules/x":5}}',
      'importers:\n  - .',
    ]) {
      for (const name of ['package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock']) {
        expect(lookup({ [name]: text })).toEqual({ version: '1.20.0', from: 'minimum', below: '2.0.0' })
      }
    }
  })
})

test('without a lockfile the lowest admitted version counts, and says so', () => {
  expect(lookup({}, 'passport')).toEqual({ version: '0.5.0', from: 'minimum', below: '0.6.0' })
  expect(lookup({ 'package.json': '{"dependencies":{"passport":"0.5.2"}}' }, 'passport')).toEqual({
    version: '0.5.2',
    from: 'locked',
  })
  expect(lookup({ 'package.json': '{"dependencies":{"passport":"latest"}}' }, 'passport')).toBeUndefined()
  expect(lookup({ 'package.json': '{"dependencies":["passport"],"name":7}' }, 'passport')).toBeUndefined()
})

test('files that no package is around get what the manifests of the tree agree upon', () => {
  const inFolder = (folder: string, range: string) => ({
    [`${folder}/package.json`]: JSON.stringify({ dependencies: { passport: range } }),
  })
  const found = (files: Files) =>
    treeOf({ 'src/server.ts': 'export {}', ...files }).versionOf('passport', 'src/server.ts')
  expect(found(inFolder('install', '^0.4.1'))).toEqual({ version: '0.4.1', from: 'minimum', below: '0.5.0' })
  expect(found({ ...inFolder('install', '^0.4.1'), ...inFolder('tools', '^0.7.0') })).toBeUndefined()
  expect(found({ ...inFolder('install', '^0.4.1'), 'package.json': '{"dependencies":{}}' })).toBeUndefined()
})

test('a workspace is as old as it says', () => {
  const workspace = { 'packages/core/package.json': '{"name":"@notes/core","version":"2.4.0"}' }
  expect(lookup(workspace, '@notes/core')).toEqual({ version: '2.4.0', from: 'locked' })
})

test.each([
  ['^1.2.3', '1.2.3'],
  ['~1.2', '1.2.0'],
  ['1.x', '1.0.0'],
  ['>=1.2.3 <2', '1.2.3'],
  ['>= 1.2.3', '1.2.3'],
  ['^2.0.0 || ^1.4.0', '1.4.0'],
  ['1.2.3 - 1.9.0', '1.2.3'],
  ['2.0.0-alpha.2', '2.0.0-alpha.2'],
  ['npm:@other/sdk@^1.9.0', '1.9.0'],
  ['workspace:^1.1.0', '1.1.0'],
  ['v1.0.0', '1.0.0'],
  ['*', undefined],
  ['latest', undefined],
  ['<2.0.0', undefined],
  ['github:notes/sdk', undefined],
  ['', undefined],
])('the lowest version of %s is %s', (range, minimum) => {
  expect(minimumOf(range)).toBe(minimum)
})

test('versions are in the order of semver', () => {
  const ordered = [
    '0.5.3',
    '0.6.0',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.2.0',
    '1.10.0',
  ]
  expect(ordered.toReversed().toSorted(compareVersions)).toEqual(ordered)
  expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0)
})

describe('hostile manifests and lockfiles cost no square of their length', () => {
  const long = 300_000
  test.each<[string, Files]>([
    ['a range', { 'package.json': JSON.stringify({ name: 'notes', dependencies: { [SDK]: '='.repeat(long) } }) }],
    ['a main file', { 'package.json': JSON.stringify({ name: 'notes', main: `${'/dist/x'.repeat(long / 10)}.js` }) }],
    ['a line of a lockfile', { 'pnpm-lock.yaml': `a:${' '.repeat(long)}x\rx\n` }],
    ['a line of many colons', { 'pnpm-lock.yaml': `${'a: '.repeat(long)}\u2028x\n` }],
  ])('%s', (_, files) => {
    const started = process.cpuUsage()
    lookup(files)
    expect(process.cpuUsage(started).user / 1_000_000).toBeLessThan(2)
  })
})

it.each([
  ['^0.5.3', '0.6.0'],
  ['~0.5.3', '0.6.0'],
  ['^0.0.3', '0.0.4'],
  ['0.5', '0.6.0'],
  ['1.x', '2.0.0'],
  ['^1.24.0', '2.0.0'],
  ['>=1.2 <1.9', '1.9.0'],
  ['>= 1.2 <= 1.9.3', '1.9.4'],
  ['^0.5 || ^0.6', '0.7.0'],
  ['npm:@x/y@^1.2', '2.0.0'],
  ['>=1.24', undefined],
  ['^1 || >=3', undefined],
  ['1.2.3 - 2.0', undefined],
  ['*', undefined],
  ['latest', undefined],
])('%s admits nothing from %s on', (range, ceiling) => {
  expect(ceilingOf(range)).toBe(ceiling)
})
