/** What an answer sends away in an address, and codes that a client gets that way. */
import { describe, expect, it } from 'vitest'
import { findingsOf, type Program } from './programs.ts'

/** The end of a login at somebody else's: `made` makes what the browser is sent back with, `answer` sends it. */
const login = (made: string, answer: string): string => `
  import express from 'express'
  import jwt from 'jsonwebtoken'
  import { randomBytes } from 'node:crypto'
  const app = express()
  const sessions = new Map()
  app.get('/callback', async (req, res) => {
    const user = await (await fetch('https://idp.example/' + req.query.code)).text()
    const token = ${made}
    ${answer}
  })
  app.listen(3000, '127.0.0.1')`
const signed = "jwt.sign({ sub: user }, process.env.KEY, { expiresIn: '1h' })"
const random = "randomBytes(32).toString('hex')"
const sent = (program: Program): readonly string[] => findingsOf('session-token-in-url', program)

describe('a secret is sent in an address', () => {
  it.each([
    ['a template', signed, 'res.redirect(`https://app.example/done?token=${token}`)'],
    ['put together', signed, "res.redirect('https://app.example/done' + '?token=' + token)"],
    ['with a status', random, "res.redirect(302, '/done?session=' + token)"],
    [
      'a URL that is filled',
      signed,
      "const url = new URL(process.env.APP); url.searchParams.set('token', token); res.redirect(url.toString())",
    ],
    [
      'the same by its href',
      signed,
      "const url = new URL('/x', process.env.APP); url.searchParams.append('token', token); res.redirect(url.href)",
    ],
    ['a form of its own', signed, 'const query = new URLSearchParams({ token, user }); res.redirect(`/done?${query}`)'],
    ['a key of a session', random, 'sessions.set(token, user); res.redirect(`/done?sid=${token}`)'],
  ])('%s', (_, made, answer) => {
    expect(sent(login(made, answer))).toEqual([expect.stringMatching(/^server\.ts:9: .* is sent in/)])
  })

  it.each([
    ['under a name that says nothing', 'res.redirect(`/done?state=${token}`)'],
    ['a code, which is good once', 'res.redirect(`${req.query.redirect_uri}?code=${token}`)'],
    ['in a cookie', "res.cookie('token', token, { httpOnly: true, secure: true, sameSite: 'lax' }).redirect('/done')"],
    [
      'to somebody else, in a body',
      "await fetch('https://idp.example', { method: 'POST', body: new URLSearchParams({ token }) }); res.end()",
    ],
    ['only whether there is one', "res.redirect('/done?token=' + Boolean(user))"],
  ])('is not: %s', (_, answer) => {
    expect(sent(login(random, answer))).toEqual([])
  })

  describe('what headers bring to find a session', () => {
    const served = (answer: string): string =>
      login(random, `const key = createHash('sha256').update(token).digest('hex'); sessions.set(key, user); ${answer}`)
        .replace('randomBytes }', 'createHash, randomBytes, randomUUID }')
        .replace(
          'app.listen',
          `app.get('/me', (req, res) => {
            const token = req.headers.authorization.slice(7)
            res.end(sessions.get(createHash('sha256').update(token).digest('hex')))
          })
          app.listen`,
        )

    it.each([
      ['in a query, whatever it is called there', "res.redirect('/done?s=' + token)"],
      ['in a path', 'res.redirect(`/done/${token}/start`)'],
    ])('%s', (_, answer) => {
      expect(sent(served(answer))).toEqual([expect.stringMatching(/^server\.ts:9: A session ID is sent in/)])
    })

    it.each([
      ['another text', "res.redirect('/done?s=' + randomUUID())"],
      ['in a fragment, which no server is told', "res.redirect('/done#s=' + token)"],
      [
        'in a cookie',
        "res.cookie('s', token, { httpOnly: true, secure: true, sameSite: 'lax' }).redirect('/done?s=1')",
      ],
    ])('is not: %s', (_, answer) => {
      expect(sent(served(answer))).toEqual([])
    })
  })

  const frameworks: readonly [string, Program][] = [
    [
      'Hono',
      `
      import { Hono } from 'hono'
      import { sign } from 'hono/jwt'
      const app = new Hono()
      app.get('/callback', async (c) => c.redirect('/done?token=' + await sign({ sub: c.req.query('user') }, process.env.KEY)))
      export default app`,
    ],
    [
      'Koa',
      `
      import Koa from 'koa'
      import jwt from 'jsonwebtoken'
      const app = new Koa()
      app.use(async (ctx) => { ctx.redirect('/done?token=' + jwt.sign({ sub: ctx.query.user }, process.env.KEY)) })
      app.listen(3000)`,
    ],
    [
      'NestJS',
      `
      import { Controller, Get, Injectable, Module, Req, Res } from '@nestjs/common'
      import { JwtModule, JwtService } from '@nestjs/jwt'
      import { NestFactory } from '@nestjs/core'
      @Injectable()
      class Logins {
        constructor(private readonly tokens: JwtService) {}
        async begin(user) { return { access_token: await this.tokens.signAsync({ sub: user.id }), user } }
      }
      @Controller('auth')
      class Auth {
        constructor(private readonly logins: Logins) {}
        @Get('callback')
        async callback(@Req() req, @Res() res) {
          const { access_token } = await this.logins.begin(req.user)
          res.redirect(\`https://app.example/done?token=\${access_token}\`)
        }
      }
      @Module({ imports: [JwtModule.register({ secret: process.env.KEY, signOptions: { expiresIn: '1h' } })], controllers: [Auth] })
      class App {}
      const app = await NestFactory.create(App)
      await app.listen(3000)`,
    ],
  ]
  it.each(frameworks)('by %s', (_, program) => {
    expect(sent(program)).toEqual([expect.stringMatching(/is sent in the query parameter token/)])
  })
})

describe('an authorization code', () => {
  const authorize = (made: string): Program => `
    import express from 'express'
    import { randomBytes } from 'node:crypto'
    const app = express()
    const codes = new Map()
    app.get('/authorize', (req, res) => {
      const code = ${made}
      codes.set(code, req.query.client_id)
      const back = new URL(req.query.redirect_uri)
      back.searchParams.set('code', code)
      res.redirect(back.toString())
    })
    app.listen(3000, '127.0.0.1')`

  it('can be guessed where a clock and Math.random make it', () => {
    expect(findingsOf('predictable-session-id', authorize('`auth_${Date.now()}_${Math.random()}`'))).toEqual([
      expect.stringMatching(/authorization code holds at most/),
    ])
    expect(findingsOf('predictable-session-id', authorize("randomBytes(32).toString('hex')"))).toEqual([])
  })
})

describe('the key of @nestjs/jwt', () => {
  const server = (registered: string): Program => `
    import { Controller, Post, Module } from '@nestjs/common'
    import { ConfigService } from '@nestjs/config'
    import { JwtModule, JwtService } from '@nestjs/jwt'
    import { NestFactory } from '@nestjs/core'
    @Controller()
    class Auth {
      constructor(private readonly tokens: JwtService) {}
      @Post('login')
      login() { return { token: this.tokens.sign({ sub: 'alice' }) } }
    }
    @Module({ imports: [${registered}], controllers: [Auth] })
    class App {}
    const app = await NestFactory.create(App)
    await app.listen(3000)`

  it.each([
    ['is written', "JwtModule.register({ secret: 'a-text-in-the-source' })", 1],
    [
      'falls back to text',
      "JwtModule.registerAsync({ inject: [ConfigService], useFactory: (config: ConfigService) => ({ secret: config.get('JWT_SECRET') || 'secretKey' }) })",
      1,
    ],
    ['comes from outside', 'JwtModule.register({ secret: process.env.JWT_SECRET })', 0],
  ])('%s', (_, registered, count) => {
    expect(findingsOf('weak-session-secret', server(registered))).toHaveLength(count)
  })

  const asked =
    "JwtModule.registerAsync({ inject: [ConfigService], useFactory: (config: ConfigService) => ({ secret: config.get('auth.secret') }) })"
  it.each([
    [
      'falls back to text in settings that are loaded',
      "() => ({ auth: { secret: process.env.SECRET ?? 'change-me' } })",
      1,
    ],
    [
      'falls back to text in a part of them',
      "registerAs('auth', () => ({ secret: process.env.SECRET || 'change-me' }))",
      1,
    ],
    ['is loaded from outside', '() => ({ auth: { secret: process.env.SECRET } })', 0],
  ])('%s', (_, settings, count) => {
    const program = {
      'server.ts': `import settings from './settings'
${String(server(`ConfigModule.forRoot({ load: [settings] }), ${asked}`)).replace('{ ConfigService }', '{ ConfigModule, ConfigService }')}`,
      'settings.ts': `import { registerAs } from '@nestjs/config'
export default ${settings}`,
    }
    expect(findingsOf('weak-session-secret', program)).toHaveLength(count)
  })
})

describe('the key of @fastify/secure-session', () => {
  const server = (key: string): Program => `
    import fastify from 'fastify'
    import session from '@fastify/secure-session'
    const app = fastify()
    const key = ${key}
    app.register(session, { key, cookie: { path: '/', httpOnly: true, secure: true, sameSite: 'lax' } })
    app.post('/login', async (request, reply) => { request.session.set('user', 'alice'); return reply.send() })
    app.listen({ port: 3000 })`
  const written = "Buffer.from('d30a7eae1e37a08d6d5c65ac91dfbc75b54ce34dd29153439979364046cc06ae', 'hex')"

  it('seals what its sessions hold', () => {
    expect(
      findingsOf('weak-session-secret', server(`process.env.KEY ? Buffer.from(process.env.KEY, 'hex') : ${written}`)),
    ).toHaveLength(1)
    expect(findingsOf('weak-session-secret', server("Buffer.from(process.env.KEY, 'hex')"))).toEqual([])
  })
})

describe('a walk through records for the one that has a token', () => {
  const server = (find: string): Program => `
    import express from 'express'
    const clients = new Map()
    const app = express()
    app.post('/clients', async (req, res) => {
      const answer = await (await fetch('https://idp.example/token', { method: 'POST', body: req.body.code })).json()
      clients.set(req.body.client_id, { token: answer.access_token, name: req.body.name })
      res.end()
    })
    app.post('/mcp', (req, res) => {
      const token = req.headers.authorization?.slice(7)
      ${find}
      res.end()
    })
    app.listen(3000)`

  it('compares each with it', () => {
    const walk = (field: string): Program =>
      server(`for (const [id, client] of clients) if (client.${field} === token) return res.json({ id })`)
    expect(findingsOf('timing-unsafe-comparison', walk('token'))).toHaveLength(1)
    expect(findingsOf('timing-unsafe-comparison', walk('name'))).toEqual([])
  })

  it('does not where one was found by its key', () => {
    const find = 'const client = clients.get(token); if (client === undefined) return res.sendStatus(401)'
    expect(findingsOf('timing-unsafe-comparison', server(find))).toEqual([])
  })
})
