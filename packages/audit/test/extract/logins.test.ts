/** Where a session is told who its user is. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf } from './programs.ts'

const web = (route: string): string => `
  import express from 'express'
  import session from 'express-session'
  const app = express()
  app.use(session({ secret: process.env.SECRET, cookie: { secure: true, sameSite: 'lax' } }))
  ${route}
`

it.each([
  ['at the address of a login', "app.post('/login', (req, res) => { req.session.userId = 7; res.end() })", 1],
  ['at its callback', "app.get('/auth/callback', (req, res) => { req.session.user = { id: 7 }; res.end() })", 1],
  [
    'in a new session',
    "app.post('/login', (req, res) => req.session.regenerate(() => { req.session.userId = 7; res.end() }))",
    0,
  ],
  ['who is logged in already', "app.post('/profile', (req, res) => { req.session.user = { id: 7 }; res.end() })", 0],
  ['that nobody is', "app.post('/auth/logout', (req, res) => { req.session.user = { id: 7 }; res.end() })", 0],
  ['that nobody is any more', "app.post('/login', (req, res) => { req.session.user = undefined; res.end() })", 0],
  ['something else', "app.post('/login', (req, res) => { req.session.attempts = 1; res.end() })", 0],
])('%s', (_what, route, count) => {
  expect(findingsOf('session-fixation', web(route))).toHaveLength(count)
})

describe('a record that is told at the end of a login who the caller is', () => {
  const called = (callback: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { issuer } from './issuer'
    const sessions = new Map()
    const app = express()
    app.get('/auth/login', (req, res) => {
      const id = randomUUID()
      sessions.set(id, { at: Date.now() })
      res.cookie('sid', id).redirect('https://issuer.example/?state=' + id)
    })
    app.get('/auth/callback', async (req, res) => {
      const user = await issuer.exchange(req.query.code)
      ${callback}
      res.redirect('/')
    })
    app.get('/me', (req, res) => res.json(sessions.get(req.cookies.sid)))
    app.listen(3000)`

  it('is the one from before it', () => {
    const callback = 'const session = sessions.get(req.query.state); if (!session) return; session.user = user.sub'
    expect(outcomeOf('session-fixation', called(callback))).toBe('fail')
  })

  it.each([
    [
      'has just been made',
      "const id = randomUUID(); sessions.set(id, {}); sessions.get(id).user = user.sub; res.cookie('sid', id)",
    ],
    [
      'gets a new ID',
      'const session = sessions.get(req.query.state); sessions.delete(req.query.state); session.user = user.sub; sessions.set(randomUUID(), session)',
    ],
  ])('%s', (_how, callback) => {
    expect(outcomeOf('session-fixation', called(callback))).toBe('pass')
  })
})

describe('a login that writes whose a row of sessions is', () => {
  const served = (before: string, login: string): string => `
    import express from 'express'
    import cookieParser from 'cookie-parser'
    ${before}
    const app = express()
    app.use(express.json(), cookieParser())
    app.use(async (req, res, next) => {
      if (req.cookies.sid) return next()
      const sid = crypto.randomUUID()
      await create(sid)
      res.cookie('sid', sid)
      next()
    })
    app.get('/me', async (req, res) => {
      const session = await load(req.cookies.sid)
      res.json({ user: session?.userId })
    })
    app.post('/login', async (req, res) => {
      const user = await findUser(req.body.email)
      if (!user || !(await compare(req.body.password, user.hash))) return res.status(401).end()
      ${login}
      res.end()
    })
    app.listen(3000)`
  const prisma = `
    import { PrismaClient } from '@prisma/client'
    const prisma = new PrismaClient()
    const create = (id) => prisma.session.create({ data: { id } })
    const load = (id) => prisma.session.findUnique({ where: { id } })`
  const mongo = `
    import { MongoClient } from 'mongodb'
    const sessions = new MongoClient(process.env.URL).db().collection('sessions')
    const create = (sid) => sessions.insertOne({ sid })
    const load = (sid) => sessions.findOne({ sid })`
  const sql = `
    import { Pool } from 'pg'
    const pool = new Pool()
    const create = (sid) => pool.query('INSERT INTO sessions (id) VALUES ($1)', [sid])
    const load = async (sid) => (await pool.query('SELECT * FROM sessions WHERE id = $1', [sid])).rows[0]
    const mark = (sid, user) => pool.query('UPDATE sessions SET user_id = $2 WHERE id = $1', [sid, user])
    async function renew(old) {
      await pool.query('DELETE FROM sessions WHERE id = $1', [old])
      const sid = crypto.randomUUID()
      await create(sid)
      return sid
    }`

  it.each([
    [
      'by Prisma',
      prisma,
      'await prisma.session.update({ where: { id: req.cookies.sid }, data: { userId: user.id } })',
      'fail',
    ],
    ['by MongoDB', mongo, 'await sessions.updateOne({ sid: req.cookies.sid }, { $set: { userId: user.id } })', 'fail'],
    ['by SQL', sql, 'await mark(req.cookies.sid, user.id)', 'fail'],
    [
      'after that row was taken out, and another one made',
      sql,
      "const sid = await renew(req.cookies.sid)\nawait mark(sid, user.id)\nres.cookie('sid', sid)",
      'pass',
    ],
    [
      'in a row of its own',
      prisma,
      "const sid = crypto.randomUUID()\nawait prisma.session.create({ data: { id: sid, userId: user.id } })\nres.cookie('sid', sid)",
      'pass',
    ],
  ])('%s', (_, before, login, outcome) => {
    expect(outcomeOf('session-fixation', served(before, login))).toBe(outcome)
  })
})

describe('a login of two steps', () => {
  const login = (first: string, second: string, rest = ''): readonly string[] =>
    findingsOf(
      'session-fixation',
      web(`
        const anew = (req) => new Promise((resolve, reject) => req.session.regenerate((error) => (error ? reject(error) : resolve())))
        app.post('/login', async (req, res) => {
          const user = await db.verify(req.body.name, req.body.password)
          if (!user) return res.sendStatus(401)
          if (user.mfa) { ${first}; return res.json({ mfa: true }) }
          await anew(req)
          req.session.userId = user.id
          res.end()
        })
        app.post('/login/code', async (req, res) => {
          const id = req.session.pendingId
          if (!id) return res.sendStatus(401)
          const user = await db.verifyCode(id, req.body.code)
          if (!user) return res.sendStatus(401)
          ${second}
          req.session.userId = user.id
          res.end()
        })
        app.get('/me', (req, res) => (req.session.userId ? res.json({}) : res.sendStatus(401)))
        ${rest}`),
    ).map((finding) => /writes (\w+)/.exec(finding)?.[1] ?? finding)

  const half = 'req.session.pendingId = user.id'

  it('is over after the second', () => {
    expect(login(half, 'await anew(req); req.session.pendingId = undefined')).toEqual([])
  })

  it('has to end in a new session', () => {
    expect(login(half, 'req.session.pendingId = undefined')).toEqual(['pendingId', 'userId'])
  })

  it('is over after the first where what it writes lets in elsewhere', () => {
    const other = "app.get('/mail', (req, res) => (req.session.pendingId ? res.json({}) : res.sendStatus(401)))"
    expect(login(half, 'await anew(req)', other)).toEqual(['pendingId'])
    expect(login('req.session.userId = user.id', 'await anew(req)')).toEqual(['userId'])
  })
})
