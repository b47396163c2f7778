import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { main } from '../src/main.ts'
import { fakeConsole } from './fake-console.ts'

/** A safe fix for the comparison, unsafe ones for the cookie (served on every interface) and the listener. */
const source = `import express from 'express'
const app = express()
app.post('/login', (req, res) => {
  if (req.get('x-key') !== process.env.API_KEY) return res.status(401).end()
  res.cookie('session', process.env.A_SESSION).end()
})
app.listen(3000)
`
let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-fix-'))
  path = join(folder, 'server.js')
  writeFileSync(path, source)
})
afterEach(() => rmSync(folder, { recursive: true }))

async function run(...flags: readonly string[]) {
  const console = fakeConsole()
  const exitCode = await main(['audit', folder, ...flags], console)
  return { exitCode, stdout: console.stdout.written.join(''), stderr: console.stderr.written.join('') }
}

function git(...args: readonly string[]): void {
  const own = ['-c', 'user.name=a', '-c', 'user.email=a@example.org', '-c', 'commit.gpgsign=false']
  execFileSync('git', ['-C', folder, ...own, ...args], { stdio: 'ignore' })
}

describe('--fix', () => {
  test('mends what is safe, reports on what is left, and says what it did', async () => {
    const { exitCode, stdout, stderr } = await run('--fix', '--format', 'json')
    const text = readFileSync(path, 'utf8')
    expect(text).toContain("if (!isSameSecret(req.get('x-key'), process.env.API_KEY)) return")
    expect(text).toContain("res.cookie('session', process.env.A_SESSION).end()")
    expect(JSON.parse(stdout).findings.map(({ rule }: { rule: string }) => rule)).toEqual([
      'insecure-session-cookie',
      'plaintext-transport',
    ])
    expect(exitCode).toBe(1)
    expect(stderr).toMatchInlineSnapshot(`
      "Fixed 1 finding in 1 file.
        server.js:4 timing-unsafe-comparison: Compare digests in constant time
      2 more findings can be fixed with --fix=all; review what it changes.
      "
    `)
  })

  test('=all mends what wants a review too', async () => {
    const { stderr } = await run('--fix=all')
    expect(readFileSync(path, 'utf8')).toContain("{ httpOnly: true, secure: true, sameSite: 'lax' }")
    expect(stderr).toContain('insecure-session-cookie: Set HttpOnly, Secure, SameSite on the cookie (review it)')
  })

  test('leaves nothing beside the files, and a second run changes nothing', async () => {
    await run('--fix=all')
    const after = readFileSync(path, 'utf8')
    expect((await run('--fix=all')).stderr).toMatch(/^Fixed 0 findings in 0 files\.$/m)
    expect(readFileSync(path, 'utf8')).toBe(after)
    expect(readdirSync(folder)).toEqual(['server.js'])
  })

  test('exits by what is left', async () => {
    expect((await run('--fix', '--fail-on', 'critical')).exitCode).toBe(1)
    expect((await run('--fix=all', '--fail-on', 'low')).exitCode).toBe(0)
    expect((await run('--fail-on', 'low')).exitCode).toBe(0)
  })
})

describe('--dry-run', () => {
  test('prints a diff that applies, and writes nothing', async () => {
    const { exitCode, stdout, stderr } = await run('--fix=all', '--dry-run')
    expect(readFileSync(path, 'utf8')).toBe(source)
    expect(stderr).toMatch(/^Would fix 3 findings in 1 file\.$/m)
    expect(exitCode).toBe(1)
    execFileSync('git', ['apply', '-'], { cwd: folder, input: stdout })
    const applied = readFileSync(path, 'utf8')
    writeFileSync(path, source)
    await run('--fix=all')
    expect(readFileSync(path, 'utf8')).toBe(applied)
  })

  test('alone shows the safe fixes, and its exit code speaks of the source as it is', async () => {
    writeFileSync(path, source.replace('3000', "3000, '127.0.0.1'").replace(/^ {2}res\.cookie.*$/m, '  res.end()'))
    const { exitCode, stdout } = await run('--dry-run', '--fail-on', 'low')
    expect(stdout).toMatch(/^--- a\/server\.js\n\+\+\+ b\/server\.js\n@@/)
    expect(exitCode).toBe(1)
  })

  test('can be kept in a file, with a report beside it', async () => {
    mkdirSync(join(folder, 'out'))
    const [diff, report] = [join(folder, 'out/a.diff'), join(folder, 'out/a.json')]
    const { stdout } = await run('--dry-run', '--output', diff, '--also', `json=${report}`)
    expect(stdout).toBe('')
    expect(readFileSync(diff, 'utf8')).toContain('+++ b/server.js')
    expect(JSON.parse(readFileSync(report, 'utf8')).findings).toHaveLength(3)
  })
})

describe('in a Git repository', () => {
  beforeEach(() => {
    git('init', '--quiet')
    git('add', '.')
    git('commit', '--quiet', '--message', 'a')
  })

  test('what is committed is fixed', async () => {
    await run('--fix')
    expect(readFileSync(path, 'utf8')).not.toBe(source)
  })

  test('what is not is refused, unless it is allowed', async () => {
    const dirty = `${source}// mine\n`
    writeFileSync(path, dirty)
    const { exitCode, stderr } = await run('--fix')
    expect([exitCode, stderr]).toEqual([
      2,
      'sallyport: server.js would be fixed, but holds uncommitted changes. Commit them first, or use --allow-dirty.\n',
    ])
    expect(readFileSync(path, 'utf8')).toBe(dirty)
    await run('--fix', '--allow-dirty')
    expect(readFileSync(path, 'utf8')).toContain('isSameSecret')
  })

  test('a new file is as good as dirty, and other files do not matter', async () => {
    writeFileSync(join(folder, 'notes.txt'), 'mine')
    writeFileSync(join(folder, 'other.js'), source)
    expect((await run('--fix')).stderr).toContain('other.js would be fixed')
    rmSync(join(folder, 'other.js'))
    expect((await run('--fix')).exitCode).toBe(1)
    expect(readFileSync(path, 'utf8')).toContain('isSameSecret')
  })

  test('line ends that a checkout set do not matter', async () => {
    writeFileSync(path, source.replaceAll('\n', '\r\n'))
    await run('--fix')
    expect(readFileSync(path, 'utf8')).toMatch(/isSameSecret[^]*\r\n/)
  })
})

test.each([
  [['--fix=some'], /--fix cannot be "some"/],
  [['--allow-dirty'], /means nothing without --fix/],
  [['--dry-run', '--format', 'json'], /prints a diff/],
])('%s is refused', async (flags, message) => {
  const { exitCode, stderr } = await run(...flags)
  expect(exitCode).toBe(2)
  expect(stderr).toMatch(message)
})
