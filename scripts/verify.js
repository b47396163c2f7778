/**
 * `npm run verify`: installs what the lockfile names and passes every check and test, on this Node and on Node 24.
 * Plain JavaScript, because it runs before anything is installed. All checks run even where one fails.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'sallyport-verify-'))
const windows = process.platform === 'win32'

/** @typedef {{ name: string, passed: number, failed: number }} Outcome */

/** @type {Outcome[]} */
const outcomes = []

try {
  process.exitCode = verify() ? 0 : 1
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

/** Runs every step; whether all passed. */
function verify() {
  if (!step('install', () => npm('ci', '--no-audit', '--no-fund'))) return summarise()
  provideRedis()
  step('types', () => npm('run', '--silent', 'types'))
  step('lint', () => npm('run', '--silent', 'lint'))
  step('format', () => npm('run', '--silent', 'format:check'))
  step('indexes in sync', () => npm('run', '--silent', 'indexes', '--', '--check'))
  step('build', () => npm('run', '--silent', 'build'))
  tests(`tests on Node ${process.versions.node}`, process.execPath)
  step('package installs and runs elsewhere', () => npm('run', '--silent', 'pack-test'))
  const node24 = findNode24()
  if (node24) tests('tests on Node 24', node24)
  else record({ name: 'tests on Node 24: npm could not provide node@24', passed: 0, failed: 1 })
  return summarise()
}

/**
 * The session store for Redis is tested against a real one. Where there is none and we may, it is installed; elsewhere
 * the tests say that they were skipped, and so does the summary.
 */
function provideRedis() {
  const has = () => spawnSync('redis-server', ['--version'], { shell: windows }).status === 0
  const mayInstall = process.platform === 'linux' && process.getuid?.() === 0
  if (!has() && mayInstall) {
    const quiet = { stdio: /** @type {const} */ ('ignore'), env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
    const install = () => spawnSync('apt-get', ['install', '-y', 'redis-server'], quiet).status === 0
    if (!install() && spawnSync('apt-get', ['update'], quiet).status === 0) install()
  }
  if (!has()) record({ name: 'NO redis-server: the Redis store was NOT tested', passed: 0, failed: 0 })
}

/** A step passes or fails as a whole. */
function step(/** @type {string} */ name, /** @type {() => boolean} */ passes) {
  console.log(`\n== ${name}`)
  const passed = passes()
  record({ name, passed: passed ? 1 : 0, failed: passed ? 0 : 1 })
  return passed
}

/** Runs the test suite on one Node and counts its tests. */
function tests(/** @type {string} */ name, /** @type {string} */ node) {
  console.log(`\n== ${name}`)
  const results = join(scratch, `${outcomes.length}.json`)
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const passed = run(node, [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`])
  record({ name, ...count(results, passed) })
}

/** A run that fails without a failed test (a file that does not load, an unhandled error) counts as one failure. */
function count(/** @type {string} */ results, /** @type {boolean} */ exitedClean) {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(results, 'utf8'))
    return { passed: numPassedTests, failed: exitedClean ? numFailedTests : Math.max(1, numFailedTests) }
  } catch {
    return { passed: 0, failed: 1 }
  }
}

/** Path of a Node 24 from npm; asks twice, because networks fail. */
function findNode24() {
  for (const _ of [1, 2]) {
    const { stdout } = spawnSync(
      'npx',
      ['-y', '-p', 'node@24', 'node', '-p', 'process.execPath + " " + process.version'],
      {
        cwd: scratch,
        encoding: 'utf8',
        shell: windows,
      },
    )
    const found = /^(.+) v24\.\S+$/m.exec(stdout ?? '')
    if (found) return found[1]
  }
  return undefined
}

function npm(/** @type {string[]} */ ...args) {
  return run('npm', args)
}

function run(/** @type {string} */ command, /** @type {string[]} */ args) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], shell: windows }).status === 0
}

function record(/** @type {Outcome} */ outcome) {
  outcomes.push(outcome)
}

function summarise() {
  const failures = outcomes.filter(({ failed }) => failed > 0)
  console.log('')
  for (const { name, passed, failed } of outcomes)
    console.log(`${failed === 0 ? 'ok    ' : 'FAILED'}  ${name}: ${passed} passed, ${failed} failed`)
  const total = (/** @type {'passed' | 'failed'} */ key) => outcomes.reduce((sum, outcome) => sum + outcome[key], 0)
  console.log(`\n${total('passed')} passed, ${total('failed')} failed`)
  return failures.length === 0
}
