/** Frameworks beside the four big ones: what they serve, what stands before it, and where they listen. */
import { describe, expect, it } from 'vitest'
import { authenticationOf, dispatchesOf, extracted, findingsOf, outcomeOf, type Program } from './programs.ts'

const sessions = `
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const sessions = new Map()
    async function handle(req, res, body, user) {
      const id = req.headers['mcp-session-id']
      const known = sessions.get(id)
      if (known && OWNED) return known.transport.handleRequest(req, res, body)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (sid) => { sessions.set(sid, { transport, owner: user }) },
      })
      await new McpServer({ name: 'x', version: '1' }).connect(transport)
      return transport.handleRequest(req, res, body)
    }`
const server = (rest: string, owned = 'true'): string => `${sessions.replace('OWNED', owned)}\n    ${rest}`

const servers: Readonly<Record<string, string>> = {
  polka: `import polka from 'polka'
    polka().all('/mcp', (req, res) => handle(req, res, req.body)).listen(3000)`,
  restify: `import restify from 'restify'
    const server = restify.createServer()
    server.post('/mcp', (req, res) => handle(req, res, req.body))
    server.del('/mcp', (req, res) => handle(req, res))
    server.listen(8080)`,
  'fastify, set up in a chain': `import fastify from 'fastify'
    const app = fastify().withTypeProvider().setValidatorCompiler(compiler).addContentTypeParser('text/plain', parse)
    app.all('/mcp', (request, reply) => handle(request.raw, reply.raw, request.body))
    await app.listen({ port: 3000, host: '0.0.0.0' })`,
  hapi: `import Hapi from '@hapi/hapi'
    const server = Hapi.server({ port: 3000 })
    server.route({ method: ['GET', 'POST', 'DELETE'], path: '/mcp', handler: async (request, h) => { await handle(request.raw.req, request.raw.res, request.payload); return h.abandon } })
    await server.start()`,
  'hapi, in a plugin': `import * as Hapi from '@hapi/hapi'
    const plugin = { name: 'mcp', register: async (server) => { server.route([{ method: 'POST', path: '/mcp', options: { handler: (request, h) => handle(request.raw.req, request.raw.res, request.payload) } }]) } }
    const server = new Hapi.Server({ port: 3000, host: '0.0.0.0' })
    await server.register([{ plugin, options: {} }])
    await server.start()`,
  elysia: `import { Elysia } from 'elysia'
    new Elysia().all('/mcp', ({ request, body }) => handle(request, undefined, body)).listen(3000)`,
  h3: `import { createApp, createRouter, defineEventHandler, readBody, toNodeListener } from 'h3'
    import { createServer } from 'node:http'
    const router = createRouter().post('/mcp', defineEventHandler(async (event) => handle(event.node.req, event.node.res, await readBody(event))))
    const app = createApp()
    app.use(router)
    createServer(toNodeListener(app)).listen(3000)`,
  'h3, version 2': `import { H3, serve } from 'h3'
    const app = new H3()
    app.all('/mcp', (event) => handle(event.req))
    serve(app, { port: 3000 })`,
  'elysia, in a group of a plugin': `import { Elysia } from 'elysia'
    const plugin = new Elysia().group('/api', (app) => app.post('/mcp', (c) => handle(c.request, undefined, c.body)))
    new Elysia().use(plugin).listen({ port: 3000 })`,
}

describe('sessions for whoever comes', () => {
  it.each(Object.entries(servers))('%s', (_, rest) => {
    expect(outcomeOf('unbound-session', server(rest))).toBe('fail')
    expect(outcomeOf('plaintext-transport', server(rest))).toBe('fail')
  })

  it('on this machine alone, where the server says so', () => {
    const local = servers['hapi']!.replace('port: 3000', "port: 3000, host: '127.0.0.1'")
    expect(outcomeOf('plaintext-transport', server(local))).toBe('pass')
  })
})

describe('what stands before a handler', () => {
  const hapi = (auth: string, options = ''): string => `import Hapi from '@hapi/hapi'
    const server = Hapi.server({ port: 3000 })
    ${auth}
    server.route({ method: 'POST', path: '/mcp', ${options} handler: (request) => handle(request.raw.req, request.raw.res, request.payload, request.auth.credentials.sub) })
    await server.start()`
  const elysia = (before: string): string => `import { Elysia } from 'elysia'
    import { jwtVerify } from 'jose'
    new Elysia()
      ${before}
      .post('/mcp', ({ request, body }) => handle(request, undefined, body))
      .listen(3000)`
  const check = `async ({ headers, status }) => { try { await jwtVerify(headers.authorization?.slice(7), key) } catch { return status(401, 'no') } }`

  it.each<[string, Program, string]>([
    ['the default strategy of Hapi', server(hapi("server.auth.default('jwt')")), 'fail'],
    ['… with the owner compared', server(hapi("server.auth.default('jwt')"), 'known.owner === user'), 'pass'],
    [
      '… switched off for the route',
      server(hapi("server.auth.default('jwt')", 'options: { auth: false },')),
      'notApplicable',
    ],
    ['the strategy of a route', server(hapi('', "options: { auth: 'jwt' },")), 'fail'],
    [
      'a strategy that lets everybody in',
      server(hapi('', "options: { auth: { mode: 'try', strategy: 'jwt' } },")),
      'notApplicable',
    ],
    ['a hook of Elysia', server(elysia(`.onBeforeHandle(${check})`)), 'fail'],
  ])('%s', (_, program, verified) => {
    // Where nobody verifies a credential, possession of the session is not taken for one.
    const sessionAlone = outcomeOf('session-as-authentication', program)
    expect(sessionAlone === 'notApplicable' ? sessionAlone : outcomeOf('unbound-session', program)).toBe(verified)
  })
})

describe('Nitro', () => {
  const files = (guard: string): Program => ({
    'server/middleware/auth.ts': `export default defineEventHandler(async (event) => { ${guard} })`,
    'server/api/mcp.post.ts': `import { store } from '../utils/store'
    export default defineEventHandler(async (event) => {
      const message = await readBody(event)
      if (message.method === 'initialize') {
        const id = crypto.randomUUID()
        store.set(id, { notes: [] })
        setResponseHeader(event, 'Mcp-Session-Id', id)
        return { jsonrpc: '2.0', id: message.id, result: { protocolVersion: '2025-06-18' } }
      }
      const session = store.get(getHeader(event, 'mcp-session-id'))
      if (!session) throw createError({ statusCode: 404 })
      session.notes.push(message.params.arguments.text)
      return { jsonrpc: '2.0', id: message.id, result: { content: [{ type: 'text', text: session.notes.join() }] } }
    })`,
    'server/utils/store.ts': 'export const store = new Map()',
  })

  it('serves what its folders hold, and calls it after their paths', () => {
    expect(dispatchesOf(files(''))).toEqual(['POST server/api/mcp.post.ts:13 unbound'])
  })

  it('asks its middleware first', () => {
    expect(authenticationOf(files('await requireUserSession(event)'))).toEqual([
      'POST server/api/mcp.post.ts:13 always',
    ])
    expect(authenticationOf(files('await getUserSession(event)'))).not.toEqual([
      'POST server/api/mcp.post.ts:13 always',
    ])
  })

  /** Without Nuxt around it, the folders stand in the tree itself. */
  const alone = (guard: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(files(guard)).map(([path, text]) => [
        path.replace('server/', '').replace('api/', 'routes/'),
        text,
      ]),
    )

  it('has its folders in the tree itself as well', () => {
    expect(dispatchesOf(alone(''))).toEqual(['POST routes/mcp.post.ts:13 unbound'])
    expect(authenticationOf(alone('await requireUserSession(event)'))).toEqual(['POST routes/mcp.post.ts:13 always'])
  })

  it('does not serve what an app mounts', () => {
    const app = `import { createApp, createRouter, defineEventHandler } from 'h3'
      import mcp from './routes/mcp.post'
      const app = createApp()
      app.use(defineEventHandler(async (event) => { await requireUserSession(event) }))
      app.use(createRouter().post('/mcp', mcp))
      export default app`
    expect(authenticationOf({ ...alone(''), 'app.ts': app })).toEqual(['POST routes/mcp.post.ts:13 always'])
  })
})

describe('an MCP handler in the route module of a web framework', () => {
  const route = (rest: string): Program => ({
    'app/api/[transport]/route.ts': `
    import { createMcpHandler, withMcpAuth } from 'mcp-handler'
    let lastUser
    const handler = createMcpHandler((server) => {
      server.registerTool('who', {}, async (args, { authInfo }) => { lastUser = authInfo.clientId; await work(); return lastUser })
    })
    ${rest}`,
  })
  const verify = `const verify = async (req, token) => { const { payload } = await jwtVerify(token, key); return { clientId: payload.sub } }`

  it('is a server, whose tools are walked', () => {
    const program = route('export { handler as GET, handler as POST }')
    expect(extracted(program).facts.hasServerCode).toBe(true)
    expect(findingsOf('shared-session-state', program)).toHaveLength(1)
    expect(extracted(program).facts.verifiesCredentials).toBe(false)
  })

  it('verifies credentials where one is required', () => {
    const authed = (options: string) =>
      route(
        `import { jwtVerify } from 'jose'\n${verify}\nconst authed = withMcpAuth(handler, verify${options})\nexport { authed as GET, authed as POST }`,
      )
    expect(extracted(authed(', { required: true }')).facts.verifiesCredentials).toBe(true)
  })

  const locked = (version: string, config = ''): Program => ({
    'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages: { 'node_modules/mcp-handler': { version } } }),
    'package.json': JSON.stringify({ name: 'notes', dependencies: { 'mcp-handler': '^1.0.0' } }),
    'app/[transport]/route.ts': `
    import { createMcpHandler } from 'mcp-handler'
    const handler = createMcpHandler((server) => { server.registerTool('now', {}, async () => ({ content: [] })) }, {}${config})
    export { handler as GET, handler as POST }`,
  })

  it('has one server for all requests before 1.1.0', () => {
    expect(outcomeOf('shared-session-state', locked('1.0.7'))).toBe('fail')
    expect(outcomeOf('shared-session-state', locked('1.1.0'))).not.toBe('fail')
  })

  it('has sessions over SSE where Redis carries them', () => {
    const carried = ', { redisUrl: process.env.REDIS_URL }'
    expect(outcomeOf('session-token-in-url', locked('1.1.0', carried))).toBe('fail')
    expect(outcomeOf('unbound-session', locked('1.1.0', carried))).toBe('fail')
    expect(outcomeOf('missing-session-invalidation', locked('1.1.0', carried))).not.toBe('fail')
    expect(outcomeOf('session-token-in-url', locked('1.1.0', carried.replace('}', ', disableSse: true }')))).not.toBe(
      'fail',
    )
    expect(outcomeOf('session-token-in-url', locked('1.1.0'))).not.toBe('fail')
  })
})

describe('an app that serves what another package of the tree makes', () => {
  it('listens for the sessions of that package', () => {
    const program = {
      'packages/core/package.json': JSON.stringify({ name: '@notes/core', main: 'index.ts' }),
      'packages/core/index.ts': `
        import { Hono } from 'hono'
        const sessions = new Map()
        export const core = new Hono()
        core.post('/mcp', (c) => {
          const one = sessions.get(c.req.header('mcp-session-id'))
          if (one) return c.json(one.handle(c.req.json()))
          sessions.set(crypto.randomUUID(), make())
          return c.json({})
        })`,
      'packages/command/package.json': JSON.stringify({ name: '@notes/command', dependencies: { '@notes/core': '*' } }),
      'packages/command/cli.ts': `
        import { serve } from '@hono/node-server'
        import { Hono } from 'hono'
        import { core } from '@notes/core'
        const app = new Hono()
        app.use('*', async (c, next) => {
          if (!(await check(c.req.header('authorization')))) return c.text('no', 401)
          await next()
        })
        app.route('/', core)
        serve({ fetch: app.fetch, port: 3000 })`,
    }
    expect(outcomeOf('plaintext-transport', program)).toBe('fail')
  })
})

describe('pages that @fastify/cors lets in', () => {
  const app = (options: string): string => `import Fastify from 'fastify'
    import cors from '@fastify/cors'
    const app = Fastify()
    await app.register(cors, ${options})
    app.get('/', () => 'ok')
    await app.listen({ port: 3000 })`
  it.each([
    ['{ origin: true, credentials: true }', 'reflected'],
    ["{ origin: ['https://notes.example'], credentials: true }", 'listed'],
    ['{ delegator: (request, done) => done(null, { origin: false }), credentials: true }', 'listed'],
  ])('%s', (options, allows) => {
    expect(extracted(app(options)).facts.cors.map((fact) => fact.allows)).toEqual([allows])
  })
})
