import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { UnwritableError, writeChanges } from '../../src/source/write.ts'

let base: string
let root: string

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'sallyport-write-')))
  root = join(base, 'root')
  mkdirSync(join(root, 'src'), { recursive: true })
  writeFileSync(join(root, 'src/a.ts'), 'old a')
  writeFileSync(join(root, 'b.ts'), 'old b')
  writeFileSync(join(base, 'outside.ts'), 'old')
})
afterEach(() => rmSync(base, { recursive: true }))

test('files are replaced, with their mode, and nothing is left beside them', () => {
  chmodSync(join(root, 'b.ts'), 0o755)
  writeChanges(root, [
    { path: 'src/a.ts', before: 'old a', after: 'new a' },
    { path: 'b.ts', before: 'old b', after: 'new ü' },
  ])
  expect(readFileSync(join(root, 'src/a.ts'), 'utf8')).toBe('new a')
  expect(readFileSync(join(root, 'b.ts'), 'utf8')).toBe('new ü')
  expect(statSync(join(root, 'b.ts')).mode & 0o777).toBe(0o755)
  expect(readdirSync(root, { recursive: true }).toSorted()).toEqual(['b.ts', 'src', 'src/a.ts'])
})

test.each([
  ['a link', () => symlinkSync('../outside.ts', join(root, 'link.ts')), 'link.ts'],
  ['a file behind a link', () => symlinkSync('..', join(root, 'up')), 'up/outside.ts'],
  ['a file outside', () => {}, '../outside.ts'],
  ['what is not there', () => {}, 'gone.ts'],
])('%s is refused, and then no file is written', (_name, prepare, path) => {
  prepare()
  const changes = [
    { path: 'b.ts', before: 'old b', after: 'new' },
    { path, before: 'old', after: 'new' },
  ]
  expect(() => writeChanges(root, changes)).toThrow(UnwritableError)
  expect(readFileSync(join(root, 'b.ts'), 'utf8')).toBe('old b')
  expect(readFileSync(join(base, 'outside.ts'), 'utf8')).toBe('old')
  expect(readdirSync(root).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('a file that was changed meanwhile is refused', () => {
  expect(() => writeChanges(root, [{ path: 'b.ts', before: 'older b', after: 'new' }])).toThrow(/has changed/)
  expect(readFileSync(join(root, 'b.ts'), 'utf8')).toBe('old b')
})
