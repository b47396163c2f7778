/** `sallyport probe` in process, against servers on loopback. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formats } from '../src/commands.ts'
import { main } from '../src/main.ts'
import { fakeConsole } from './fake-console.ts'

const TIMEOUT_MS = 60_000
const servers: Server[] = []
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-probe-'))
})
afterEach(async () => {
  rmSync(folder, { recursive: true })
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

describe('where no credential is accepted', { timeout: TIMEOUT_MS }, () => {
  test('there is no grade, and the user is told why and how to go on', async () => {
    const url = await serve((_request, response) => response.writeHead(401).end())
    const { exitCode, stdout, stderr } = await run('probe', url)
    expect(exitCode).toBe(2)
    expect(stdout).toContain(`probe of ${url}`)
    expect(stdout).toContain('─ No grade ─')
    expect(stdout).toMatch(/0 of \d+ rules decided, \d+ open.*: too little for a grade/)
    expect(stdout).not.toContain('100')
    expect(stderr).toContain("The server answered alice's first request with 401.")
    expect(stderr).toMatch(/credentials that the server accepts .* --config.*sallyport probe --init/)
  })

  test.each(formats.filter((format) => format !== 'text' && format !== 'gitlab' && format !== 'gitlab-sast'))(
    'there is none in %s either',
    async (format) => {
      const url = await serve((_request, response) => response.writeHead(401).end())
      const { exitCode, stdout } = await run('probe', url, '--format', format)
      expect(exitCode).toBe(2)
      expect(stdout).not.toMatch(/grade["\s:]*A\b|100 of 100|A · 100/i)
      expect(stdout).toMatch(/no grade|"grade":\s*null/i)
    },
  )

  test('an audit beside it keeps the grade of the source, and says that the probe showed nothing', async () => {
    const url = await serve((_request, response) => response.writeHead(401).end())
    writeFileSync(join(folder, 'server.ts'), CLEAN)
    const { exitCode, stdout, stderr } = await run('audit', folder, '--probe', url, '--format', 'json')
    expect(JSON.parse(stdout)).toMatchObject({ grade: expect.any(String), probed: { url } })
    expect(stderr).toContain('decided too little for a grade')
    expect(exitCode).toBe(2)
  })
})

test('a file without a certificate is refused by name', async () => {
  const path = join(folder, 'ca.pem')
  writeFileSync(path, 'no certificate')
  const { exitCode, stderr } = await run('probe', 'https://127.0.0.1:9/mcp', '--ca', path)
  expect(exitCode).toBe(2)
  expect(stderr).toContain('ca.pem: holds no certificate in PEM')
})

describe.skipIf(process.platform === 'win32')('a server that the command started ends', { timeout: TIMEOUT_MS }, () => {
  test.each([
    ['with a terminal that is closed', ['SIGHUP']],
    ['with a user who does not wait', ['SIGINT', 'SIGINT']],
  ] as const)('%s', async (_name, signals) => {
    const [program, seen] = [join(folder, 'server.cjs'), join(folder, 'seen')]
    writeFileSync(program, STUBBORN)
    const entry = fileURLToPath(new URL('../src/sallyport.ts', import.meta.url))
    const command = ['--import', 'tsx', entry, 'probe', '--', process.execPath, program, seen]
    const prober = spawn(process.execPath, command, { stdio: 'ignore' })
    const exited = once(prober, 'exit')
    await expect.poll(() => existsSync(seen), { timeout: 30_000 }).toBe(true)
    for (const signal of signals) {
      prober.kill(signal)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    await exited
    const knock = () => fetch(readFileSync(seen, 'utf8'), { signal: AbortSignal.timeout(200) })
    await expect.poll(() => knock().catch((error: Error) => error.name)).toBe('TypeError')
  })
})

/** Answers nobody, ends for nobody, and says in a file where it is once it was asked. */
const STUBBORN = `process.on('SIGTERM', () => {})
const server = require('node:http').createServer(() => require('node:fs').writeFileSync(process.argv[2], url()))
const url = () => 'http://127.0.0.1:' + server.address().port + '/mcp'
server.listen(0, '127.0.0.1', () => console.log(url()))
`

const CLEAN = `import { createServer } from 'node:http'
createServer((request, response) => {
  if (request.headers.origin !== undefined) return response.writeHead(403).end()
  response.end('ok')
}).listen(3000, '127.0.0.1')
`

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

async function run(...argv: readonly string[]) {
  const console = fakeConsole({ env: { LANG: 'C.UTF-8' } })
  const exitCode = await main(argv, console)
  return { exitCode, stdout: console.stdout.written.join(''), stderr: console.stderr.written.join('') }
}
