import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { audit } from '../../src/audit.ts'
import { gitHost } from '../../src/source/git.ts'
import { readSources } from '../../src/source/read.ts'
import { folderOf, pathsOf } from '../source/trees.ts'
import { places, suppressedPlaces, weak } from './programs.ts'

function git(folder: string, ...args: readonly string[]): void {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'commit.gpgsign=false']
  execFileSync('git', [...identity, ...args], { cwd: folder, stdio: 'pipe' })
}

/** A repository whose first commit holds the files, tagged `then`. */
function repository(files: Readonly<Record<string, string>>): string {
  const folder = folderOf(files)
  git(folder, 'init', '-q')
  git(folder, 'add', '-A')
  git(folder, 'commit', '-q', '-m', 'first')
  git(folder, 'tag', 'then')
  return folder
}

describe('since a revision', () => {
  test('only new findings count, wherever the old ones have gone', async () => {
    const folder = repository({ 'server.ts': weak, 'package.json': '{"name": "a"}' })
    mkdirSync(join(folder, 'src'))
    renameSync(join(folder, 'server.ts'), join(folder, 'src/moved.ts'))
    writeFileSync(join(folder, 'new.ts'), weak.replace('3000', '4000'))
    const report = await audit(folder, { since: 'then' })
    expect({ found: places(report), known: suppressedPlaces(report) }).toEqual({
      found: ['new.ts:5'],
      known: ['src/moved.ts:5'],
    })
    expect(report.suppressed[0]!.suppression).toEqual({ by: 'since', reason: 'known at then' })
  })

  test('a folder that was not there then is all new', async () => {
    const folder = repository({ 'readme.ts': 'export {}' })
    mkdirSync(join(folder, 'app'))
    writeFileSync(join(folder, 'app/server.ts'), weak)
    expect(places(await audit(join(folder, 'app'), { since: 'then' }))).toHaveLength(1)
  })

  test.each(['nowhere', '--upload-pack=touch', ''])('the revision "%s" is refused', async (since) => {
    const folder = repository({ 'server.ts': weak })
    await expect(audit(folder, { since })).rejects.toMatchObject({ name: 'AuditError', code: 'unknown-revision' })
  })

  test('the variables of a hook do not lead to another repository', async () => {
    const folder = repository({ 'server.ts': weak })
    vi.stubEnv('GIT_DIR', '/nowhere')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(suppressedPlaces(await audit(folder, { since: 'then' }))).toEqual(['server.ts:5'])
  })

  test('a folder in no repository is refused', async () => {
    await expect(audit(folderOf({ 'server.ts': weak }), { since: 'HEAD' })).rejects.toMatchObject({
      code: 'unknown-revision',
    })
  })
})

test('a tree at a revision reads as the disk did', () => {
  const folder = folderOf({
    'a.ts': 'a',
    'src/ö b.ts': 'b\n',
    'gen/c.ts': 'c',
    '.gitignore': 'gen/\n',
    'src/package.json': '{"name": "x"}',
  })
  symlinkSync('a.ts', join(folder, 'link.ts'))
  git(folder, 'init', '-q')
  git(folder, 'add', '-Af')
  git(folder, 'commit', '-q', '-m', 'first')
  const [now, then] = [readSources(folder), readSources(folder, { host: gitHost(folder, 'HEAD') })]
  expect(pathsOf(then)).toEqual(pathsOf(now))
  expect(then.files.map(({ text }) => text)).toEqual(now.files.map(({ text }) => text))
  expect(then.packages).toEqual(now.packages)
  expect(then.gaps).toEqual(now.gaps)
})
