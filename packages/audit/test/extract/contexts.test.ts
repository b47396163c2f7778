/** Frameworks that hand one context to hooks and handlers: what stands before, what it leaves there, and which part is which. */
import { describe, expect, it } from 'vitest'
import { authenticationOf, outcomeOf, type Program } from './programs.ts'

const auth = `
    import { jwtVerify } from 'jose'
    import { key, expected } from './trust.js'
    export async function who(header) {
      if (!header) return undefined
      try { return (await jwtVerify(header.slice(7), key, expected)).payload.sub } catch { return undefined }
    }`
const store = `
    const rows = new Map()
    export const add = (id, owner) => { rows.set(id, { owner, since: Date.now() }) }
    export const find = (id) => {
      const row = rows.get(id)
      if (row && Date.now() - row.since > 3600e3) { rows.delete(id); return undefined }
      return row
    }
    export const drop = (id) => { rows.delete(id) }`

interface Way {
  /** The owner is compared. */
  readonly bound?: boolean
  /** DELETE ends the session. */
  readonly ends?: boolean
  /** The ID comes in the query. */
  readonly url?: boolean
}

const mine = ({ bound = true }: Way, sub: string): string => `!session${bound ? ` || session.owner !== ${sub}` : ''}`

const FRAMEWORKS: readonly (readonly [string, (way: Way) => Program])[] = [
  [
    'SvelteKit',
    (way) => ({
      'src/hooks.server.ts': `
    import { sequence } from '@sveltejs/kit/hooks'
    import { who } from '../auth'
    const origins = async ({ event, resolve }) => {
      const from = event.request.headers.get('origin')
      return from && from !== process.env.UI ? new Response(null, { status: 403 }) : resolve(event)
    }
    const callers = async ({ event, resolve }) => {
      const sub = await who(event.request.headers.get('authorization'))
      if (!sub) return new Response(null, { status: 401 })
      event.locals.sub = sub
      return resolve(event)
    }
    export const handle = sequence(origins, callers)`,
      'src/routes/mcp/+server.ts': `
    import { error, json } from '@sveltejs/kit'
    import { add, drop, find } from '../../../store'
    const idOf = ({ request, url }) => ${way.url ? `url.searchParams.get('session')` : `request.headers.get('mcp-session-id')`}
    export const POST = async (event) => {
      const { request, locals } = event
      const message = await request.json()
      if (message.method === 'initialize') {
        const fresh = crypto.randomUUID()
        await add(fresh, locals.sub)
        return json({ id: message.id }, { headers: { 'mcp-session-id': fresh } })
      }
      const session = await find(idOf(event))
      if (${mine(way, 'locals.sub')}) error(404)
      return json({ id: message.id, result: session.owner })
    }
    export const DELETE = async (event) => {
      const session = await find(idOf(event))
      if (${mine(way, 'event.locals.sub')}) error(404)
      ${way.ends === false ? '' : 'drop(idOf(event))'}
      return new Response(null, { status: 204 })
    }`,
    }),
  ],
  [
    'Astro',
    (way) => ({
      'src/middleware.ts': `
    import { defineMiddleware } from 'astro:middleware'
    import { who } from '../auth'
    export const onRequest = defineMiddleware(async (context, next) => {
      const from = context.request.headers.get('origin')
      if (from && from !== import.meta.env.UI) return new Response(null, { status: 403 })
      const sub = await who(context.request.headers.get('authorization'))
      if (!sub) return new Response(null, { status: 401 })
      context.locals.sub = sub
      return next()
    })`,
      'src/pages/mcp.ts': `
    import { add, drop, find } from '../../store'
    const idOf = ({ request, url }) => ${way.url ? `url.searchParams.get('session')` : `request.headers.get('mcp-session-id')`}
    export const POST = async (context) => {
      const { request, locals } = context
      const message = await request.json()
      if (message.method === 'initialize') {
        const fresh = crypto.randomUUID()
        await add(fresh, locals.sub)
        return Response.json({ id: message.id }, { headers: { 'mcp-session-id': fresh } })
      }
      const session = await find(idOf(context))
      if (${mine(way, 'locals.sub')}) return new Response(null, { status: 404 })
      return Response.json({ id: message.id, result: session.owner })
    }
    export const DELETE = async (context) => {
      const session = await find(idOf(context))
      if (${mine(way, 'context.locals.sub')}) return new Response(null, { status: 404 })
      ${way.ends === false ? '' : 'drop(idOf(context))'}
      return new Response(null, { status: 204 })
    }`,
    }),
  ],
  [
    'oak',
    (way) => `
    import { Application, Router } from 'jsr:@oak/oak@17'
    import { who } from './auth.ts'
    import { add, drop, find } from './store.ts'
    const app = new Application()
    app.use(async (ctx, next) => {
      const from = ctx.request.headers.get('origin')
      if (from && from !== Deno.env.get('UI')) return ctx.throw(403)
      const sub = await who(ctx.request.headers.get('authorization'))
      if (!sub) return ctx.throw(401)
      ctx.state.sub = sub
      await next()
    })
    const idOf = (ctx) => ${way.url ? `ctx.request.url.searchParams.get('session')` : `ctx.request.headers.get('mcp-session-id')`}
    const router = new Router()
    router.post('/mcp', async (ctx) => {
      const message = await ctx.request.body.json()
      if (message.method === 'initialize') {
        const fresh = crypto.randomUUID()
        await add(fresh, ctx.state.sub)
        ctx.response.headers.set('mcp-session-id', fresh)
        ctx.response.body = { id: message.id }
        return
      }
      const session = await find(idOf(ctx))
      if (${mine(way, 'ctx.state.sub')}) { ctx.response.status = 404; return }
      ctx.response.body = { id: message.id, result: session.owner }
    })
    router.delete('/mcp', async (ctx) => {
      const session = await find(idOf(ctx))
      if (${mine(way, 'ctx.state.sub')}) { ctx.response.status = 404; return }
      ${way.ends === false ? '' : 'drop(idOf(ctx))'}
      ctx.response.status = 204
    })
    app.use(router.routes())
    await app.listen({ hostname: '127.0.0.1', port: 3000 })`,
  ],
  [
    'Fresh',
    (way) => `
    import { App } from 'jsr:@fresh/core@2'
    import { who } from './auth.ts'
    import { add, drop, find } from './store.ts'
    const idOf = (ctx) => ${way.url ? `ctx.url.searchParams.get('session')` : `ctx.req.headers.get('mcp-session-id')`}
    export const app = new App()
      .use(async (ctx) => {
        const from = ctx.req.headers.get('origin')
        if (from && from !== Deno.env.get('UI')) return new Response(null, { status: 403 })
        const sub = await who(ctx.req.headers.get('authorization'))
        if (!sub) return new Response(null, { status: 401 })
        ctx.state.sub = sub
        return ctx.next()
      })
      .post('/mcp', async (ctx) => {
        const message = await ctx.req.json()
        if (message.method === 'initialize') {
          const fresh = crypto.randomUUID()
          await add(fresh, ctx.state.sub)
          return Response.json({ id: message.id }, { headers: { 'mcp-session-id': fresh } })
        }
        const session = await find(idOf(ctx))
        if (${mine(way, 'ctx.state.sub')}) return new Response(null, { status: 404 })
        return ctx.json({ id: message.id, result: session.owner })
      })
      .delete('/mcp', async (ctx) => {
        const session = await find(idOf(ctx))
        if (${mine(way, 'ctx.state.sub')}) return new Response(null, { status: 404 })
        ${way.ends === false ? '' : 'drop(idOf(ctx))'}
        return new Response(null, { status: 204 })
      })
    await app.listen({ hostname: '127.0.0.1', port: 3000 })`,
  ],
  ...(
    [
      ['resolve', `.resolve({ as: 'scoped' }, signedIn)`, ''],
      ['a macro', `.macro({ signedIn: { resolve: signedIn } })`, ', { signedIn: true }'],
    ] as const
  ).map(
    ([name, added, asked]) =>
      [
        `Elysia, by ${name}`,
        (way: Way) => `
    import { Elysia } from 'elysia'
    import { who } from './auth.js'
    import { add, drop, find } from './store.js'
    const signedIn = async ({ headers, status }) => {
      const sub = await who(headers.authorization)
      return sub ? { sub } : status(401)
    }
    const auth = new Elysia({ name: 'auth' })
      .onRequest(({ request, set }) => {
        const from = request.headers.get('origin')
        if (from && from !== process.env.UI) { set.status = 403; return 'no' }
      })
      ${added}
    const idOf = ({ headers, query }) => ${way.url ? 'query.session' : `headers['mcp-session-id']`}
    new Elysia()
      .use(auth)
      .decorate('sessions', { find, drop })
      .post('/mcp', async (ctx) => {
        const { body, sub, set, status, sessions } = ctx
        if (body.method === 'initialize') {
          const fresh = crypto.randomUUID()
          await add(fresh, sub)
          set.headers['mcp-session-id'] = fresh
          return { id: body.id }
        }
        const session = await sessions.find(idOf(ctx))
        if (${mine(way, 'sub')}) return status(404)
        return { id: body.id, result: session.owner }
      }${asked})
      .delete('/mcp', async (ctx) => {
        const session = await ctx.sessions.find(idOf(ctx))
        if (${mine(way, 'ctx.sub')}) return ctx.status(404)
        ${way.ends === false ? '' : 'ctx.sessions.drop(idOf(ctx))'}
        return new Response(null, { status: 204 })
      }${asked})
      .listen({ port: 3000, hostname: '127.0.0.1' })`,
      ] as const,
  ),
  [
    'React Router',
    (way) => ({
      'app/routes/mcp.ts': `
    import { who } from '../../auth'
    import { add, drop, find } from '../../store'
    export async function action({ request }) {
      const from = request.headers.get('origin')
      if (from && from !== process.env.UI) throw new Response(null, { status: 403 })
      const sub = await who(request.headers.get('authorization'))
      if (!sub) throw new Response(null, { status: 401 })
      const id = ${way.url ? `new URL(request.url).searchParams.get('session')` : `request.headers.get('mcp-session-id')`}
      if (request.method === 'DELETE') {
        const session = await find(id)
        if (${mine(way, 'sub')}) throw new Response(null, { status: 404 })
        ${way.ends === false ? '' : 'drop(id)'}
        return new Response(null, { status: 204 })
      }
      const message = await request.json()
      if (message.method === 'initialize') {
        const fresh = crypto.randomUUID()
        await add(fresh, sub)
        return Response.json({ id: message.id }, { headers: { 'mcp-session-id': fresh } })
      }
      const session = await find(id)
      if (${mine(way, 'sub')}) throw new Response(null, { status: 404 })
      return Response.json({ id: message.id, result: session.owner })
    }`,
    }),
  ],
]

const program = (app: Program): Program => {
  const files = typeof app === 'string' ? { 'server.ts': app } : app
  return { 'auth.ts': auth, 'store.ts': store, ...files }
}

describe('sessions behind a context', () => {
  it.each(FRAMEWORKS)('of %s: whose they are, and by whom pages may be asked', (_, app) => {
    expect(outcomeOf('unbound-session', program(app({})))).toBe('pass')
    expect(outcomeOf('unbound-session', program(app({ bound: false })))).toBe('fail')
    expect(outcomeOf('missing-origin-check', program(app({})))).not.toBe('fail')
  })

  it.each(FRAMEWORKS)('of %s: how they are ended', (_, app) => {
    expect(outcomeOf('missing-session-invalidation', program(app({})))).toBe('pass')
    const unended = program(app({ ends: false }))
    expect(outcomeOf('missing-session-invalidation', unended)).toBe('fail')
    // What is found to be over there is over for everybody.
    expect(outcomeOf('unbound-session', unended)).toBe('pass')
  })

  it.each(FRAMEWORKS)('of %s: where their IDs come from', (_, app) => {
    expect(outcomeOf('session-token-in-url', program(app({})))).not.toBe('fail')
    expect(outcomeOf('session-token-in-url', program(app({ url: true })))).toBe('fail')
  })
})

describe('a part of a path that a router looks at first', () => {
  const rooms = (path: string): string => `
    import express from 'express'
    import { add, find } from './store.js'
    const rooms = express.Router()
    rooms.param('sid', (req, res, next, sid) => {
      req.room = find(sid)
      req.room ? next() : res.sendStatus(404)
    })
    rooms.post('/s', (req, res) => {
      const id = crypto.randomUUID()
      add(id, 'somebody')
      res.location('/s').json({ id })
    })
    rooms.post('${path}', (req, res) => res.json({ jsonrpc: '2.0', id: req.body.id, result: req.room?.owner }))
    const app = express()
    app.use(express.json(), rooms)
    app.listen(3000, '127.0.0.1')`

  it('is looked up for routes that have it, and for no others', () => {
    expect(outcomeOf('session-token-in-url', program(rooms('/s/:sid/rpc')))).toBe('fail')
    expect(outcomeOf('session-token-in-url', program(rooms('/s/rpc')))).not.toBe('fail')
  })
})

describe('resolvers of GraphQL', () => {
  const server = (resolver: string, before = ''): string => `
    import express from 'express'
    import { createSchema, createYoga } from 'graphql-yoga'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    class Hall {
      #guests = new Map()
      enter(id, transport) { this.#guests.set(id, { transport, since: Date.now() }) }
      at(id) { return this.#guests.get(id)?.transport }
      count() { return this.#guests.size }
      *[Symbol.iterator]() { for (const [id, { since }] of this.#guests) yield { id, since } }
    }
    const hall = new Hall()
    const app = express()
    ${before}
    app.use('/admin', createYoga({ schema: createSchema({ typeDefs, resolvers: { Query: { sessions: ${resolver} } } }) }))
    app.all('/mcp', async (req, res) => {
      const known = hall.at(req.get('mcp-session-id'))
      if (known) return known.handleRequest(req, res, req.body)
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID(), onsessioninitialized: (id) => hall.enter(id, transport) })
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')`

  it('answer whoever asks', () => {
    expect(outcomeOf('session-token-exposure', server('() => [...hall]'))).toBe('fail')
    expect(
      outcomeOf(
        'session-token-exposure',
        server('() => { const all = []; for (const one of hall) all.push(one); return all }'),
      ),
    ).toBe('fail')
    expect(outcomeOf('session-token-exposure', server('() => hall.count()'))).toBe('pass')
  })
})

it('hooks of a page are those of the nearest program', () => {
  const hooks = (check: string): string => `
    export const handle = async ({ event, resolve }) => {
      ${check}
      return resolve(event)
    }`
  const endpoint = `
    const sessions = new Map()
    export async function POST({ request }) {
      const id = request.headers.get('mcp-session-id')
      const message = await request.json()
      if (message.method === 'initialize') {
        const fresh = crypto.randomUUID()
        sessions.set(fresh, { notes: [] })
        return Response.json({ id: message.id }, { headers: { 'mcp-session-id': fresh } })
      }
      const session = sessions.get(id)
      if (!session) return new Response(null, { status: 404 })
      return Response.json({ jsonrpc: '2.0', id: message.id, result: session.notes })
    }`
  const check =
    "if (event.request.headers.get('authorization') !== process.env.TOKEN) return new Response(null, { status: 401 })"
  const sites = (outer: string, inner: string, name = 'hooks.server.ts'): Program => ({
    'src/hooks.server.ts': hooks(outer),
    [`src/sites/notes/src/${name}`]: hooks(inner),
    'src/sites/notes/src/routes/mcp/+server.ts': endpoint,
  })
  const told = (app: Program): string =>
    authenticationOf(app)
      .map((line) => line.replace(/.* /, ''))
      .join()
  expect(told(sites('', check))).toBe('always')
  expect(told(sites(check, ''))).toBe('never')
  expect(told(sites('', check, 'webhooks.server.ts'))).toBe('never')
})

it('what is walked through is one of several, of which some have a method for that', () => {
  const walking = (walked: string): string => `
    import express from 'express'
    class Own {
      *[Symbol.iterator]() { yield 'a' }
    }
    const ids = new Map()
    const app = express()
    app.post('/login', (req, res) => {
      const made = [Math.random().toString(36)]
      for (const id of ${walked}) res.cookie('sid', id, { httpOnly: true, secure: true, sameSite: 'lax' })
      for (const id of ${walked}) ids.set(id, { user: req.body.user })
      res.end()
    })
    app.get('/', (req, res) => res.json(ids.get(req.cookies.sid)))
    app.listen(3000)`
  expect(outcomeOf('predictable-session-id', walking('made'))).toBe('fail')
  expect(outcomeOf('predictable-session-id', walking('req.query.own ? new Own() : made'))).toBe('fail')
})
