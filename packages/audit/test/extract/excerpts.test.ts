/** Code of a server whose routes and start are elsewhere: handlers, controllers and services that nothing here calls. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, outcomeOf, type Program } from './programs.ts'

const invalidation = 'missing-session-invalidation'
const survives = 'A new password ends no session: whoever got in with the old one stays in.'

describe('a new password in code that nothing here serves', () => {
  const tokens = `
    export class Tokens {
      async revokeSessionsOf(userId) { await this.rows.destroy({ where: { userId } }) }
    }`
  const controller = (end: string): Program => ({
    'tokens.js': tokens,
    'controllers/account.js': `
      class AccountController {
        async updatePassword(req, res) {
          const { current, next } = req.body
          const result = await this.auth.local.changePassword(req.user, current, next)
          if (result.error) return res.status(400).send(result.error)
          ${end}
          res.sendStatus(200)
        }
      }
      module.exports = new AccountController()`,
  })
  const wrapped = (end: string): Program => ({
    'tokens.js': tokens,
    'password.ts': `
      import { pbkdf2, users } from '@acme/shared'
      import { wrapped } from './wrapped.js'
      import { dropSessions } from './auth.js'
      export const putPassword = wrapped(async (req, res) => {
        const hashed = await pbkdf2(req.body.next, req.user.salt, 310000, 32, 'sha256')
        await users.update({ id: req.user.id, hashed_password: hashed })
        ${end}
        res.status(200).send({})
      })`,
  })
  const service = (end: string): Program => ({
    'tokens.js': tokens,
    'routes.ts': `
      import type { App } from './types'
      export function register(app: App, { users }: Services): void {
        app.post('/change-password', async (c) => {
          await users.changePassword({ userId: c.get('auth').id, next: await c.req.json() })
          return c.json({})
        })
      }`,
    'users.ts': `
      export class Users {
        constructor(private readonly rows: Rows, private readonly auth: Hashing) {}
        async changePassword({ userId, next }) {
          const user = await this.rows.getUserById(userId)
          await this.rows.updateUserPassword(user.id, await this.auth.hashPassword(next))
          ${end}
        }
      }`,
  })
  const repository = (end: string): Program => ({
    'tokens.js': tokens,
    'users.ts': `
      import bcrypt from 'bcrypt'
      import { User } from './models'
      export async function reset(req, res) {
        const user = await User.findOne({ where: { resetToken: req.body.token } })
        user.password = await bcrypt.hash(req.body.next, 12)
        await user.save()
        ${end}
        res.end()
      }`,
  })

  it.each([
    [
      'a method of a controller',
      controller,
      'controllers/account.js:4',
      'await this.auth.tokens.invalidateSessions(req.user)',
    ],
    ['a handler in a wrapper', wrapped, 'password.ts:6', 'await dropSessions(req.user.id)'],
    ['a service that a route asks for', service, 'users.ts:5', 'await this.rows.revokeSessionsForUser(userId)'],
    ['a field of a record', repository, 'users.ts:5', 'await Session.destroy({ where: { userId: user.id } })'],
  ])('is seen in %s', (_where, program, place, end) => {
    expect(findingsOf(invalidation, program(''))).toEqual([`${place}: ${survives}`])
    expect(findingsOf(invalidation, program(end))).toEqual([])
  })

  it.each(['deletePasswordResetTokens', 'removeResetToken', 'deleteVerificationToken', 'clear_invitation_tokens'])(
    'ends nothing where the token of the mail is used up by %s',
    (name) => {
      expect(findingsOf(invalidation, wrapped(`await ${name}(req.user.id)`))).toEqual([`password.ts:6: ${survives}`])
    },
  )

  it.each(['deleteTokens', 'resetTokenVersion', 'revokeRefreshTokens', 'resetPasswordTokenVersion'])(
    'may end all that %s names',
    (name) => {
      expect(findingsOf(invalidation, wrapped(`await ${name}(req.user.id)`))).toEqual([])
    },
  )

  it('is nobody’s concern in a whole server where nothing keeps a login', () => {
    const { 'tokens.js': _tokens, ...alone } = wrapped('') as Record<string, string>
    expect(outcomeOf(invalidation, alone)).toBe('fail')
    const listens = "import express from 'express'\nconst app = express()\napp.listen(3000)"
    expect(outcomeOf(invalidation, { ...alone, 'index.ts': listens })).toBe('notApplicable')
  })

  it('is no change where a user is made', () => {
    const made =
      "import { User } from './models'\nexport async function join(req, res) { const user = new User(); user.password = await hashPassword(req.body.password); await user.save(); res.end() }"
    expect(findingsOf(invalidation, { 'tokens.js': tokens, 'join.ts': made })).toEqual([])
  })

  it('ends what a middleware has ended only on its own way', () => {
    const program = (end: string): string => `
      import express from 'express'
      import { users, sessions } from './data'
      const app = express()
      app.use(async (req, res, next) => {
        const session = await sessions.find(req.cookies.sid)
        if (session.expires < Date.now()) { await sessions.deleteSession(session.id); return res.sendStatus(401) }
        await sessions.updateLastUsed(session.id)
        req.user = session.user
        next()
      })
      app.post('/password', async (req, res) => {
        await users.update(req.user.id, { passwordHash: await users.hashPassword(req.body.next) })
        ${end}
        res.end()
      })
      app.listen(3000)`
    expect(findingsOf(invalidation, program(''))).toEqual([`server.ts:12: ${survives}`])
    expect(findingsOf(invalidation, program('await sessions.deleteSessionsOf(req.user.id)'))).toEqual([])
  })
})

describe('handlers of web sessions that are registered elsewhere', () => {
  const setup = `
    import session from 'express-session'
    import type express from 'express'
    export function setup(app: express.Router) {
      app.use(session({ secret: process.env.SECRET, store: makeStore(), cookie: { maxAge: 1000 } }))
    }`

  it('are logouts all the same', () => {
    const logout = `
      import { wrapped } from './wrapped.js'
      export const logout = wrapped((req, res) => { req.session.destroy(() => res.end()) })`
    expect(findingsOf(invalidation, { 'setup.ts': setup })).toHaveLength(1)
    expect(findingsOf(invalidation, { 'setup.ts': setup, 'logout.ts': logout })).toEqual([])
  })

  it('are logins all the same', () => {
    const login = (regenerate: string): string => `
      import { wrapped } from './wrapped.js'
      import { check } from './users.js'
      export const login = wrapped(async (req, res) => {
        const user = await check(req.body.name, req.body.password)
        if (!user) return res.sendStatus(401)
        ${regenerate}
        req.session.user = user
        res.end()
      })`
    const program = (regenerate: string): Program => ({ 'setup.ts': setup, 'login.ts': login(regenerate) })
    expect(outcomeOf('session-fixation', program(''))).toBe('fail')
    expect(outcomeOf('session-fixation', program('await req.session.regenerate()'))).not.toBe('fail')
  })
})

describe('an app that a function is given', () => {
  it('has the routes that are registered on it, whatever it is declared to be', () => {
    const register = "export function register(app: HonoApp) { app.post('/x', async (c) => c.json({})) }"
    expect(factsOf({ 'routes.ts': register }).hasServerCode).toBe(true)
  })
})

describe('a library of sessions', () => {
  const storage = (id: string): Program => ({
    'lib/sessions/memory.ts': `
      import { createStorage } from '../storage'
      export function createMemorySessionStorage() {
        const map = new Map()
        return createStorage({
          async createData(data) {
            let id = ${id}
            map.set(id, data)
            return id
          },
        })
      }`,
    'lib/storage.ts': `
      export function createStorage({ createData }) {
        return { async commit(session) { return 'sid=' + (session.id || (await createData(session.data))) } }
      }`,
  })

  it('is graded by the IDs that it makes', () => {
    expect(findingsOf('predictable-session-id', storage('Math.random().toString(36).slice(2)'))).toEqual([
      expect.stringMatching(/^lib\/sessions\/memory.ts:7: The session ID holds at most/),
    ])
    expect(findingsOf('predictable-session-id', storage('crypto.randomUUID()'))).toEqual([])
  })
})

describe('code that keeps secrets well', () => {
  it('has an answer, though it serves nothing', () => {
    const check = "import { timingSafeEqual } from 'node:crypto'\nexport const isKey = (a, b) => timingSafeEqual(a, b)"
    expect(factsOf({ 'key.ts': check }).hasServerCode).toBe(true)
    expect(factsOf({ 'sum.ts': 'export const sum = (a, b) => a + b' }).hasServerCode).toBe(false)
  })
})
