/** HTTP+SSE served beside Streamable HTTP: both are probed, from the one address. */
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { probe } from '../../src/probe.ts'
import { rules } from '../../src/rules/index.ts'
import { configWith } from './principals.ts'
import { startStreams, type StreamOptions } from './streams.ts'
import { type Running, startTarget, TOOLS } from './target.ts'

let running: readonly Running[] = []
let front: Server | undefined

afterEach(async () => {
  front?.closeAllConnections()
  front?.close()
  await Promise.all(running.map((one) => one.close()))
})

/** One origin before two servers: `/mcp` is the one, everything else the other. */
async function startBoth(options: StreamOptions): Promise<string> {
  const [http, sse] = await Promise.all([startTarget(), startStreams({ tools: TOOLS, ...options })])
  running = [http, sse]
  front = createServer((req, res) => {
    if (req.url === '/') return void res.writeHead(404).end()
    const { port } = new URL(req.url === '/mcp' ? http.url : sse.url)
    const onward = request({ port, host: '127.0.0.1', path: req.url, method: req.method, headers: req.headers })
    onward.on('response', (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      res.flushHeaders()
      answer.pipe(res)
    })
    onward.on('error', () => res.destroy())
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  })
  await new Promise<void>((resolve) => front?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(front.address() as AddressInfo).port}`
}

async function probed(rule: string, options: StreamOptions, path: string, more = {}): Promise<Report> {
  const origin = await startBoth(options)
  const wanted = rules.filter((entry) => entry.rule.id === rule)
  return probe(`${origin}${path}`, { config: configWith(more) }, wanted)
}

describe('two transports of one server', () => {
  it.each(['/mcp', '/sse', ''])('are both found from %j', async (path) => {
    const { findings, assessments } = await probed('unbound-session', { unbound: true }, path)
    expect(assessments[0]?.outcome).toBe('fail')
    const saysWhere = findings.some(({ what }) => what.startsWith('At /sse: '))
    expect(saysWhere).toBe(path !== '/sse')
  })

  it('pass where both withstand, and say where', async () => {
    const { assessments } = await probed('unbound-session', {}, '/mcp')
    expect(assessments[0]?.outcome).toBe('pass')
    expect(assessments[0]?.tried).toEqual(expect.arrayContaining(['POST by bob', 'At /sse: POST by bob']))
  })

  it('fail where the one asks nobody for the credential that the other asks everybody for', async () => {
    const { findings } = await probed('session-as-authentication', { anonymous: true }, '/mcp')
    expect(findings.map(({ what }) => what)).toEqual([expect.stringContaining('At /sse: Nobody is asked')])
  })

  it('are two servers where their tools differ', async () => {
    const { assessments } = await probed('session-as-authentication', { anonymous: true, tools: [] }, '/mcp')
    expect(assessments[0]?.outcome).toBe('pass')
  })

  it('are one where the user says so', async () => {
    const { findings } = await probed('unbound-session', { unbound: true }, '/mcp', { transport: 'http' })
    expect(findings).toEqual([])
  })
})
