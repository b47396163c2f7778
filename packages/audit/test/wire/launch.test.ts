/** Servers that are started by their command, wherever they say that they are. */
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { addressesIn, launch, LaunchError } from '../../src/wire/launch.ts'

const SERVER = "require('http').createServer((_, res) => res.end('here'))"

describe('an address is read from', () => {
  it.each([
    ['MCP server running at http://localhost:3000/mcp', 'http://localhost:3000/mcp'],
    ['Listening on http://0.0.0.0:8080.', 'http://127.0.0.1:8080/'],
    ['see https://example.com/docs and http://127.0.0.1:4000/sse', 'http://127.0.0.1:4000/sse'],
    ['http://localhost:3000 then http://localhost:3000/mcp', 'http://localhost:3000/mcp'],
    ['listening on 5123', 'http://127.0.0.1:5123/'],
    ['server started, port: 6001', 'http://127.0.0.1:6001/'],
  ])('%s', (output, expected) => {
    expect(addressesIn(output)[0]?.href).toBe(expected)
  })

  it('nothing that names none', () => {
    expect(addressesIn('ready in 120 ms, see https://example.com:8443/mcp')).toEqual([])
  })

  it.each(['http://localhost.example.com/mcp', 'http://127.0.0.1.example.com:3000/mcp', 'http://localhost-2/'])(
    'not %s, which is another host',
    (output) => {
      expect(addressesIn(output)).toEqual([])
    },
  )

  it('one with a dot behind it', () => {
    expect(addressesIn('It is at http://localhost:3000. Have fun.')[0]?.href).toBe('http://localhost:3000/')
  })
})

describe('a command', () => {
  it('that prints its address is found there, and stopped with what it started', async () => {
    const say = "console.log('at http://127.0.0.1:' + s.address().port + '/mcp')"
    const child = `const s = ${SERVER}.listen(0, '127.0.0.1', () => ${say})`
    const server = await launch(['sh', '-c', `${JSON.stringify(process.execPath)} -e "$0" & wait`, child])
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/)
    expect(await (await fetch(server.url)).text()).toBe('here')
    await server.stop()
    await expect(fetch(server.url)).rejects.toThrow(TypeError)
  })

  it.runIf(process.platform === 'linux')('that prints nothing is found by the port that it listens on', async () => {
    const server = await launch([process.execPath, '-e', `${SERVER}.listen(0, '127.0.0.1')`])
    expect(await (await fetch(server.url)).text()).toBe('here')
    await server.stop()
  })

  it('that ends at once is refused with what it printed', async () => {
    const failing = launch([process.execPath, '-e', "console.error('no TOKENS set'); process.exit(3)"])
    await expect(failing).rejects.toThrow(LaunchError)
    await expect(failing).rejects.toThrow(/ended \(3\) before it listened.*no TOKENS set/s)
  })

  it('that does not exist is refused', async () => {
    await expect(launch(['no-such-program-anywhere'])).rejects.toThrow(/could not be started \(ENOENT\)/)
  })

  it('that never listens is refused in time', async () => {
    const waiting = launch([process.execPath, '-e', 'setInterval(() => {}, 1000)'], { timeoutMs: 500 })
    await expect(waiting).rejects.toThrow(/did not listen within 0.5 seconds/)
  })

  it('ends with whoever started it, though nobody says so', async () => {
    const stubborn = `process.on('SIGTERM', () => {}); const s = ${SERVER}.listen(0, '127.0.0.1')`
    const launcher = [
      `import { launch } from ${JSON.stringify(new URL('../../src/wire/launch.ts', import.meta.url).href)}`,
      `const { url } = await launch([process.execPath, '-e', ${JSON.stringify(`${stubborn}; s.on('listening', () => console.log('http://127.0.0.1:' + s.address().port))`)}])`,
      'console.log(url)',
      'process.exit()',
    ].join('\n')
    const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', launcher], {
      encoding: 'utf8',
    })
    expect(stdout).toMatch(/^http:/)
    await expect
      .poll(() =>
        fetch(stdout.trim()).then(
          () => 'answers',
          () => 'gone',
        ),
      )
      .toBe('gone')
  })
})
