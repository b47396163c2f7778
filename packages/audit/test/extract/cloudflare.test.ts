/** Workers: sessions that `agents` keeps in durable objects, the OAuth provider in front of them, settings in `env`. */
import { describe, expect, it } from 'vitest'
import { authenticationOf, factsOf, findingsOf, outcomeOf, type Program } from './programs.ts'

function worker(version: string, handler: string, agent = ''): Program {
  return {
    'package.json': JSON.stringify({ name: 'notes', dependencies: { agents: version } }),
    'index.ts': `
      import { OAuthProvider } from '@cloudflare/workers-oauth-provider'
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      import { McpAgent, createMcpHandler } from 'agents/mcp'
      import { Hono } from 'hono'
      export class Notes extends McpAgent {
        server = new McpServer({ name: 'notes', version: '1' })
        kept = []
        async init() {
          this.server.tool('add', {}, async ({ text }) => { this.kept.push(text); return { content: [] } })
          ${agent}
        }
      }
      ${handler}`,
  }
}

const bySse = "export default { fetch(request, env, ctx) { return Notes.serveSSE('/sse').fetch(request, env, ctx) } }"
const byHttp = "export default { fetch(request, env, ctx) { return Notes.serve('/mcp').fetch(request, env, ctx) } }"
const guarded = (handler: string): string =>
  `export default new OAuthProvider({ apiRoute: '/mcp', apiHandler: ${handler}, defaultHandler: new Hono() })`

describe('McpAgent', () => {
  it.each([
    ['a handler for Streamable HTTP', byHttp],
    ['a handler for HTTP+SSE', bySse],
    ['the handler itself', "export default Notes.mount('/sse')"],
    ['behind the OAuth provider', guarded("Notes.serve('/mcp')")],
    [
      'behind the OAuth provider, by its path',
      "export default new OAuthProvider({ apiHandlers: { '/mcp': Notes.serve('/mcp') } })",
    ],
    ['mounted on an app', "const app = new Hono(); app.mount('/mcp', Notes.serve('/mcp').fetch); export default app"],
    [
      'called by a route',
      "const app = new Hono(); app.all('/mcp', (c) => Notes.serve('/mcp').fetch(c.req.raw, c.env, c.executionCtx)); export default app",
    ],
  ])('keeps sessions without a limit: %s', (_, handler) => {
    expect(findingsOf('missing-session-expiry', worker('0.2.14', handler))).toEqual([
      'index.ts:5: Sessions in Notes never expire: there is neither an idle nor an absolute timeout.',
    ])
    expect(outcomeOf('missing-origin-check', worker('0.2.14', handler))).toBe('fail')
  })

  const putOff =
    "for (const s of this.getSchedules()) await this.cancelSchedule(s.id); await this.schedule(3600, 'over')"
  const stale = 'if (Date.now() - this.lastUsed > 3600000) await this.destroy()'
  const armed = 'await this.ctx.storage.setAlarm(Date.now() + 3600000)'
  it.each([
    ['a schedule that waking puts off', `async onStart() { ${putOff} } async over() { await this.destroy() }`, 'idle'],
    [
      'one that a helper puts off, over a helper',
      `async init() { await this.touch() } async touch() { ${putOff} } async over() { await this.end() } async end() { await this.destroy() }`,
      'idle',
    ],
    [
      'one that is looked at every hour',
      `async onStart() { await this.scheduleEvery(3600, 'sweep') } async sweep() { ${stale} }`,
      'idle',
    ],
    ['one that asks when it is connected to', `async onConnect(connection) { ${stale} }`, 'idle'],
    [
      'one that is set again and again',
      `async init() { await this.schedule(60, 'sweep') } async sweep() { ${stale}; await this.schedule(60, 'sweep') }`,
      'idle',
    ],
    ['an alarm', `async onConnect() { ${armed} } async alarm() { await this.ctx.storage.deleteAll() }`, 'idle'],
    [
      'a schedule that nothing puts off',
      "async init() { await this.schedule(3600, 'over') } async over() { await this.destroy() }",
      'absolute',
    ],
    [
      'an alarm that is set once',
      `async init() { if ((await this.ctx.storage.getAlarm()) === null) ${armed} } async alarm() { await this.ctx.storage.deleteAll() }`,
      'absolute',
    ],
    [
      'a schedule of something else',
      "async onStart() { await this.schedule(3600, 'note') } async note() { await this.env.LOG.put('a', 'b') }",
      'neither',
    ],
    ['an end that nothing calls', 'async over() { await this.destroy() }', 'neither'],
    [
      'a tool that ends it',
      "async onStart() { this.server.tool('end', async () => { await this.destroy(); return { content: [] } }) }",
      'neither',
    ],
    [
      'a tool that ends it, but not twice a second',
      "async onStart() { this.server.tool('end', async () => { if (Date.now() - this.last < 1000) return { content: [] }; await this.destroy(); return { content: [] } }) }",
      'neither',
    ],
    [
      'an alarm that asks the clock for something else',
      `async onConnect() { if ((await this.ctx.storage.getAlarm()) === null) ${armed} } async alarm() { if (Date.now() > this.day) this.note(); await this.ctx.storage.deleteAll() }`,
      'absolute',
    ],
  ])('ends with its object: %s', (_, methods, limit) => {
    const agent = `class Own extends McpAgent { server = new McpServer({ name: 'n', version: '1' }); async init() {} ${methods} }`
    const stated = {
      idle: 'Sessions in Own have an idle timeout but no absolute one: a session that is used goes on for ever.',
      absolute:
        'Sessions in Own have an absolute timeout but no idle one: a session nobody uses stays valid until then.',
      neither: 'Sessions in Own never expire: there is neither an idle nor an absolute timeout.',
    }[limit]
    expect(
      findingsOf('missing-session-expiry', worker('0.2.14', `${agent}\nexport default Own.serve('/mcp')`)),
    ).toEqual([expect.stringContaining(stated ?? '')])
  })

  it('takes the ID of a new session from the client over SSE, and makes it over Streamable HTTP', () => {
    expect(outcomeOf('client-supplied-session-id', worker('0.2.14', bySse))).toBe('fail')
    expect(outcomeOf('client-supplied-session-id', worker('0.2.14', byHttp))).toBe('pass')
    expect(outcomeOf('session-token-in-url', worker('0.2.14', bySse))).toBe('fail')
    expect(outcomeOf('session-token-in-url', worker('0.2.14', byHttp))).toBe('pass')
  })

  it.each([
    ['0.1.0', 'fail'],
    ['0.1.3', 'pass'],
    ['0.32.0', 'pass'],
  ])('ends sessions on DELETE from 0.1.3 on: %s', (version, expected) => {
    expect(outcomeOf('missing-session-invalidation', worker(version, byHttp))).toBe(expected)
  })

  it('serves a session to every holder of a token of the OAuth provider', () => {
    expect(findingsOf('unbound-session', worker('0.1.0', guarded("Notes.serve('/mcp')")))).toEqual([
      expect.stringMatching(/^index\.ts:\d+: A session is served .* the verified caller is never compared/),
    ])
  })

  it('has fields of its own in each session', () => {
    expect(outcomeOf('shared-session-state', worker('0.2.14', byHttp))).toBe('pass')
  })

  it('shares a server that the module makes', () => {
    const shared = worker(
      '0.2.14',
      `const one = new McpServer({ name: 'n', version: '1' })\nclass Shared extends McpAgent { server = one; async init() {} }\nexport default Shared.serve('/mcp')`,
    )
    expect(outcomeOf('shared-session-state', shared)).toBe('fail')
  })

  it('knows who has called by its props', () => {
    const told = worker(
      '0.2.14',
      guarded("Notes.serve('/mcp')"),
      "this.server.tool('who', {}, async () => ({ content: [{ type: 'text', text: this.props.userId }] }))",
    )
    expect(outcomeOf('shared-session-state', told)).toBe('pass')
  })
})

describe('the OAuth provider', () => {
  it('verifies a token before an app that it is given for the API, and none before the other', () => {
    const routes = `
      const sessions = new Map()
      const serve = (c) => { const one = sessions.get(c.req.header('mcp-session-id')); return one ? c.json(one) : c.json({}, 404) }
      const api = new Hono()
      api.post('/mcp', (c) => { sessions.set(crypto.randomUUID(), { notes: [] }); return serve(c) })
      const rest = new Hono()
      rest.get('/notes', serve)
      export default new OAuthProvider({ apiRoute: '/mcp', apiHandler: api, defaultHandler: rest })`
    expect(authenticationOf(worker('0.2.14', routes))).toEqual([
      expect.stringMatching(/^POST .* always$/),
      expect.stringMatching(/^GET .* never$/),
    ])
  })
})

describe('createMcpHandler of agents', () => {
  it('serves MCP without sessions and checks no origin', () => {
    const handler = worker('0.3.10', "export default createMcpHandler(new McpServer({ name: 'n', version: '1' }))")
    expect(outcomeOf('missing-session-expiry', handler)).toBe('notApplicable')
    expect(outcomeOf('missing-origin-check', handler)).toBe('fail')
  })
})

describe('the environment of a worker', () => {
  const sealed = (key: string, algorithm: string): string => `
    import { Hono } from 'hono'
    import { env } from 'cloudflare:workers'
    const app = new Hono()
    app.get('/approve', async (c) => {
      const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(${key}), ${algorithm}, false, ['sign'])
      const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(c.req.query('client')))
      return c.text(String(mac))
    })
    export default app`

  it.each(['c.env.SIGNING_PHRASE', 'env.SIGNING_PHRASE'])(
    'holds settings that may fall back to text: %s',
    (setting) => {
      expect(
        findingsOf('weak-session-secret', sealed(`${setting} || 'sign-it'`, "{ name: 'HMAC', hash: 'SHA-256' }")),
      ).toEqual([expect.stringMatching(/^server\.ts:5: The key of a MAC falls back to text/)])
      expect(outcomeOf('weak-session-secret', sealed(setting, "'HMAC'"))).toBe('pass')
    },
  )

  it('holds bindings, which are no settings that are off by default', () => {
    const stored = `
      import { Hono } from 'hono'
      const app = new Hono()
      const sessions = new Map()
      app.use('*', async (c, next) => {
        const user = await c.env.USERS.whoHas(c.req.header('authorization'))
        if (!user) return c.text('no', 401)
        c.set('user', user)
        await next()
      })
      app.post('/mcp', async (c) => {
        sessions.set(crypto.randomUUID(), { notes: [] })
        const one = sessions.get(c.req.header('mcp-session-id'))
        return c.json(one)
      })
      export default app`
    expect(factsOf(stored).dispatches.map(({ authenticated }) => authenticated)).toEqual(['always'])
  })
})

describe('names of counts', () => {
  it.each(['tokensGt', 'max_tokens', 'tokenCount', 'outputTokens'])('%s is no credential', (name) => {
    const log = `
      import { Hono } from 'hono'
      import { query } from './query.ts'
      const app = new Hono()
      app.get('/log', (c) => c.json(query(c.req.query('${name}'))))
      export default app`
    expect(findingsOf('session-token-in-url', log)).toEqual([])
  })
})

describe('sessions in a key-value binding, with a server for each request', () => {
  const files = (found: string, more: Program = {}): Program => ({
    'package.json': JSON.stringify({ name: 'notes', dependencies: { agents: '0.3.10' } }),
    'src/index.ts': `
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      import { createMcpHandler } from 'agents/mcp'
      import { verify } from './tokens'
      export default { async fetch(request, env, ctx) {
        const url = new URL(request.url)
        if (url.pathname === '/login') {
          const id = crypto.randomUUID()
          const user = await verify(request.headers.get('authorization'))
          if (!user) return new Response(null, { status: 401 })
          await env.SESSIONS.put(\`session:\${id}\`, JSON.stringify({ user, since: Date.now() }), { expirationTtl: 600 })
          return Response.json({ id })
        }
        const kept = await env.SESSIONS.get(\`session:\${url.searchParams.get('session_id')}\`)
        ${found}
        const server = new McpServer({ name: 'notes', version: '1' })
        return createMcpHandler(server)(request, env, ctx)
      } }`,
    ...(more as Record<string, string>),
  })

  it('is served to whoever has its ID', () => {
    const alone = 'if (!kept) return new Response(null, { status: 404 })'
    expect(outcomeOf('unbound-session', files(alone))).toBe('fail')
  })

  it('is served to its owner', () => {
    const owner = `if (!kept) return new Response(null, { status: 404 })
      const caller = await verify(request.headers.get('authorization'))
      if (!caller || JSON.parse(kept).user !== caller) return new Response(null, { status: 403 })`
    expect(outcomeOf('unbound-session', files(owner))).not.toBe('fail')
  })
})

describe('a worker beside the one that is deployed', () => {
  const old = `
    export default { async fetch(request, env) {
      const sessionId = \`mcp-\${Math.random()}\`
      await env.SESSIONS.put(sessionId, await request.text())
      return new Response(await env.SESSIONS.get(request.headers.get('mcp-session-id')), { headers: { 'mcp-session-id': sessionId } })
    } }`
  const deployed = 'export default { fetch(request) { return new Response(new URL(request.url).pathname) } }'
  const tree = (main: string, name = 'wrangler.toml'): Program => ({
    'package.json': JSON.stringify({ name: 'notes' }),
    [name]: name.endsWith('.toml')
      ? `name = "notes"\nmain = "${main}"\n`
      : JSON.stringify({ name: 'notes', main }, null, 2),
    'src/index.ts': old,
    'src/now.ts': deployed,
  })

  it.each([['wrangler.toml'], ['wrangler.jsonc']])('is left alone: %s', (name) => {
    expect(outcomeOf('predictable-session-id', tree('src/now.ts', name))).not.toBe('fail')
    expect(outcomeOf('predictable-session-id', tree('./src/index.ts', name))).toBe('fail')
  })

  it('is looked at where what is deployed is not here', () => {
    expect(outcomeOf('predictable-session-id', tree('dist/worker.js'))).toBe('fail')
  })
})
