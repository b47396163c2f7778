import { spawnSync } from 'node:child_process'
import fs, {
  chmodSync,
  chownSync,
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
import { syncBuiltinESMExports } from 'node:module'
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

test.runIf(process.getuid?.() === 0)('a file of another user stays his', () => {
  chownSync(join(root, 'b.ts'), 1234, 1235)
  writeChanges(root, [{ path: 'b.ts', before: 'old b', after: 'new b' }])
  const { uid, gid } = statSync(join(root, 'b.ts'))
  expect({ uid, gid }).toEqual({ uid: 1234, gid: 1235 })
})

const BOTH = [
  { path: 'src/a.ts', before: 'old a', after: 'new a' },
  { path: 'b.ts', before: 'old b', after: 'new b' },
]

test('where the second of two files cannot be put in its place, the first gets its old text back', () => {
  chmodSync(join(root, 'src/a.ts'), 0o754)
  const write = (): void => writeChanges(root, BOTH)
  expect(() => whileRenamesFail([2], write)).toThrow('could not be written (EIO). Nothing was.')
  expect(readFileSync(join(root, 'src/a.ts'), 'utf8')).toBe('old a')
  expect(readFileSync(join(root, 'b.ts'), 'utf8')).toBe('old b')
  expect(statSync(join(root, 'src/a.ts')).mode & 0o777).toBe(0o754)
  expect(readdirSync(root, { recursive: true }).toSorted()).toEqual(['b.ts', 'src', 'src/a.ts'])
})

test('what cannot be put back is named, and its old text is kept', () => {
  const write = (): void => writeChanges(root, BOTH)
  expect(() => whileRenamesFail([2, 3], write)).toThrow(
    /could not be put back: src\/a\.ts \(as it was: \.a\.ts\.\w+\.tmp/,
  )
  const [kept, ...others] = readdirSync(join(root, 'src')).filter((name) => name.endsWith('.tmp'))
  expect(readFileSync(join(root, 'src', kept!), 'utf8')).toBe('old a')
  expect(others).toEqual([])
  expect(readdirSync(root).toSorted()).toEqual(['b.ts', 'src'])
})

/** Runs something while the renames with these numbers, counted from one, are refused by the disk. */
function whileRenamesFail(numbers: readonly number[], run: () => void): void {
  const { renameSync } = fs
  let count = 0
  fs.renameSync = (from, to) => {
    count += 1
    if (numbers.includes(count)) throw Object.assign(new Error('no rename'), { code: 'EIO' })
    renameSync(from, to)
  }
  syncBuiltinESMExports()
  try {
    run()
  } finally {
    fs.renameSync = renameSync
    syncBuiltinESMExports()
  }
}

test.runIf(process.platform === 'linux')('a file that does not fit on the disk stays as it was', () => {
  const module = JSON.stringify(new URL('../../src/source/write.ts', import.meta.url).href)
  const change = "{ path: 'b.ts', before: 'old b', after: 'x'.repeat(50_000) }"
  const script = `process.on('SIGXFSZ', () => {}); const { writeChanges } = await import(${module}); writeChanges(${JSON.stringify(root)}, [${change}])`
  // No file may grow beyond 20 blocks: the first part of the text still fits.
  const { status, stderr } = spawnSync(
    'sh',
    ['-c', 'ulimit -f 20; exec "$0" --import tsx --input-type=module -e "$1"', process.execPath, script],
    { encoding: 'utf8', env: { ...process.env, TSX_DISABLE_CACHE: '1' } },
  )
  expect({ status, stderr }).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('could not be written (EFBIG)'),
  })
  expect(readFileSync(join(root, 'b.ts'), 'utf8')).toBe('old b')
  expect(readdirSync(root).toSorted()).toEqual(['b.ts', 'src'])
})
