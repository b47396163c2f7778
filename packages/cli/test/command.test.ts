/** The built command, seen from the shell. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Ajv from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { command, repository, sallyport } from './run.ts'

const server = 'examples/notes-server'
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-command-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('audit', () => {
  test('shows the page that a reader sees', async () => {
    const { stdout, stderr } = sallyport(['audit', server])
    expect(stderr).toBe('')
    await expect(stdout).toMatchFileSnapshot('snapshots/notes-server.txt')
  })

  test('uses ASCII alone where the locale has no more, and no colour in a pipe', () => {
    const { stdout } = sallyport(['audit', server], {})
    // oxlint-disable-next-line no-control-regex -- the line break is the one control character that may stay
    expect(stdout).toMatch(/^[\n\x20-\x7e]+$/)
  })

  test('has colour where it is forced, and none in a file', () => {
    const env = { FORCE_COLOR: '1', LANG: 'C.UTF-8' }
    expect(sallyport(['audit', server], env).stdout).toContain('\u001b[')
    expect(sallyport(['audit', server, '--no-color'], env).stdout).not.toContain('\u001b[')
    const output = join(folder, 'report.txt')
    expect(sallyport(['audit', server, '--output', output], env)).toMatchObject({ exitCode: 1, stdout: '' })
    expect(readFileSync(output, 'utf8')).not.toContain('\u001b[')
  })

  test('gives one JSON document that its schema describes', () => {
    const { stdout, stderr } = sallyport(['audit', server, '--format', 'json'])
    const schema = JSON.parse(readFileSync(join(repository, 'packages/cli/report.schema.json'), 'utf8'))
    const validate = new Ajv.default({ allErrors: true, strict: false }).compile(schema)
    expect(stderr).toBe('')
    expect(validate(JSON.parse(stdout)), JSON.stringify(validate.errors)).toBe(true)
  })

  test('gives one SARIF log that carries the pages of its rules', () => {
    const log = JSON.parse(sallyport(['audit', server, '--format', 'sarif']).stdout)
    expect(log.version).toBe('2.1.0')
    expect(JSON.stringify(log.runs[0].tool.driver.rules)).toContain('What it cannot see')
  })

  test('the same input gives the same bytes', () => {
    const run = () => sallyport(['audit', server, '--format', 'json']).stdout
    expect(run()).toBe(run())
  })
})

describe('the grade elsewhere', () => {
  test('verify agrees with the report that audit wrote, and not with one that was improved', () => {
    const [report, improved] = [join(folder, 'report.json'), join(folder, 'improved.json')]
    sallyport(['audit', server, '--format', 'json', '--output', report])
    expect(sallyport(['verify', report])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/grade F, \d+ of 100, as the report says\.\n$/),
    })
    writeFileSync(improved, readFileSync(report, 'utf8').replace('"grade": "F"', '"grade": "A"'))
    expect(sallyport(['verify', improved])).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('does not deserve its grade'),
    })
    expect(sallyport(['verify', 'README.md']).exitCode).toBe(2)
  })

  test('badge draws the grade with the commit that is checked out', () => {
    const { exitCode, stdout, stderr } = sallyport(['badge', server], {
      LANG: 'C.UTF-8',
      PATH: process.env['PATH'] ?? '',
    })
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(
      /^<svg\b[^]*<title>Grade F, \d+ of 100\. (?:Commit [0-9a-f]{40}, )?sallyport 0\.1\.0, formula 1\.<\/title>/,
    )
  })

  test('one audit writes several documents', () => {
    const [sarif, page] = [join(folder, 'also.sarif'), join(folder, 'also=1.html')]
    const { stdout } = sallyport([
      'audit',
      server,
      '--format',
      'json',
      '--also',
      `sarif=${sarif}`,
      '--also',
      `html=${page}`,
    ])
    expect(JSON.parse(stdout).grade).toBe('F')
    expect(JSON.parse(readFileSync(sarif, 'utf8')).version).toBe('2.1.0')
    expect(readFileSync(page, 'utf8')).toMatch(/^<!doctype html>/)
  })

  test.each(['markdown', 'html', 'github', 'gitlab', 'gitlab-sast', 'junit', 'unix'])(
    '%s is one document that says how many are suppressed',
    (format) => {
      const { exitCode, stdout, stderr } = sallyport(['audit', server, '--format', format])
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' })
      if (!format.startsWith('gitlab')) expect(stdout).toMatch(/0 findings suppressed|"suppressed" value="0"/)
    },
  )
})

describe('living with findings', () => {
  /** A copy of the server with what a test adds to it. */
  function serverWith(files: Readonly<Record<string, string>>): string {
    const copy = mkdtempSync(join(folder, 'server-'))
    cpSync(join(repository, server), copy, { recursive: true })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(copy, name), text)
    return copy
  }

  test('baseline makes what is there known, and reads it back where the configuration names it', () => {
    const copy = serverWith({ 'sallyport.config.yaml': 'baseline: known.json\n' })
    writeFileSync(join(copy, 'known.json'), '{"version": 1, "findings": []}')
    const written = sallyport(['baseline', copy])
    expect(written).toMatchObject({ exitCode: 0, stdout: '' })
    expect(written.stderr).toMatch(/known\.json lists [1-9]\d* known findings\.\n$/)
    const audited = sallyport(['audit', copy])
    expect(audited.exitCode).toBe(0)
    expect(audited.stdout).toMatch(/[1-9]\d* findings suppressed, not scored: \d+ by the\s/)
    expect(sallyport(['audit', copy, '--untrusted']).exitCode).toBe(1)
  })

  test('suppressed findings are in SARIF only when asked for', () => {
    const copy = serverWith({})
    const known = join(copy, 'known.json')
    sallyport(['baseline', copy, '--output', known])
    const results = (...flags: readonly string[]) =>
      JSON.parse(sallyport(['audit', copy, '--baseline', known, '--format', 'sarif', ...flags]).stdout).runs[0].results
    expect(results()).toEqual([])
    expect(results('--show-suppressed')[0].suppressions).toMatchObject([{ kind: 'external', status: 'accepted' }])
  })

  test.each<[string, string, readonly string[], RegExp]>([
    ['a setting that there is not', 'rule: {}', [], /^sallyport: sallyport\.config\.yaml: "rule" is no setting\./],
    [
      'a baseline that is not there',
      'baseline: none.json',
      [],
      /none\.json: cannot be read, though baseline names it \(ENOENT\)\.$/,
    ],
    ['a configuration that is not there', '{}', ['--config', 'none.yaml'], /^sallyport: none\.yaml: is no file\.$/],
    ['a revision that Git does not know', '{}', ['--since', 'v0'], /^sallyport: The source at v0 cannot be read\./],
  ])('%s exits 2 and says where', (_, text, flags, message) => {
    const { exitCode, stdout, stderr } = sallyport(['audit', serverWith({ 'sallyport.config.yaml': text }), ...flags])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr.split('\n')[0]).toMatch(message)
  })

  test('failOn of the configuration holds where no flag says otherwise', () => {
    const copy = serverWith({ 'sallyport.config.yaml': 'failOn: none' })
    expect(sallyport(['audit', copy]).exitCode).toBe(0)
    expect(sallyport(['audit', copy, '--fail-on', 'high']).exitCode).toBe(1)
  })
})

describe('exit codes', () => {
  test.each([
    [1, ['audit', server]],
    [0, ['audit', server, '--fail-on', 'none']],
    [1, ['audit', server, '--fail-on', 'critical']],
    [0, ['rules']],
    [0, ['explain', 'unbound-session']],
    [2, []],
    [2, ['audit', server, '--format', 'xml']],
    [2, ['audit', 'nowhere']],
    [2, ['audit', 'README.md']],
    [2, ['audit', '/dev/null']],
    [2, ['verify', 'nowhere.json']],
    [2, ['explain', 'unbound']],
  ])('%i for sallyport %j', (exitCode, args) => {
    expect(sallyport(args).exitCode).toBe(exitCode)
  })

  test('a folder without server code is refused, not graded', () => {
    const empty = mkdtempSync(join(folder, 'empty-'))
    writeFileSync(join(empty, 'sum.ts'), 'export const sum = (a: number, b: number) => a + b\n')
    const { exitCode, stdout, stderr } = sallyport(['audit', empty, '--format', 'json'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toMatch(/no server code.*\nName the folder that holds the server: sallyport audit <path>\n$/s)
  })

  test('a loop of links is refused, and is no fault of ours', () => {
    const loop = join(folder, 'loop')
    symlinkSync('loop', loop)
    const { exitCode, stderr } = sallyport(['audit', loop])
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: `sallyport: There is nothing at ${loop}.\nCheck the path: sallyport audit <path>\n`,
    })
  })

  test.skipIf(!existsSync('/dev/full'))('a full disk under standard output is refused in one line', () => {
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(process.execPath, [command, 'rules'], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    })
    closeSync(full)
    expect(status).toBe(2)
    expect(stderr).toMatch(/^sallyport: cannot write to standard output: ENOSPC[^\n]*\n$/)
  })

  test('a report that cannot be written is refused by name', () => {
    const { exitCode, stdout, stderr } = sallyport(['audit', server, '--output', 'nowhere/report.txt'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toBe(
      'sallyport: cannot write nowhere/report.txt: its folder does not exist. Create the folder or name another file.\n',
    )
  })
})

describe('explain', () => {
  const rulesFolder = join(repository, 'packages/audit/src/rules')
  const ids = readdirSync(rulesFolder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? entry.name : [],
  )

  test.each(ids)('%s: pipes the page as it stands', (id) => {
    expect(sallyport(['explain', id])).toEqual({
      exitCode: 0,
      stdout: readFileSync(join(rulesFolder, id, 'README.md'), 'utf8'),
      stderr: '',
    })
  })

  test('knows a rule by a misspelled name and says which', () => {
    expect(sallyport(['explain', 'sesion-fixation']).stderr).toBe(
      'sallyport: There is no rule "sesion-fixation". Did you mean session-fixation? All rules: sallyport rules\n',
    )
  })
})

test('rules lists them, worst first', () => {
  expect(sallyport(['rules']).stdout).toMatchInlineSnapshot(`
    "client-supplied-session-id     critical   -25  An ID taken from the request becomes the ID of a new session
    session-fixation               critical   -25  The session from before authentication is still the session after it
    plaintext-transport            critical   -22  Session tokens travel over plain HTTP
    session-as-authentication      critical   -20  A session ID alone is accepted as authentication
    unbound-session                critical   -20  A session is served to a principal who did not open it
    unbound-state-handle           critical   -20  State that a tool names is given to a principal who does not own it
    unsigned-request-state         critical   -20  A requestState is trusted without proof that it is the one given out
    missing-session-expiry         high       -15  Sessions never expire, or only by one of the two timeouts
    predictable-session-id         high       -12  A session ID or token can be predicted
    unbound-request-state          high       -12  A genuine requestState serves another caller, another request, or for ever
    weak-session-secret            high       -12  A secret that protects sessions is written down or weak
    event-replay-across-sessions   high       -10  A stream is resumed with the events of another session
    shared-session-state           high       -10  One session can reach or overwrite the state of another
    unchecked-token-audience       high       -10  A token that was issued for another service is accepted
    vulnerable-session-dependency  high       -10  A dependency is pinned to a version with weak sessions
    header-body-mismatch           high        -8  What may be called is decided by a header, and what the body calls is done
    missing-origin-check           high        -8  Any web page may talk to the server through a browser
    replayable-request-state       high        -8  A requestState that does something once can be redeemed again
    session-token-in-url           high        -8  A session ID or credential travels in a URL
    unauthorized-subscription      high        -8  News of what belongs to somebody go to whoever asks for them
    insecure-session-cookie        medium      -6  A session cookie lacks HttpOnly, Secure or SameSite
    missing-session-invalidation   medium      -6  Logout, reset or close does not destroy the session
    session-token-exposure         medium      -5  A session ID or token is logged, or told to whoever asks
    stream-outlives-token          medium      -5  A stream stays open after the token that opened it has expired
    timing-unsafe-comparison       medium      -4  A secret is compared in a time that depends on it
    "
  `)
})

test('a reader who stops reading is no fault', async () => {
  const child = spawn(process.execPath, [command, 'audit', server, '--format', 'sarif'], { cwd: repository })
  child.stdout.destroy()
  const stderr: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  const [exitCode] = await once(child, 'close')
  expect(Buffer.concat(stderr).toString()).toBe('')
  expect([0, 1]).toContain(exitCode)
})
