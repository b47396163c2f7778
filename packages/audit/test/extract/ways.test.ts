/** Results that say by what is in them which way a function went, and so what was checked there. */
import { describe, expect, it } from 'vitest'
import { factsOf } from './programs.ts'

/** A server that asks `check` before it serves MCP. */
const server = (check: string, ask: string): string => `
  import { createServer } from 'node:http'
  import { jwtVerify } from 'jose'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  const origins = new Set(['https://app.example'])
  ${check}
  createServer(async (req, res) => {
    ${ask}
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await transport.handleRequest(req, res)
  }).listen(3000)`

function endpointOf(check: string, ask: string): object | undefined {
  return factsOf(server(check, ask)).endpoints[0]
}

describe('what a result says of the Origin', () => {
  const check = (good: string, bad: string): string => `function check({ headers: { origin } }) {
    if (!origin) return ${good}
    if (origins.has(origin)) return ${good}
    return ${bad}
  }`
  const refuse = '{ res.statusCode = 403; return res.end() }'

  it.each([
    ['a flag', check('{ ok: true }', "{ ok: false, reason: 'origin' }"), `if (!check(req).ok) ${refuse}`],
    [
      'a flag that is taken out',
      check('{ ok: true }', '{ ok: false }'),
      `const { ok } = check(req); if (!ok) ${refuse}`,
    ],
    ['a word', check("{ status: 'fine' }", "{ status: 'refused' }"), `if (check(req).status !== 'fine') ${refuse}`],
    [
      'a word that is told apart by cases',
      check("{ status: 'fine' }", "{ status: 'refused' }"),
      `switch (check(req).status) { case 'refused': ${refuse} }`,
    ],
    ['a part that is there', check('{}', "{ error: 'origin' }"), `if ('error' in check(req)) ${refuse}`],
    ['a part that says something', check('{}', "{ error: 'origin' }"), `if (check(req).error) ${refuse}`],
    ['nothing', check('{ from: origin }', 'null'), `if (check(req) === null) ${refuse}`],
    [
      'an answer',
      check('{ from: origin }', "new Response('', { status: 403 })"),
      `if (check(req) instanceof Response) ${refuse}`,
    ],
    [
      'what another function passes on',
      `${check('{ ok: true }', '{ ok: false }')}
  function checkAll(req) {
    if (req.url === '/') return { ok: false }
    const result = check(req)
    return result
  }`,
      `const result = checkAll(req); if (!result.ok) ${refuse}`,
    ],
    [
      'one of two literals',
      'const check = ({ headers: { origin } }) => !origin || origins.has(origin) ? { ok: true } : { ok: false }',
      `if (!check(req).ok) ${refuse}`,
    ],
  ])('%s', (_what, given, ask) => {
    expect(endpointOf(given, ask)).toMatchObject({ check: 'always' })
  })

  it.each([
    ['nobody looks at it', check('{ ok: true }', '{ ok: false }'), 'check(req)'],
    ['it says the same on both ways', check('{ ok: true }', '{ ok: true }'), `if (!check(req).ok) ${refuse}`],
    ['the wrong way is refused', check('{ ok: true }', '{ ok: false }'), `if (check(req).ok) ${refuse}`],
    ['another part is looked at', check('{ ok: true, n: 1 }', '{ ok: false, n: 1 }'), `if (!check(req).n) ${refuse}`],
  ])('nothing, where %s', (_why, given, ask) => {
    expect(endpointOf(given, ask)).toMatchObject({ check: 'never' })
  })
})

describe('what a result says of the caller', () => {
  const check = `async function check({ headers: { authorization } }) {
    if (!authorization) return { ok: false, error: 'missing' }
    try {
      const { payload } = await jwtVerify(authorization.slice(7), key)
      return { ok: true, user: payload.sub }
    } catch {
      return { ok: false, error: 'invalid' }
    }
  }`

  it('a credential was verified where it says so', () => {
    const ask = (test: string): string => `const result = await check(req); if (${test}) return res.end()`
    expect(endpointOf(check, ask('!result.ok'))).toMatchObject({ authenticated: 'always' })
    expect(endpointOf(check, ask('result.error'))).toMatchObject({ authenticated: 'always' })
    expect(endpointOf(check, ask("result.error === 'missing'"))).not.toMatchObject({ authenticated: 'always' })
  })
})

describe('more results than are told apart', () => {
  const refusals = Array.from(
    { length: 12 },
    (_, code) => `if (request.headers.get('x-${code}')) return { user: null, error: { code: ${code} } }`,
  )
  const program = `
    async function verify(request) {
      ${refusals.join('\n')}
      return { user: { name: 'alice' }, error: null }
    }
    export default {
      async fetch(request) {
        const { user, error } = await verify(request)
        if (error) return Response.json({ error })
        const { id, method } = await request.json()
        if (method === 'tools/list') return Response.json({ jsonrpc: '2.0', id, result: { tools: [] } })
        return Response.json({ jsonrpc: '2.0', id, result: { content: [] } })
      },
    }`

  it('may be any of them: what comes after is read', () => {
    expect(factsOf(program).endpoints).not.toEqual([])
  })
})
