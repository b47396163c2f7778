/**
 * Packs `sallyport`, installs the package into an empty folder and uses it there as a stranger would; then asks publint and attw.
 *
 *   npm run pack-test
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'sallyport-pack-'))
const home = join(folder, 'home')

try {
  const archive = pack()
  install(archive)
  useCommand()
  useLibrary()
  useSession()
  tool('publint', '--strict', archive)
  tool('attw', archive, '--no-emoji')
  console.log('The package installs into an empty folder and works there.')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Checks and compiles a file of the stranger's, without `skipLibCheck`. */
function compile(file: string): void {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const flags = [
    '--strict',
    '--target',
    'es2023',
    '--module',
    'nodenext',
    '--types',
    'node',
    '--typeRoots',
    join(root, 'node_modules/@types'),
    file,
  ]
  execFileSync(process.execPath, [tsc, ...flags], { cwd: home, stdio: 'inherit' })
}

/** The session layer as a stranger gets it, called from JavaScript and checked from TypeScript. */
function useSession(): void {
  const built = join(root, 'packages/session/dist')
  const flags = ['--no-audit', '--no-fund', '--install-links']
  execFileSync('npm', ['install', ...flags, built, ...peersOfSession()], { cwd: home, stdio: 'inherit' })
  writeFileSync(
    join(home, 'session.mts'),
    `import { createSessions, type Session } from '@sallyport/session'
import { certification } from '@sallyport/session/certify'
import { protect, visitOf } from '@sallyport/session/express'
import { createDpop } from '@sallyport/session/dpop'
import { protect as protectFastify } from '@sallyport/session/fastify'
import { protect as protectFetch } from '@sallyport/session/fetch'
import { protect as protectHono } from '@sallyport/session/hono'
import { createReopeningClient } from '@sallyport/session/mcp-client'
import { createMcpRouter as createMcpRouterV1 } from '@sallyport/session/mcp-v1'
import { createMcpRouter as createMcpRouterV2, createRequestStateSeal } from '@sallyport/session/mcp-v2'
import { protect as protectNode } from '@sallyport/session/node-http'
import { redisStore } from '@sallyport/session/redis'
import { sqliteStore } from '@sallyport/session/sqlite'
const sessions = createSessions()
const principal = { issuer: 'i', subject: 's', client: 'c' }
const { session, handle } = await sessions.open({ principal }, { data: { n: 1 } })
const held: Session<{ n: number }> = session
const { n } = await sessions.update(held, (data) => ({ n: data.n + 1 }))
const { live } = await sessions.resume(handle, { principal })
const made = [redisStore, sqliteStore, protect, visitOf, protectFetch, protectNode, protectHono, protectFastify]
const more = [createDpop, createReopeningClient, createMcpRouterV1, createMcpRouterV2, createRequestStateSeal]
console.log(n, live, certification.length > 50, [...made, ...more].every((one) => typeof one === 'function'))
await sessions.close()
`,
  )
  everyEntryIsNamed(readFileSync(join(home, 'session.mts'), 'utf8'))
  compile('session.mts')
  const said = execFileSync(process.execPath, ['session.mjs'], { cwd: home, encoding: 'utf8' })
  expectOutput(said, /^2 true true true$/m)
}

/** What the entries of the session layer stand on, each at the version that is tested. */
function peersOfSession(): readonly string[] {
  const { peerDependencies, devDependencies } = manifestOfSession()
  // libsql and better-sqlite3 are asked for where a database is opened, not where the module is loaded.
  const loaded = Object.keys(peerDependencies).filter((name) => !/sql/.test(name))
  return loaded.map((name) => `${name}@${devDependencies[name]}`)
}

function everyEntryIsNamed(text: string): void {
  for (const entry of Object.keys(manifestOfSession().exports)) {
    const name = `@sallyport/session${entry.slice(1)}`
    if (!text.includes(`'${name}'`)) throw new Error(`${name} is published, and nobody tried it`)
  }
}

function manifestOfSession(): Readonly<
  Record<'peerDependencies' | 'devDependencies' | 'exports', Readonly<Record<string, string>>>
> {
  return JSON.parse(readFileSync(join(root, 'packages/session/package.json'), 'utf8'))
}

function pack(): string {
  const stdout = execFileSync('npm', ['pack', '--json', '-w', 'sallyport', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
  })
  const name = /"filename": "([^"]+)"/.exec(stdout)?.[1]
  if (name === undefined) throw new Error(`npm pack names no file:\n${stdout}`)
  return join(folder, name)
}

function install(archive: string): void {
  mkdirSync(home)
  execFileSync('npm', ['install', '--no-audit', '--no-fund', archive], { cwd: home, stdio: 'inherit' })
}

function useCommand(): void {
  cpSync(join(root, 'examples/notes-server'), join(home, 'notes-server'), { recursive: true })
  expectOutput(sallyport(['--version'], 0), /^\d+\.\d+\.\d+\n$/)
  expectOutput(sallyport(['rules'], 0), /^session-fixation /m)
  expectOutput(sallyport(['explain', 'session-fixation'], 0), /^## What it finds$/m)
  expectOutput(sallyport(['audit', 'notes-server'], 1), /HIGH +missing-session-expiry/)
  expectOutput(
    sallyport(['audit', 'notes-server', '--format', 'sarif', '--fail-on', 'none'], 0),
    /"version": ?"2\.1\.0"/,
  )
  expectOutput(sallyport(['audit', 'notes-server', '--format', 'html', '--fail-on', 'none'], 0), /^<!doctype html>/)
  expectOutput(sallyport(['badge', 'notes-server'], 0), /^<svg/)
  expectOutput(sallyport(['audit', 'nowhere'], 2), /^$/)
}

/** The library, called from JavaScript and checked from TypeScript without `skipLibCheck`. */
function useLibrary(): void {
  writeFileSync(
    join(home, 'use.mts'),
    `import { audit, findConfig, renderHtml, rules, verifyReport, renderJson, type Report } from 'sallyport'
const published = rules.map(({ rule }) => rule)
const config = findConfig('notes-server', { rules: published.map(({ id }) => id) })
const report: Report = await audit('notes-server', { includeTests: true, config })
if (!renderHtml(report, rules, { sources: new Map() }).startsWith('<!doctype html>')) throw new Error('no page')
if (verifyReport(JSON.parse(renderJson(report)), published).kind !== 'agrees') throw new Error('another grade')
const grade: 'A' | 'B' | 'C' | 'D' | 'F' | null = report.grade
console.log(grade, rules.length)
`,
  )
  compile('use.mts')
  expectOutput(execFileSync(process.execPath, ['use.mjs'], { cwd: home, encoding: 'utf8' }), /^[A-F] \d+\n$/)
}

/** Standard output of the installed command, which must exit with `code`. */
function sallyport(args: readonly string[], code: number): string {
  const { status, stdout, stderr } = spawnSync(join(home, 'node_modules/.bin/sallyport'), args, {
    cwd: home,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== code)
    throw new Error(`sallyport ${args.join(' ')} exits with ${status}, not ${code}:\n${stdout}${stderr}`)
  return stdout
}

function expectOutput(output: string, pattern: RegExp): void {
  if (!pattern.test(output)) throw new Error(`Expected ${pattern} in:\n${output}`)
}

function tool(name: string, ...args: readonly string[]): void {
  execFileSync('npx', ['--no-install', name, ...args], { cwd: root, stdio: 'inherit' })
}
