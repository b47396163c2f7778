/** The whole pipeline against a server of our own. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { probe } from '../../src/probe.ts'
import { ProbeError } from '../../src/probe-error.ts'
import { renderJson } from '../../src/report/json.ts'
import { rules } from '../../src/rules/index.ts'
import { verifyReport } from '../../src/score/verify.ts'
import { canary, configWith } from './principals.ts'
import { type Running, startTarget, tokens, type Weaknesses } from './target.ts'

let target: Running | undefined

let ownServer: Server | undefined

afterEach(async () => {
  await target?.close()
  target = undefined
  ownServer?.closeAllConnections()
  ownServer?.close()
  ownServer = undefined
})

async function probed(weak: Weaknesses, more: Readonly<Record<string, unknown>> = { canary }): Promise<Report> {
  target = await startTarget(weak)
  return probe(target.url, { config: configWith(more) })
}

function outcomeOf({ assessments }: Report, id: string) {
  return assessments.find(({ rule }) => rule === id)?.outcome
}

/** A page behind a login; of those that keep the session from before it, it greets whoever has that. */
function loginPage(manners: { readonly keeps: boolean; readonly page?: (loggedIn: number) => string }) {
  const raised = new Set<string>()
  let minted = 0
  return served((request, response) => {
    const sid = /sid=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
    const isLogin = request.url === '/login'
    const mints = request.url?.startsWith('/start') === true || (isLogin && !manners.keeps)
    if (mints) response.setHeader('set-cookie', `sid=session-number-${++minted}; HttpOnly`)
    if (isLogin && sid !== undefined) raised.add(mints ? `session-number-${minted}` : sid)
    const own = sid !== undefined && raised.has(sid) ? 'hello Alice' : 'please log in'
    response.end(manners.page?.(raised.size) ?? own)
  })
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => unknown

async function served(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    void text(request).then((body) => answer(request, response, body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ownServer = server
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/page`
}

describe('a probe', () => {
  it('says what it is about', async () => {
    const { subject } = await probed({})
    expect(subject).toMatchObject({ kind: 'target', url: target?.url, eras: ['legacy'] })
  })

  it('closes every session that it opened', async () => {
    await probed({ unbound: ['POST'] })
    expect(target?.sessions.size).toBe(0)
  })

  it('shows no credential and no session ID', async () => {
    const report = await probed({ unbound: ['POST', 'GET', 'DELETE'] })
    const json = renderJson(report)
    expect(report.findings.length).toBeGreaterThan(0)
    for (const secret of Object.values(tokens)) expect(json).not.toContain(secret)
    expect(json).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/)
  })

  it('shows nothing of what somebody logs in with, or of a secret in the address', async () => {
    const url = await loginPage({ keeps: true })
    const login = {
      init: { method: 'POST', path: '/start?apiKey=start-secret', body: 'client=web&secret=in%69t-secret' },
      auth: {
        method: 'POST',
        path: '/login',
        body: { user: { name: 'alice', password: 'pa"ss', answers: ['first-pet-rex'] } },
      },
    }
    const report = await probe(`${url}?api_key=address-secret`, { config: configWith({ login, principals: {} }) })
    const json = renderJson(report)
    expect(outcomeOf(report, 'session-fixation')).toBe('fail')
    expect(json).toContain('/start?apiKey={{address:')
    expect(json).not.toMatch(/start-secret|in%69t-secret|init-secret|pa\\+"ss|first-pet-rex|address-secret/)
  })

  it('takes nothing for a stolen login that everybody sees', async () => {
    const url = await loginPage({ keeps: false, page: (loggedIn) => `${loggedIn} people are logged in` })
    const login = { init: { path: '/start' }, auth: { method: 'POST', path: '/login' } }
    const report = await probe(url, { config: configWith({ login, principals: {} }) })
    expect(outcomeOf(report, 'session-fixation')).toBe('open')
  })

  it('takes a cookie of what stands before the server for no session', async () => {
    const report = await probed({ cookie: '__cf_bm=0123456789abcdef-1700000000; HttpOnly; Secure; SameSite=None' })
    expect(outcomeOf(report, 'insecure-session-cookie')).toBe('notApplicable')
  })

  it('passes on no session ID of others that a page shows', async () => {
    const mine: string[] = []
    const others = '5e55104d-0000-4000-8000-00000000beef'
    const url = await served((request, response, body) => {
      if (request.url === '/status') return response.end(JSON.stringify({ sessions: [others, ...mine] }))
      if (request.method !== 'POST' || body === '{') return response.writeHead(405).end()
      const { id, method } = JSON.parse(body) as { id?: number; method?: string }
      if (method === 'initialize') response.setHeader('mcp-session-id', (mine[mine.length] = randomUUID()))
      const result = method === 'initialize' ? { protocolVersion: '2025-11-25', capabilities: {} } : { tools: [] }
      response.writeHead(id === undefined ? 202 : 200, { 'content-type': 'application/json' })
      return response.end(id === undefined ? '' : JSON.stringify({ jsonrpc: '2.0', id, result }))
    })
    const report = await probe(url, { config: configWith() })
    expect(outcomeOf(report, 'session-token-exposure')).toBe('fail')
    expect(renderJson(report)).not.toContain(others)
  })

  it('gives a grade that can be recomputed', async () => {
    const report = await probed({ unbound: ['POST'] })
    const document = JSON.parse(renderJson(report)) as unknown
    expect(
      verifyReport(
        document,
        rules.map(({ rule }) => rule),
      ),
    ).toMatchObject({ kind: 'agrees' })
  })

  it('names findings alike in every run', async () => {
    const first = await probed({ unbound: ['GET'] })
    await target?.close()
    const second = await probed({ unbound: ['GET'] })
    expect(second.findings.map(({ fingerprint }) => fingerprint)).toEqual(
      first.findings.map(({ fingerprint }) => fingerprint),
    )
  })

  it('leaves everything open when its budget is spent', async () => {
    const report = await probed({}, { budget: { requests: 3 } })
    expect(outcomeOf(report, 'unbound-session')).toBe('open')
    expect(report.assessments.filter(({ outcome }) => outcome === 'pass')).toEqual([])
  })

  it('leaves everything open when it is interrupted, and closes what it opened', async () => {
    target = await startTarget({})
    const interrupt = new AbortController()
    const report = await probe(target.url, {
      config: configWith(),
      signal: interrupt.signal,
      onProgress: ({ phase }) => phase !== 'surveying' && interrupt.abort(),
    })
    expect(report.assessments.filter(({ outcome }) => outcome === 'pass')).toEqual([])
    expect(target.sessions.size).toBe(0)
  })

  it('goes nowhere without consent', async () => {
    await expect(probe('https://mcp.example.com/mcp')).rejects.toThrow(ProbeError)
  })

  it('says that nothing answers', async () => {
    await expect(probe('http://127.0.0.1:9/mcp')).rejects.toThrow(/Nothing answers at http:\/\/127\.0\.0\.1:9/)
  })
})

describe('unbound-session', () => {
  it.each(['POST', 'GET', 'DELETE'])('fails where %s is not bound', async (verb) => {
    const report = await probed({ unbound: [verb] })
    expect(outcomeOf(report, 'unbound-session')).toBe('fail')
    expect(report.findings.map(({ what }) => what)).toContainEqual(expect.stringContaining(`(${verb})`))
  })

  it('passes where every verb is', async () => {
    expect(outcomeOf(await probed({}), 'unbound-session')).toBe('pass')
  })

  it.each([
    ['an anonymous server', { anonymous: true }],
    ['a server without sessions', { stateless: true }],
  ])('does not apply to %s', async (_name, weak) => {
    expect(outcomeOf(await probed(weak), 'unbound-session')).toBe('notApplicable')
  })

  it('is open without a second principal', async () => {
    target = await startTarget({})
    const { principals, ...rest } = configWith()
    const { alice } = principals
    const report = await probe(target.url, { config: { ...rest, principals: { ...(alice && { alice }) } } })
    expect(outcomeOf(report, 'unbound-session')).toBe('open')
  })
})
