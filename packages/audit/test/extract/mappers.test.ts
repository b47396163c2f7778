/** Sessions in stores of many makes: what each calls the making, finding and ending of a record, and how long one lives. */
import { describe, expect, it } from 'vitest'
import { factsOf, outcomeOf } from './programs.ts'

const served = (store: string, { bound = true, ends = true } = {}): string => `
    import express from 'express'
    import { jwtVerify } from 'jose'
    import { key, expected } from './trust.js'
    ${store}
    const app = express()
    app.use(express.json())
    app.use(async (req, res, next) => {
      try {
        const { payload } = await jwtVerify(req.get('authorization')?.slice(7) ?? '', key, expected)
        res.locals.sub = payload.sub
        next()
      } catch {
        res.sendStatus(401)
      }
    })
    app.post('/mcp', async (req, res) => {
      if (req.body.method === 'initialize') {
        const fresh = crypto.randomUUID()
        await add(fresh, res.locals.sub)
        return void res.set('mcp-session-id', fresh).json({ jsonrpc: '2.0', id: req.body.id, result: {} })
      }
      const session = await find(req.get('mcp-session-id') ?? '')
      if (!session${bound ? ' || session.owner !== res.locals.sub' : ''}) return void res.sendStatus(404)
      res.json({ jsonrpc: '2.0', id: req.body.id, result: { owner: session.owner } })
    })
    app.delete('/mcp', async (req, res) => {
      const id = req.get('mcp-session-id') ?? ''
      const session = await find(id)
      if (!session${bound ? ' || session.owner !== res.locals.sub' : ''}) return void res.sendStatus(404)
      ${ends ? 'await drop(id)' : ''}
      res.sendStatus(204)
    })
    app.listen(3000, '127.0.0.1')`

const STORES: readonly (readonly [string, (expires: boolean) => string])[] = [
  [
    'Sequelize',
    (expires) => `
    import { DataTypes, Model, Op, Sequelize } from 'sequelize'
    const sequelize = new Sequelize(process.env.DATABASE_URL)
    class Session extends Model {}
    Session.init({ id: { type: DataTypes.UUID, primaryKey: true }, owner: DataTypes.STRING }, { sequelize })
    const add = (id, owner) => Session.create({ id, owner, expiresAt: new Date(Date.now() + 3600e3) })
    const find = (id) => ${expires ? 'Session.findOne({ where: { id, expiresAt: { [Op.gt]: new Date() } } })' : 'Session.findByPk(id)'}
    const drop = (id) => Session.destroy({ where: { id } })`,
  ],
  [
    'Sequelize, by define',
    (expires) => `
    import { DataTypes, Op, Sequelize } from 'sequelize'
    const sequelize = new Sequelize(process.env.DATABASE_URL)
    const Seat = sequelize.define('session', { id: DataTypes.UUID, owner: DataTypes.STRING })
    const add = (id, owner) => Seat.create({ id, owner })
    const find = (id) => Seat.findOne({ where: { id${expires ? ', createdAt: { [Op.gt]: new Date(Date.now() - 3600e3) }' : ''} } })
    const drop = (id) => Seat.destroy({ where: { id } })`,
  ],
  [
    'MikroORM',
    (expires) => `
    import { MikroORM } from '@mikro-orm/postgresql'
    class Session {}
    const orm = await MikroORM.init({ entities: [Session] })
    const add = async (id, owner) => { const em = orm.em.fork(); em.create(Session, { id, owner }); await em.flush() }
    const find = (id) => orm.em.fork().findOne(Session, { id${expires ? ', expiresAt: { $gt: new Date() }' : ''} })
    const drop = (id) => orm.em.fork().nativeDelete(Session, { id })`,
  ],
  [
    'TypeORM, by its manager',
    (expires) => `
    import { DataSource, MoreThan } from 'typeorm'
    class Session {}
    const source = await new DataSource({ type: 'postgres', entities: [Session] }).initialize()
    const add = (id, owner) => source.transaction((em) => em.save(Session, { id, owner }))
    const find = (id) => source.manager.findOneBy(Session, { id${expires ? ', createdAt: MoreThan(new Date(Date.now() - 3600e3))' : ''} })
    const drop = (id) => source.manager.delete(Session, { id })`,
  ],
  [
    'Mongoose, told to be lean',
    (expires) => `
    import { Schema, model } from 'mongoose'
    const Session = model('Session', new Schema({ _id: String, createdAt: { type: Date${expires ? ', expires: 3600' : ''} } }))
    const add = (id, owner) => Session.create({ _id: id, owner })
    const find = (id) => Session.findById(id).lean().exec()
    const drop = (id) => Session.deleteOne({ _id: id })`,
  ],
  [
    'postgres.js',
    (expires) => `
    import postgres from 'postgres'
    const sql = postgres(process.env.DATABASE_URL)
    const add = (id, owner) => sql\`insert into sessions \${sql({ id, owner })}\`
    const find = async (id) => (await sql\`select owner from sessions where id = \${id}${expires ? ' and expires_at > now()' : ''}\`)[0]
    const drop = (id) => sql\`delete from sessions where id = \${id}\``,
  ],
  [
    'relations of Drizzle',
    (expires) => `
    import { eq } from 'drizzle-orm'
    import { drizzle } from 'drizzle-orm/libsql'
    import { sqliteTable, text, integer } from 'drizzle-orm/sqlite-core'
    const seats = sqliteTable('mcp_sessions', { id: text().primaryKey(), owner: text(), expiresAt: integer() })
    const db = drizzle(process.env.DB, { schema: { seats } })
    const add = (id, owner) => db.insert(seats).values({ id, owner }).run()
    const find = (id) => db.query.seats.findFirst({ where: ${expires ? '(s, { and, eq, gt }) => and(eq(s.id, id), gt(s.expiresAt, new Date()))' : '{ id }'} })
    const drop = (id) => db.delete(seats).where(eq(seats.id, id)).run()`,
  ],
  [
    'a batch of Redis',
    (expires) => `
    import { Redis } from 'ioredis'
    const redis = new Redis()
    const add = (id, owner) => redis.multi().hset(\`thread:\${id}\`, { owner })${expires ? '.expire(`thread:${id}`, 3600)' : ''}.exec()
    const find = async (id) => { const owner = await redis.hget(\`thread:\${id}\`, 'owner'); return owner === null ? undefined : { owner } }
    const drop = (id) => redis.pipeline().del(\`thread:\${id}\`).exec()`,
  ],
  [
    'node-cache',
    (expires) => `
    import NodeCache from 'node-cache'
    const cache = new NodeCache()
    const add = async (id, owner) => { cache.set(id, { owner }${expires ? ', 3600' : ''}) }
    const find = async (id) => cache.get(id)
    const drop = async (id) => { cache.del(id) }`,
  ],
  [
    'Firestore',
    (expires) => `
    import { getFirestore } from 'firebase-admin/firestore'
    const col = getFirestore().collection('sessions')
    const add = (id, owner) => col.doc(id).set({ owner, since: Date.now() })
    const find = async (id) => {
      const found = await col.doc(id).get()
      if (!found.exists) return undefined
      const row = found.data()
      ${expires ? 'if (Date.now() - row.since > 3600e3) return undefined' : ''}
      return row
    }
    const drop = (id) => col.doc(id).delete()`,
  ],
  [
    'DynamoDB',
    (expires) => `
    import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
    import { DeleteCommand, DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
    const db = DynamoDBDocumentClient.from(new DynamoDBClient({}))
    const TableName = process.env.TABLE
    const add = (id, owner) => db.send(new PutCommand({ TableName, Item: { id, owner${expires ? ', ttl: Math.floor(Date.now() / 1000) + 3600' : ''} } }))
    const find = async (id) => (await db.send(new GetCommand({ TableName, Key: { id } }))).Item
    const drop = (id) => db.send(new DeleteCommand({ TableName, Key: { id } }))`,
  ],
  [
    'unstorage',
    (expires) => `
    import { createStorage } from 'unstorage'
    import redis from 'unstorage/drivers/redis'
    const storage = createStorage({ driver: redis({ base: 'mcp'${expires ? ', ttl: 3600' : ''} }) })
    const add = (id, owner) => storage.setItem(\`sessions:\${id}\`, { owner })
    const find = (id) => storage.getItem(\`sessions:\${id}\`)
    const drop = (id) => storage.removeItem(\`sessions:\${id}\`)`,
  ],
  [
    'cache-manager',
    (expires) => `
    import { createCache } from 'cache-manager'
    const cache = createCache(${expires ? '{ ttl: 3600e3 }' : ''})
    const add = (id, owner) => cache.set(id, { owner })
    const find = (id) => cache.get(id)
    const drop = (id) => cache.del(id)`,
  ],
]

describe('sessions in a store', () => {
  it.each(STORES)('of %s: whose they are', (_, store) => {
    expect(outcomeOf('unbound-session', served(store(true)))).toBe('pass')
    expect(outcomeOf('unbound-session', served(store(true), { bound: false }))).toBe('fail')
  })

  it.each(STORES)('of %s: when they end by themselves', (_, store) => {
    const limits = (expires: boolean): readonly string[] =>
      factsOf(served(store(expires))).stores.flatMap((fact) => fact.limits.map(({ kind }) => kind))
    expect(limits(true)).toContain('absolute')
    expect(limits(false)).toEqual([])
  })

  it.each(STORES)('of %s: how they are ended', (_, store) => {
    expect(outcomeOf('missing-session-invalidation', served(store(true)))).toBe('pass')
    expect(outcomeOf('missing-session-invalidation', served(store(true), { ends: false }))).toBe('fail')
  })
})

describe('records that a tool names', () => {
  const drafts = (find: string): string => `
    import { DataSource } from 'typeorm'
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    import { verifier } from './trust.js'
    class Draft {}
    const source = await new DataSource({ type: 'postgres', entities: [Draft] }).initialize()
    const drafts = source.getRepository(Draft)
    const app = express()
    app.post('/mcp', requireBearerAuth({ verifier }), async (req, res) => {
      const server = new McpServer({ name: 'drafts', version: '1' })
      server.registerTool('start', {}, async ({ body }, { authInfo }) => {
        const draft = await drafts.save({ authorId: authInfo.extra.sub, body })
        return { content: [{ type: 'text', text: draft.id }] }
      })
      server.registerTool('publish', {}, async ({ id }, { authInfo }) => {
        const draft = await drafts.findOneByOrFail(${find})
        return { content: [{ type: 'text', text: draft.body }] }
      })
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await server.connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')`

  it('are looked up for whoever asks, or for their author', () => {
    expect(outcomeOf('unbound-state-handle', drafts('{ id }'))).toBe('fail')
    expect(outcomeOf('unbound-state-handle', drafts('{ id, authorId: authInfo.extra.sub }'))).not.toBe('fail')
  })
})

describe('a login that Deno KV keeps under what a cookie says', () => {
  const seats = (end: string): string => `
    import { deleteCookie, getCookies, setCookie } from 'jsr:@std/http@1/cookie'
    import { verify } from './accounts.ts'
    const kv = await Deno.openKv()
    const idOf = (req) => getCookies(req.headers)['__Host-seat']
    const seatOf = async (req) => { const id = idOf(req); return id ? (await kv.get(['seat', id])).value : null }
    const signin = async (req) => {
      const { login, pin } = await req.json()
      if (!(await verify(login, pin))) return new Response(null, { status: 401 })
      const id = crypto.randomUUID()
      await kv.set(['seat', id], { login }, { expireIn: 60_000 })
      const headers = new Headers()
      setCookie(headers, { name: '__Host-seat', value: id, path: '/', secure: true, httpOnly: true, sameSite: 'Lax' })
      return new Response(null, { status: 204, headers })
    }
    const signout = async (req) => {
      const headers = new Headers()
      deleteCookie(headers, '__Host-seat', { path: '/' })
      ${end}
      return new Response(null, { status: 204, headers })
    }
    const mcp = async (req) => {
      const seat = await seatOf(req)
      if (!seat) return new Response(null, { status: 401 })
      return Response.json({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: seat.login }] } })
    }
    const routes = { 'POST /signin': signin, 'POST /signout': signout, 'POST /mcp': mcp }
    Deno.serve({ hostname: '127.0.0.1', port: 8001 }, (req) => {
      const go = routes[\`\${req.method} \${new URL(req.url).pathname}\`]
      return go ? go(req) : new Response(null, { status: 404 })
    })`

  it('is over where its record is gone, not where the cookie is', () => {
    expect(outcomeOf('missing-session-invalidation', seats(''))).toBe('fail')
    expect(outcomeOf('missing-session-invalidation', seats(`await kv.delete(['seat', idOf(req)])`))).toBe('pass')
  })
})
