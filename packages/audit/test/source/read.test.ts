import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { disk } from '../../src/source/host.ts'
import { readSources, UnreadableRootError } from '../../src/source/read.ts'
import { Trouble } from './memory-host.ts'
import { folderOf, pathsOf, reasonsOf, treeOf } from './trees.ts'

const CODE = 'export const notes = new Map()\n'

describe('discovery', () => {
  test('finds every extension and no declaration', () => {
    const names = ['a.ts', 'b.tsx', 'c.mts', 'd.cts', 'e.js', 'f.jsx', 'g.mjs', 'h.cjs']
    const others = ['i.d.ts', 'j.d.mts', 'k.d.css.ts', 'l.json', 'm.py', 'n.ts.txt']
    const tree = treeOf(Object.fromEntries([...names, ...others].map((name) => [`src/${name}`, CODE])))
    expect(pathsOf(tree)).toEqual(names.map((name) => `src/${name}`))
  })

  test('leaves out node_modules and what .gitignore names, also in inner folders', () => {
    const tree = treeOf({
      '.gitignore': 'dist\n*.gen.ts\n',
      'src/.gitignore': 'local/\n!kept.gen.ts\n',
      'src/server.ts': CODE,
      'src/api.gen.ts': CODE,
      'src/kept.gen.ts': CODE,
      'src/local/x.ts': CODE,
      'dist/server.js': CODE,
      'node_modules/x/index.js': CODE,
    })
    expect(pathsOf(tree)).toEqual(['src/kept.gen.ts', 'src/server.ts'])
    expect(tree.gaps).toEqual([])
  })

  test('reads an ignored build where nothing else is there', () => {
    const tree = treeOf({ '.gitignore': 'dist/\n', 'package.json': '{"name":"notes"}', 'dist/server.js': CODE })
    expect(tree.files.map((file) => [file.path, file.surface])).toEqual([['dist/server.js', 'runtime']])
  })

  test('takes a single file as root', () => {
    const tree = treeOf({ 'src/a.ts': CODE, 'src/b.ts': CODE }, '/app/src/a.ts')
    expect([tree.root, pathsOf(tree)]).toEqual(['/app/src', ['a.ts']])
  })

  test('refuses a root that is not there, or not code', () => {
    expect(() => treeOf({ 'a.ts': CODE }, '/app/none')).toThrow(UnreadableRootError)
    expect(() => treeOf({ 'README.md': 'x' }, '/app/README.md')).toThrow('neither a folder nor')
  })

  test('stops at its bounds and says so', () => {
    const root = folderOf({ 'a/b/c/d.ts': CODE, 'e.ts': CODE })
    const shallow = readSources(root, { bounds: { depth: 2, entries: 1000, files: 1000 } })
    expect(reasonsOf(shallow)['a/b/c']).toMatch('nest more than 2 deep')
    const few = readSources(root, { bounds: { depth: 9, entries: 1, files: 1000 } })
    expect(few.gaps[0]?.reason).toMatch('more than 1 entries')
  })

  test('reports progress', () => {
    const calls: number[] = []
    const root = folderOf(Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`f${index}.ts`, CODE])))
    readSources(root, { onProgress: (count) => calls.push(count) })
    expect(calls).toEqual([100, 200])
  })
})

describe('links', () => {
  test('are never followed: loops end, ways out stay shut', () => {
    const outside = folderOf({ 'secret.ts': CODE })
    const root = folderOf({ 'src/server.ts': CODE })
    symlinkSync('..', join(root, 'src', 'loop'))
    symlinkSync('self', join(root, 'self'))
    symlinkSync(outside, join(root, 'away'))
    symlinkSync(join(outside, 'secret.ts'), join(root, 'src', 'secret.ts'))
    symlinkSync('server.ts', join(root, 'src', 'alias.ts'))
    const tree = readSources(root)
    expect(pathsOf(tree)).toEqual(['src/server.ts'])
    expect(reasonsOf(tree)).toEqual({
      'src/loop': expect.stringContaining('a loop'),
      self: expect.stringContaining('nowhere or to itself'),
      away: expect.stringContaining('out of the audited folder'),
      'src/secret.ts': expect.stringContaining('out of the audited folder'),
    })
  })

  test('may name the root', () => {
    const root = folderOf({ 'src/server.ts': CODE })
    const link = join(folderOf({}), 'link')
    symlinkSync(root, link)
    const tree = readSources(link)
    expect([tree.root, pathsOf(tree)]).toEqual([realpathSync(root), ['src/server.ts']])
  })
})

describe('what cannot be read', () => {
  test('is a gap with its reason, and the rest goes on', () => {
    const tree = treeOf({
      'binary.ts': Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0, 1]),
      'big.js': new Uint8Array(2_200_000).fill(97),
      'empty.ts': '',
      'latin.ts': Buffer.from([0x2f, 0x2f, 0xe9, 0x0a]),
      'refused.ts': new Trouble('EACCES'),
      'server.ts': CODE,
      'wide.ts': Buffer.from('\uFEFFexport {}', 'utf16le'),
    })
    expect(pathsOf(tree)).toEqual(['server.ts'])
    expect(tree.skipped).toBe(6)
    expect(reasonsOf(tree)).toEqual({
      'binary.ts': 'The file holds binary data (NUL bytes); it was not analysed.',
      'big.js': 'The file is larger than 2 MB (2.1 MB); it was not analysed.',
      'empty.ts': 'The file is empty.',
      'latin.ts': 'The file is not valid UTF-8; it was not analysed.',
      'refused.ts': 'The file could not be read (EACCES).',
      'wide.ts': 'The file is encoded as UTF-16, not UTF-8; it was not analysed.',
    })
  })

  test('a folder that refuses is a gap', () => {
    const root = folderOf({ 'src/server.ts': CODE, 'locked/x.ts': CODE })
    const host = {
      ...disk,
      list(path: string) {
        if (path.endsWith('locked')) throw Object.assign(new Error('no'), { code: 'EPERM' })
        return disk.list(path)
      },
    }
    const tree = readSources(root, { host })
    expect(reasonsOf(tree)).toEqual({ locked: 'The folder could not be read (EPERM).' })
  })

  test('a NUL in a string of honest source is no binary file', () => {
    expect(pathsOf(treeOf({ 'a.ts': `export const key = 'a\0b'\n${CODE.repeat(20)}` }))).toEqual(['a.ts'])
  })

  test('a minified file beside the code is kept, marked and named', () => {
    const tree = treeOf({ 'src/server.ts': CODE, 'src/bundle.js': `export const x=[${'1,'.repeat(650_000)}1]` })
    expect(tree.file('src/bundle.js')?.surface).toBe('generated')
    expect(reasonsOf(tree)['src/bundle.js']).toMatch('minified or generated')
  })
})

test('single files see the package around them', () => {
  const root = folderOf({
    'package.json': '{"name":"notes","dependencies":{"@modelcontextprotocol/sdk":"^1.24.0"}}',
    'package-lock.json':
      '{"lockfileVersion":3,"packages":{"node_modules/@modelcontextprotocol/sdk":{"version":"1.25.1"}}}',
    'src/server.ts': CODE,
  })
  mkdirSync(join(root, '.git'))
  writeFileSync(join(root, '.git', 'HEAD'), '')
  const tree = readSources(join(root, 'src'))
  expect(tree.packageOf('server.ts')?.name).toBe('notes')
  expect(tree.versionOf('@modelcontextprotocol/sdk', 'server.ts')).toEqual({ version: '1.25.1', from: 'locked' })
})

describe('hostile configuration', () => {
  test('a pattern that would take for ever is passed over, with a gap', () => {
    const started = performance.now()
    const tree = treeOf({
      '.gitignore': `${'*a'.repeat(20)}b\n*.gen.ts\nreport.[0-9]*.[0-9]*.[0-9]*.[0-9]*.json\n*.*.*.*.*.log\n`,
      [`${'a'.repeat(250)}.ts`]: CODE,
      'x.gen.ts': CODE,
    })
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(pathsOf(tree)).toEqual([`${'a'.repeat(250)}.ts`])
    expect(reasonsOf(tree)['.gitignore']).toMatch('1 of its patterns')
  })

  test('bottomless JSON, wrong types and an unreadable .gitignore end nothing', () => {
    const deep = '['.repeat(200_000)
    const tree = treeOf({
      '.gitignore': new Trouble('EACCES'),
      'package.json': deep,
      'bun.lock': deep,
      'a/package.json':
        '{"name":{},"version":[],"main":7,"bin":[null],"exports":{"a":{"b":null}},"scripts":[],"dependencies":"x"}',
      'a/server.ts': CODE,
    })
    expect(pathsOf(tree)).toEqual(['a/server.ts'])
    expect(tree.versionOf('express', 'a/server.ts')).toBeUndefined()
    expect(reasonsOf(tree)['.gitignore']).toMatch('unreadable')
  })
})
