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
    await expect.poll(() => existsSync(seen), { timeout: 150_000 }).toBe(true)
    for (const signal of signals) {
      prober.kill(signal)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    await exited
    const knock = () => fetch(readFileSync(seen, 'utf8'), { signal: AbortSignal.timeout(200) })
    await expect.poll(() => knock().catch((error: Error) => error.name)).toBe('TypeError')
  })
})

test.skipIf(process.platform === 'win32')(
  'an interrupted proof fixes nothing',
  async () => {
    const [program, seen, source] = [join(folder, 'server.cjs'), join(folder, 'seen'), join(folder, 'app.ts')]
    writeFileSync(program, STUBBORN)
    writeFileSync(source, COMPARING)
    const entry = fileURLToPath(new URL('../src/sallyport.ts', import.meta.url))
    const asked = ['audit', folder, '--fix', '--allow-dirty', '--probe', '--', process.execPath, program, seen]
    const prober = spawn(process.execPath, ['--import', 'tsx', entry, ...asked], { stdio: 'ignore' })
    const exited = once(prober, 'exit')
    await expect.poll(() => existsSync(seen), { timeout: 150_000 }).toBe(true)
    prober.kill('SIGINT')
    expect(await exited).toEqual([2, null])
    expect(readFileSync(source, 'utf8')).toBe(COMPARING)
  },
  TIMEOUT_MS,
)

const COMPARING = `import express from 'express'
const app = express()
app.post('/login', (req, res) => {
  if (req.get('x-key') !== process.env.API_KEY) return res.status(401).end()
  res.cookie('session', process.env.A_SESSION).end()
})
app.listen(3000, '127.0.0.1')
`

/** Answers nobody, ends for nobody, and says in a file where it is once it was asked. */
const STUBBORN = `process.on('SIGTERM', () => {})
const server = require('node:http').createServer(() => require('node:fs').writeFileSync(process.argv[2], url()))
const url = () => 'http://127.0.0.1:' + server.address().port + '/mcp'
server.listen(0, '127.0.0.1', () => console.log(url()))
`

describe('a fix that is proven', () => {
  test('the attack that worked before no longer does', { timeout: TIMEOUT_MS }, async () => {
    const path = join(folder, 'server.mjs')
    writeFileSync(path, PREDICTABLE)
    const { stdout, stderr } = await run(
      'audit',
      folder,
      '--fix',
      '--format=json',
      '--probe',
      '--',
      process.execPath,
      path,
    )
    expect(readFileSync(path, 'utf8')).toContain("randomBytes(32).toString('base64url')")
    expect(stderr).toContain('1 attack worked on the server before')
    expect(stderr).toContain('predictable-session-id: no longer works')
    expect(JSON.parse(stdout)).toMatchObject({ probed: { eras: ['legacy'] } })
  })

  test('needs a server that can be started anew', async () => {
    const { exitCode, stderr } = await run('audit', folder, '--fix', '--probe', 'http://127.0.0.1:9/mcp')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('--probe -- <command>')
  })

  test('and is no dry run', async () => {
    const { exitCode, stderr } = await run('audit', folder, '--dry-run', '--probe', 'http://127.0.0.1:9/mcp')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('--dry-run leaves it as it is')
  })
})

/** Speaks MCP by hand, and counts on `Math.random` for its session IDs. */
const PREDICTABLE = `import { createServer } from 'node:http'

const sessions = new Map()
const server = createServer(async (request, response) => {
  if (request.headers.origin !== undefined) return response.writeHead(403).end()
  const parts = await request.toArray()
  const message = parts.length === 0 ? {} : JSON.parse(Buffer.concat(parts).toString())
  const answer = (result, headers = {}) =>
    response
      .writeHead(200, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }))
  if (message.method === 'initialize') {
    const sessionId = Math.random().toString(36).slice(2)
    sessions.set(sessionId, { opened: true })
    const serverInfo = { name: 'weak', version: '1.0.0' }
    return answer({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo }, { 'mcp-session-id': sessionId })
  }
  const presented = request.headers['mcp-session-id']
  if (sessions.get(presented) === undefined) return response.writeHead(404).end()
  if (request.method === 'DELETE') {
    sessions.delete(presented)
    return response.writeHead(204).end()
  }
  if (message.id === undefined) return response.writeHead(202).end()
  return answer({ tools: [] })
})
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(\`listening on http://127.0.0.1:\${server.address().port}/mcp\`)
})
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
