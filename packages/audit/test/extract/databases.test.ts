/** Sessions that a database keeps, by the object mappers that programs talk to it with. */
import { describe, expect, it } from 'vitest'
import { factsOf, outcomeOf } from './programs.ts'

const expiry = 'missing-session-expiry'
const invalidation = 'missing-session-invalidation'

/** A server with sessions in a cookie that says nothing about itself; the functions are those of a store. */
const served = (store: string, after = ''): string => `
    import express from 'express'
    import cookieParser from 'cookie-parser'
    import { randomBytes } from 'node:crypto'
    import { check } from './accounts.js'
    ${store}
    const app = express()
    app.use(cookieParser())
    app.post('/login', async (req, res) => {
      const user = await check(req.body.name, req.body.password)
      if (!user) return res.status(401).end()
      const id = randomBytes(32).toString('base64url')
      await open(id, user.id)
      res.cookie('__Host-ops', id, { httpOnly: true, secure: true, sameSite: 'strict' }).end()
    })
    app.post('/mcp', async (req, res) => {
      const id = req.cookies['__Host-ops']
      if (!id) return res.status(401).end()
      const session = await find(id)
      if (!session) return res.status(401).end()
      res.json({ jsonrpc: '2.0', id: req.body.id, result: { user: session.userId } })
    })
    app.post('/logout', async (req, res) => {
      ${after}
      res.clearCookie('__Host-ops').end()
    })
    app.listen(3000, '127.0.0.1')`

const kinds = (program: string): readonly string[] =>
  factsOf(program)
    .stores.flatMap(({ limits }) => limits.map(({ kind }) => kind))
    .toSorted()

const prisma = (find: string, more = ''): string => `
    import { PrismaClient } from '@prisma/client'
    const prisma = new PrismaClient()
    const now = () => new Date()
    const open = (id, userId) => prisma.session.create({ data: { id, userId, expiresAt: new Date(Date.now() + 3600e3) } })
    const find = async (id) => { ${find} }
    ${more}`

const mongo = (find: string, more = ''): string => `
    import { MongoClient } from 'mongodb'
    const sessions = new MongoClient(process.env.MONGO_URL).db().collection('sessions')
    const open = (id, userId) => sessions.insertOne({ _id: id, userId, expiresAt: new Date(Date.now() + 3600e3) })
    const find = async (id) => { ${find} }
    ${more}`

const mongoose = (find: string, more = '', fields = ''): string => `
    import mongoose from 'mongoose'
    const schema = new mongoose.Schema({ _id: String, userId: String, createdAt: { type: Date, default: Date.now${fields} }, expiresAt: Date })
    schema.statics.resume = function (id) { return this.findOne({ _id: id }) }
    ${more}
    const Session = mongoose.model('Session', schema)
    const open = (id, userId) => Session.create({ _id: id, userId, expiresAt: new Date(Date.now() + 3600e3) })
    const find = async (id) => { ${find} }`

describe('a session in a table', () => {
  it.each([
    ['Prisma', prisma('return prisma.session.findUnique({ where: { id } })')],
    ['MongoDB', mongo('return sessions.findOne({ _id: id })')],
    ['Mongoose', mongoose('return Session.findOne({ _id: id })')],
    ['Mongoose, by the key', mongoose('return Session.findById(id).lean()')],
    ['Mongoose, by a static method', mongoose('return Session.resume(id)')],
  ])('lasts for ever where nobody looks at the time: %s', (_, store) => {
    expect(outcomeOf(expiry, served(store))).toBe('fail')
    expect(kinds(served(store))).toEqual([])
  })

  it.each([
    [
      'Prisma, by the query',
      prisma('return prisma.session.findFirst({ where: { id, expiresAt: { gt: new Date() } } })'),
    ],
    [
      'Prisma, by a query with a name',
      prisma('const at = now()\nreturn prisma.session.findFirst({ where: { id, expiresAt: { gte: at } } })'),
    ],
    [
      'Prisma, by several conditions',
      prisma('return prisma.session.findFirst({ where: { AND: [{ id }, { expiresAt: { gt: new Date() } }] } })'),
    ],
    [
      'Prisma, by the record',
      prisma(
        'const found = await prisma.session.findUnique({ where: { id } })\nreturn found && found.expiresAt > new Date() ? found : null',
      ),
    ],
    ['MongoDB, by the query', mongo('return sessions.findOne({ _id: id, expiresAt: { $gt: new Date() } })')],
    [
      'MongoDB, by an index',
      mongo(
        'return sessions.findOne({ _id: id })',
        'await sessions.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 })',
      ),
    ],
    ['Mongoose, by the query', mongoose('return Session.findOne({ _id: id, expiresAt: { $gt: Date.now() } })')],
    ['Mongoose, by a field', mongoose('return Session.findById(id)', '', ', expires: 3600')],
    [
      'Mongoose, by an index',
      mongoose('return Session.resume(id)', 'schema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 })'),
    ],
    [
      'Prisma, by a sweep',
      prisma(
        'return prisma.session.findUnique({ where: { id } })',
        'setInterval(() => prisma.session.deleteMany({ where: { expiresAt: { lt: new Date() } } }), 60_000)',
      ),
    ],
    [
      'MongoDB, by a sweep',
      mongo(
        'return sessions.findOne({ _id: id })',
        'setInterval(() => sessions.deleteMany({ expiresAt: { $lt: new Date() } }), 60_000)',
      ),
    ],
  ])('ends where the time is asked for: %s', (_, store) => {
    expect(kinds(served(store))).toEqual(['absolute'])
  })

  it('is renewed by what sets that time again', () => {
    const find = (renewal: string): string =>
      `const found = await prisma.session.findFirst({ where: { id, expiresAt: { gt: new Date() } } })\n${renewal}\nreturn found`
    const renewal =
      'if (found) await prisma.session.update({ where: { id }, data: { expiresAt: new Date(Date.now() + 3600e3) } })'
    expect(kinds(served(prisma(find(renewal))))).toEqual(['idle'])
  })

  it.each([['other rows by time', 'where: { userId: id, createdAt: { gt: new Date() } }', 'session']])(
    'is not what %s are',
    (_, where) => {
      const store = prisma(
        `await prisma.note.findMany({ ${where} })\nreturn prisma.session.findUnique({ where: { id } })`,
      )
      expect(kinds(served(store))).toEqual([])
    },
  )

  const lasting = prisma('return prisma.session.findUnique({ where: { id } })')
  const kept = mongo('return sessions.findOne({ _id: id })')
  const modelled = mongoose('return Session.findById(id)')
  const id = "req.cookies['__Host-ops']"

  it.each([
    ['Prisma', lasting, ''],
    ['MongoDB', kept, ''],
    ['Mongoose', modelled, ''],
    ['Prisma, of another table', lasting, `await prisma.note.deleteMany({ where: { id: ${id} } })`],
  ])('goes on after a logout that forgets it: %s', (_, store, logout) => {
    expect(outcomeOf(invalidation, served(store, logout))).toBe('fail')
  })

  it.each([
    ['Prisma', lasting, `await prisma.session.delete({ where: { id: ${id} } })`],
    ['Prisma, of many', lasting, `await prisma.session.deleteMany({ where: { id: ${id} } })`],
    [
      'Prisma, of all of a user',
      lasting,
      `const found = await find(${id})\nif (found) await prisma.session.deleteMany({ where: { userId: found.userId } })`,
    ],
    ['MongoDB', kept, `await sessions.deleteOne({ _id: ${id} })`],
    ['Mongoose', modelled, `await Session.deleteOne({ _id: ${id} })`],
    ['Mongoose, by the key', modelled, `await Session.findByIdAndDelete(${id})`],
    ['Mongoose, by the document', modelled, `const found = await find(${id})\nawait found.deleteOne()`],
  ])('ends with a logout that removes it: %s', (_, store, logout) => {
    expect(outcomeOf(invalidation, served(store, logout))).not.toBe('fail')
  })
})

describe('a document of Mongoose', () => {
  const program = (schema: string, made: string): string => `
    import { Hono } from 'hono'
    import { serve } from '@hono/node-server'
    import mongoose, { Types } from 'mongoose'
    import { randomUUID } from 'node:crypto'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
    const Record = mongoose.model('Record', new mongoose.Schema({ lastCall: Date, ${schema} }))
    const live = new Map()
    const app = new Hono()
    app.all('/mcp', async (c) => {
      const sid = c.req.header('mcp-session-id')
      if (sid) return live.get(sid)?.handleRequest(c.req.raw) ?? c.notFound()
      const record = ${made}
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => record.id,
        onsessioninitialized: (id) => { live.set(id, transport); record.save() },
      })
      await new McpServer({ name: 'atlas', version: '1' }).connect(transport)
      return transport.handleRequest(c.req.raw)
    })
    serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 3500 })`

  it.each([
    ['given one', '', 'new Record({ _id: new Types.ObjectId() })'],
    ['given none', '', 'new Record({})'],
    ['put there at once', '', 'await Record.create({ lastCall: new Date() })'],
  ])('has an ObjectId, which can be told from another: %s', (_, schema, made) => {
    expect(outcomeOf('predictable-session-id', program(schema, made))).toBe('fail')
  })

  it.each([
    ['given one', '_id: String', 'new Record({ _id: randomUUID() })'],
    ['drawn by its schema', '_id: { type: String, default: () => randomUUID() }', 'new Record({})'],
  ])('has another key where it is %s', (_, schema, made) => {
    expect(outcomeOf('predictable-session-id', program(schema, made))).toBe('pass')
  })
})

describe('sessions of Deno KV', () => {
  const program = (option: string, check: string): string => `
    import { createServer } from 'node:http'
    import { randomUUID } from 'node:crypto'
    const kv = await Deno.openKv()
    createServer(async (req, res) => {
      const sid = req.headers['mcp-session-id']
      if (!sid) {
        const id = randomUUID()
        await kv.set(['sessions', id], { endsAt: Date.now() + 3600e3, notes: [] }${option})
        return res.setHeader('mcp-session-id', id).end()
      }
      const { value } = await kv.get(['sessions', sid])
      if (!value ${check}) return res.writeHead(404).end()
      res.end(JSON.stringify(value.notes))
    }).listen(3000, '127.0.0.1')`

  it('end where they are given a time, or asked for it', () => {
    expect(kinds(program('', ''))).toEqual([])
    expect(outcomeOf(expiry, program('', ''))).toBe('fail')
    expect(kinds(program(', { expireIn: 3600e3 }', ''))).toEqual(['absolute'])
    expect(kinds(program('', '|| value.endsAt < Date.now()'))).toEqual(['absolute'])
  })

  it('are told from what else lies there', () => {
    const other = program('', '').replace(
      "await kv.set(['sess",
      "await kv.set(['pages', id], 1, { expireIn: 1 }); await kv.set(['sess",
    )
    expect(kinds(other)).toEqual([])
  })
})
