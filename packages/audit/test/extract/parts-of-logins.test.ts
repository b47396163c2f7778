/** Logins, logouts and tokens in a part of a server: whoever calls them, and what sets sessions up, is in files that are not there. */
import { describe, expect, it } from 'vitest'
import { findingsOf, type Program } from './programs.ts'

const checked = 'if (!user || !(await bcrypt.compare(body.password, user.hash))) throw new Error()'
const anew = 'await new Promise((done) => req.session.regenerate(done))'

describe('a login that writes into the session from before it', () => {
  const logins: readonly (readonly [string, (before: string) => Program, string])[] = [
    [
      'a method of a class',
      (before) => ({
        'accounts.js': `
          import bcrypt from 'bcrypt'
          export class Accounts {
            constructor(users) { this.users = users }
            async login(req, res) {
              const { body } = req
              const user = await this.users.byEmail(body.email)
              ${checked}
              ${before}
              req.session.user = user
              res.json({})
            }
          }`,
      }),
      'accounts.js:9',
    ],
    [
      'a field of a class',
      (before) => ({
        'accounts.js': `
          export class Accounts {
            login = async (req, res) => {
              const user = await this.users.check(req.body)
              ${before}
              req.session.user = user
              res.json({})
            }
          }`,
      }),
      'accounts.js:5',
    ],
    [
      'a resolver that takes the request out of a context',
      (before) => ({
        'resolvers.ts': `
          import bcrypt from 'bcrypt'
          export const resolvers = {
            Mutation: {
              login: async (_, body, { req, db }) => {
                const user = await db.user.findUnique({ where: { email: body.email } })
                ${checked}
                ${before}
                req.session.userId = user.id
                return user
              },
            },
          }`,
      }),
      'resolvers.ts:8',
    ],
    [
      'a resolver that is given a context',
      (before) => ({
        'resolver.ts': `
          import { Resolver, Mutation, Arg, Ctx } from 'type-graphql'
          @Resolver()
          export class Users {
            @Mutation(() => User)
            async signIn(@Arg('input') input: Input, @Ctx() ctx: Context) {
              const { req } = ctx
              const user = await this.users.check(input)
              ${before}
              ctx.req.session.userId = user.id
              return user
            }
          }`,
      }),
      'resolver.ts:9',
    ],
    [
      'a controller of NestJS',
      (before) => ({
        'auth.controller.ts': `
          import { Body, Controller, Post, Req } from '@nestjs/common'
          @Controller('auth')
          export class AuthController {
            @Post('login')
            async login(@Req() req: Request, @Body() body: Login) {
              const user = await this.auth.check(body)
              ${before}
              req.session.user = user
              return {}
            }
          }`,
      }),
      'auth.controller.ts:8',
    ],
    [
      'what a library makes for a callback',
      (before) => ({
        'callback.js': `
          module.exports = function callback(config, client) {
            return async (req, res, next) => {
              const tokens = await client.callback(config.redirectUri, client.callbackParams(req))
              ${before}
              req.session.user = tokens.claims().sub
              next()
            }
          }`,
      }),
      'callback.js:5',
    ],
  ]

  it.each(logins)('is seen in %s', (_where, program, at) => {
    const found = findingsOf('session-fixation', program(''))
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(at)
    expect(findingsOf('session-fixation', program(anew))).toEqual([])
  })

  it('is none where somebody who is known changes what the session holds', () => {
    const program = 'export class Profile { async rename(req, res) { req.session.user = req.body.user; res.end() } }'
    expect(findingsOf('session-fixation', program)).toEqual([])
  })
})

describe('a logout whose session is set up elsewhere', () => {
  const logout = (body: string): Program => ({
    'logout.js': `const { endSession } = require('./sessions'); exports.logout = async (req, res) => { ${body}; res.redirect('/') }`,
  })

  it.each([
    ['takes its user out', 'delete req.session.userId'],
    ['forgets its user', 'req.session.user = null'],
    ['asks passport as it was of old', 'req.logout()'],
    ['takes back the cookie alone', "res.clearCookie('connect.sid')"],
  ])('and that %s', (_how, body) => {
    expect(findingsOf('missing-session-invalidation', logout(body))).toHaveLength(1)
  })

  it.each([
    ['destroys it', 'delete req.session.userId; req.session.destroy()'],
    ['makes a new one', 'req.session.user = null; req.session.regenerate(() => {})'],
    ['asks passport as it is now', 'req.logout((error) => {})'],
    ['has something else end it', 'req.session.user = null; await endSession(req)'],
    ['drops all that a cookie holds', 'req.session = null'],
    ['takes another cookie back', "res.clearCookie('theme')"],
  ])('and that %s ends it', (_how, body) => {
    expect(findingsOf('missing-session-invalidation', logout(body))).toEqual([])
  })

  it('is told from a change of accounts', () => {
    const program = 'exports.switchAccount = (req, res) => { req.session.account = null; res.json({}) }'
    expect(findingsOf('missing-session-invalidation', program)).toEqual([])
  })
})

describe('a token that is signed for a login and verified elsewhere', () => {
  const signed = (claims: string, options = '', name = 'issue'): string => `
    import jwt from 'jsonwebtoken'
    export const ${name} = (user) => jwt.sign(${claims}, process.env.JWT_SECRET${options})`

  it.each([
    ['without an end', signed('{ id: user.id }'), 1],
    ['with one', signed('{ id: user.id }', ", { expiresIn: '1h' }"), 0],
    ['with one among its claims', signed('{ sub: user.id, exp: user.until }'), 0],
    ['with claims that are made elsewhere', signed('user'), 0],
    ['for one use', signed('{ email: user.email }', '', 'resetLink'), 0],
    ['for another party', signed('{ sub: user.id, aud: "billing" }'), 0],
    ['of something else', signed('{ order: user.order }'), 0],
  ])('%s', (_what, program, count) => {
    expect(findingsOf('missing-session-expiry', program)).toHaveLength(count)
  })

  it('is left alone in a whole server that verifies none', () => {
    const program = `${signed('{ id: user.id }')}\nimport express from 'express'\nconst app = express()\napp.get('/', (req, res) => res.json(issue({})))\napp.listen(1)`
    expect(findingsOf('missing-session-expiry', program)).toEqual([])
  })
})

describe('a new password that a function sets', () => {
  const changed = (end: string): string => `
    import bcrypt from 'bcrypt'
    import { db } from './db'
    export function changePassword(user, next) {
      db.run('UPDATE users SET password = ? WHERE id = ?', [bcrypt.hashSync(next, 12), user])
      ${end}
    }`

  it('leaves the sessions of its user alone, or ends them', () => {
    expect(findingsOf('missing-session-invalidation', changed(''))).toHaveLength(1)
    const end = "db.run('DELETE FROM sessions WHERE user = ?', [user])"
    expect(findingsOf('missing-session-invalidation', changed(end))).toEqual([])
  })
})
