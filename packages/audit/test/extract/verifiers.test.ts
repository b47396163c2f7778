/** Functions that authenticating middleware is given: what they hold a credential against is looked at as well. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf, type Program } from './programs.ts'

const timing = 'timing-unsafe-comparison'
const loose = 'token === process.env.API_TOKEN'
const tight = 'timingSafeEqual(Buffer.from(token), Buffer.from(process.env.API_TOKEN))'

const express = (auth: string): string => `
  import express from 'express'
  import { timingSafeEqual } from 'node:crypto'
  import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
  import { mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
  import { ProxyOAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/providers/proxyProvider.js'
  import passport from 'passport'
  import { Strategy as BearerStrategy } from 'passport-http-bearer'
  import { Strategy as LocalStrategy } from 'passport-local'
  import { Strategy as JwtStrategy } from 'passport-jwt'
  import { expressjwt } from 'express-jwt'
  import basicAuth from 'express-basic-auth'
  import basic from 'basic-auth'
  import { MCPAuth } from 'mcp-auth'
  const app = express()
  ${auth}
  app.post('/mcp', auth, (req, res) => res.json({ jsonrpc: '2.0', id: req.body.id, result: {} }))
  app.listen(3000, '127.0.0.1')`

/** Each is told the credential in its own way; the comparison is put in. */
const WAYS: readonly (readonly [string, (test: string) => string | Program])[] = [
  [
    'an object for requireBearerAuth',
    (test) =>
      express(`const auth = requireBearerAuth({ verifier: { verifyAccessToken: async (token) => {
        if (!(${test})) throw new Error('no')
        return { token, clientId: 'one', scopes: [] }
      } } })`),
  ],
  [
    'an instance for requireBearerAuth',
    (test) =>
      express(`class Verifier {
        async verifyAccessToken(token) { if (!this.isGood(token)) throw new Error('no'); return { token } }
        isGood(token) { return ${test} }
      }
      const auth = requireBearerAuth({ verifier: new Verifier() })`),
  ],
  [
    'a proxy provider',
    (test) =>
      express(`const provider = new ProxyOAuthServerProvider({
        endpoints: {}, getClient: async () => undefined,
        verifyAccessToken: async (token) => { if (!(${test})) throw new Error('no'); return { token } },
      })
      const auth = requireBearerAuth({ verifier: provider })`),
  ],
  [
    'a strategy of passport',
    (test) =>
      express(`passport.use(new BearerStrategy((token, done) => done(null, ${test} ? { id: 1 } : false)))
      const auth = passport.authenticate('bearer', { session: false })`),
  ],
  [
    'a strategy by another name, told the request first',
    (test) =>
      express(`passport.use('form', new LocalStrategy({ passReqToCallback: true }, (req, name, token, done) =>
        done(null, ${test} ? { name } : false)))
      const auth = passport.authenticate(['form', 'other'])`),
  ],
  ['basic authentication', (test) => express(`const auth = basicAuth({ authorizer: (name, token) => ${test} })`)],
  [
    'basic authentication by hand',
    (test) =>
      express(`const auth = (req, res, next) => {
        const token = basic(req)?.pass
        if (!(${test})) return res.sendStatus(401)
        next()
      }`),
  ],
  [
    'mcp-auth',
    (test) =>
      express(`const mcpAuth = new MCPAuth({ server })
      const auth = mcpAuth.bearerAuth(async (token) => { if (!(${test})) throw new Error('no'); return { token } })`),
  ],
  [
    'bearerAuth of Hono',
    (test) => `
      import { Hono } from 'hono'
      import { bearerAuth } from 'hono/bearer-auth'
      import { timingSafeEqual } from 'node:crypto'
      const app = new Hono()
      app.use('/mcp', bearerAuth({ verifyToken: async (token, c) => ${test} }))
      app.post('/mcp', (c) => c.json({ jsonrpc: '2.0' }))
      export default app`,
  ],
  [
    'a plugin of Fastify',
    (test) => `
      import Fastify from 'fastify'
      import bearer from '@fastify/bearer-auth'
      import { timingSafeEqual } from 'node:crypto'
      const app = Fastify()
      app.register(bearer, { keys: new Set(), auth: (token, request) => ${test} })
      app.post('/mcp', async () => ({ jsonrpc: '2.0' }))
      app.listen({ port: 3000 })`,
  ],
  [
    'what @fastify/auth is told',
    (test) => `
      import Fastify from 'fastify'
      import { timingSafeEqual } from 'node:crypto'
      const app = Fastify()
      app.decorate('verifyKey', async (request, reply) => {
        const token = request.headers['x-key']
        if (!(${test})) throw new Error('no')
      })
      app.post('/mcp', { preHandler: app.auth([app.verifyKey]) }, async () => ({ jsonrpc: '2.0' }))
      app.listen({ port: 3000 })`,
  ],
  [
    'basic authentication of Fastify',
    (test) => `
      import Fastify from 'fastify'
      import basicAuth from '@fastify/basic-auth'
      import { timingSafeEqual } from 'node:crypto'
      const app = Fastify()
      await app.register(basicAuth, { validate: async (name, token) => { if (!(${test})) throw new Error('no') } })
      app.addHook('onRequest', app.basicAuth)
      app.post('/mcp', async () => ({ jsonrpc: '2.0' }))
      app.listen({ port: 3000 })`,
  ],
  [
    'a strategy of hapi',
    (test) => `
      import Hapi from '@hapi/hapi'
      import { timingSafeEqual } from 'node:crypto'
      const server = Hapi.server({ port: 3000 })
      server.auth.strategy('simple', 'bearer-access-token', {
        validate: async (request, token, h) => ({ isValid: ${test}, credentials: {} }),
      })
      server.auth.default('simple')
      server.route({ method: 'POST', path: '/mcp', handler: async () => ({ jsonrpc: '2.0' }) })
      await server.start()`,
  ],
  [
    'a scheme of hapi',
    (test) => `
      import Hapi from '@hapi/hapi'
      import { timingSafeEqual } from 'node:crypto'
      const server = Hapi.server({ port: 3000 })
      server.auth.scheme('key', () => ({
        authenticate(request, h) {
          const token = request.headers['x-api-key']
          if (!(${test})) throw new Error('no')
          return h.authenticated({ credentials: {} })
        },
      }))
      server.auth.strategy('own', 'key')
      server.route({ method: 'POST', path: '/mcp', options: { auth: 'own' }, handler: async () => ({ jsonrpc: '2.0' }) })
      await server.start()`,
  ],
  [
    'a strategy of Nest',
    (test) => `
      import { Controller, Post, UseGuards, Injectable } from '@nestjs/common'
      import { PassportStrategy, AuthGuard } from '@nestjs/passport'
      import { Strategy } from 'passport-http-bearer'
      import { timingSafeEqual } from 'node:crypto'
      @Injectable()
      export class TokenStrategy extends PassportStrategy(Strategy, 'token') {
        async validate(token: string) { return ${test} ? { id: 1 } : null }
      }
      @Controller('mcp')
      export class McpController {
        @Post() @UseGuards(AuthGuard('token'))
        handle() { return { jsonrpc: '2.0' } }
      }`,
  ],
  [
    'a login of Auth.js',
    (test) => ({
      'app/api/auth/[...nextauth]/route.ts': `
        import NextAuth from 'next-auth'
        import Credentials from 'next-auth/providers/credentials'
        import { timingSafeEqual } from 'node:crypto'
        const { handlers } = NextAuth({ secret: process.env.AUTH_SECRET, providers: [Credentials({
          authorize: async ({ password: token }) => (${test} ? { id: '1' } : null),
        })] })
        export const { GET, POST } = handlers`,
    }),
  ],
  [
    'elysia’s bearer',
    (test) => `
      import { Elysia } from 'elysia'
      import { timingSafeEqual } from 'node:crypto'
      new Elysia()
        .post('/mcp', () => ({ jsonrpc: '2.0' }), {
          beforeHandle({ bearer: token, set }) { if (!(${test})) { set.status = 401; return 'no' } },
        })
        .listen(3000)`,
  ],
]

describe('a credential that is compared', () => {
  it.each(WAYS)('in %s', (_how, program) => {
    expect(outcomeOf(timing, program(loose))).toBe('fail')
    expect(outcomeOf(timing, program(tight))).not.toBe('fail')
  })
})

describe('a verifier that nobody mounts', () => {
  it.each([
    [
      'a class',
      (test: string) =>
        `export class Provider { async verifyAccessToken(token) { if (!(${test})) throw new Error('no') } }`,
    ],
    [
      'an object',
      (test: string) =>
        `export const verifier = { async verifyAccessToken(token) { if (!(${test})) throw new Error('no') } }`,
    ],
    [
      'what a function makes',
      (test: string) =>
        `export function create() { return { async verifyAccessToken(token) { if (!(${test})) throw new Error('no') } } }`,
    ],
  ])('is asked all the same: %s', (_what, program) => {
    expect(outcomeOf(timing, program(loose))).toBe('fail')
    expect(outcomeOf(timing, `import { timingSafeEqual } from 'node:crypto'; ${program(tight)}`)).not.toBe('fail')
  })
})

describe('a token in the URL', () => {
  const inUrl = 'session-token-in-url'

  it.each([
    [
      'getToken of express-jwt',
      (from: string) => `const auth = expressjwt({ secret: key, getToken: (req) => ${from} })`,
    ],
    [
      'jwtFromRequest of passport-jwt',
      (
        from: string,
      ) => `passport.use(new JwtStrategy({ jwtFromRequest: (req) => ${from}, secretOrKey: key }, (claims, done) => done(null, claims)))
      const auth = passport.authenticate('jwt', { session: false })`,
    ],
  ])('is found where %s looks', (_how, auth) => {
    expect(outcomeOf(inUrl, express(auth('req.query.token')))).toBe('fail')
    expect(outcomeOf(inUrl, express(auth("req.headers['x-token']")))).not.toBe('fail')
  })
})

describe('an OAuth provider with tokens of its own', () => {
  const expiry = 'missing-session-expiry'
  const provider = (kept: string, look: string): string =>
    express(`const tokens = new Map()
      const codes = new Map()
      const provider = {
        async authorize(client, params, res) {
          const code = crypto.randomUUID()
          codes.set(code, params)
          res.redirect(params.redirectUri)
        },
        async challengeForAuthorizationCode(client, code) { return codes.get(code).codeChallenge },
        async exchangeAuthorizationCode(client, code) {
          codes.delete(code)
          const token = crypto.randomUUID()
          tokens.set(token, { token, clientId: client.client_id, ${kept} })
          return { access_token: token }
        },
        async verifyAccessToken(token) {
          const found = tokens.get(token)
          if (!found${look}) throw new Error('no')
          return found
        },
      }
      app.use(mcpAuthRouter({ provider, issuerUrl }))
      const auth = requireBearerAuth({ verifier: provider })`)

  it('keeps sessions under their tokens', () => {
    expect(findingsOf(expiry, provider('scopes: []', ' || found.expiresAt < Date.now()'))).toEqual([
      expect.stringContaining('Sessions in tokens have an absolute timeout but no idle one'),
    ])
  })

  it('need not look at the time that it tells requireBearerAuth', () => {
    expect(findingsOf(expiry, provider('expiresAt: Date.now() / 1000 + 3600', ''))).toEqual([
      expect.stringContaining('Sessions in tokens have an absolute timeout but no idle one'),
    ])
  })

  it('makes tokens that are looked at as they are handed out', () => {
    const weak = provider('scopes: []', '').replace(
      'const token = crypto.randomUUID()',
      'const token = String(Math.random())',
    )
    expect(outcomeOf('predictable-session-id', weak)).toBe('fail')
    expect(outcomeOf('predictable-session-id', provider('scopes: []', ''))).not.toBe('fail')
  })
})
