/** Libraries are given options by those who use them: a check that goes away when an option is left out is off. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const AUDIENCE = 'unchecked-token-audience'

describe('an audience that is an option of a library', () => {
  const verifier = (declared: string, named: string, before = ''): string => `
    import { createRemoteJWKSet, jwtVerify } from 'jose'
    export interface Options { issuer: string; jwksUri: string; ${declared} }
    export class JwtProvider {
      private keys
      constructor(private options: Options) {
        ${before}
        this.keys = createRemoteJWKSet(new URL(options.jwksUri))
      }
      async verifyAccessToken(token: string) {
        const { payload } = await jwtVerify(token, this.keys, { issuer: this.options.issuer, ${named} })
        return { token, clientId: String(payload.azp), scopes: [], expiresAt: payload.exp }
      }
    }
  `

  it.each([
    ['may be left out', verifier('audience?: string', 'audience: this.options.audience')],
    [
      'is named only where it is given',
      verifier('audience?: string', '...(this.options.audience ? { audience: this.options.audience } : {})'),
    ],
  ])('%s', (_, program) => {
    expect(outcomeOf(AUDIENCE, program)).toBe('fail')
  })

  it.each([
    ['has to be given', verifier('audience: string', 'audience: this.options.audience')],
    [
      'is asked for at the start',
      verifier(
        'audience?: string',
        'audience: this.options.audience',
        "if (!options.audience) throw new TypeError('audience')",
      ),
    ],
    [
      'has something to stand in for it',
      verifier('audience?: string; resource: string', 'audience: this.options.audience ?? this.options.resource'),
    ],
  ])('is held against every token where it %s', (_, program) => {
    expect(outcomeOf(AUDIENCE, program)).not.toBe('fail')
  })

  it('is a setting of whoever runs a server', () => {
    const program = `${verifier('audience?: string', 'audience: this.options.audience')}
      import express from 'express'
      import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
      const app = express()
      const verifier = new JwtProvider({ issuer: 'a', jwksUri: process.env.KEYS, audience: process.env.AUDIENCE })
      app.post('/mcp', requireBearerAuth({ verifier }), (req, res) => res.end())
      app.listen(3000, '127.0.0.1')`
    expect(outcomeOf(AUDIENCE, program)).not.toBe('fail')
  })

  it.each([
    ['interface Options { audience?: string; jwksUri: string }', 'audience', 'fail'],
    ['interface Options { audience: string; jwksUri: string }', 'audience', 'pass'],
    [
      'interface Options { audience?: string; jwksUri: string; resource: string }',
      'resource, audience = resource',
      'pass',
    ],
  ])('of a function that makes a verifier: %s, %s', (declared, taken, outcome) => {
    const program = `
      import { createRemoteJWKSet, jwtVerify } from 'jose'
      ${declared}
      export function createTokenVerifier({ jwksUri, ${taken} }: Options) {
        const keys = createRemoteJWKSet(new URL(jwksUri))
        return async (token: string) => (await jwtVerify(token, keys, { audience })).payload
      }`
    expect(outcomeOf(AUDIENCE, program)).toBe(outcome)
  })
})

describe('tokens of an issuer whose address is written', () => {
  const login = (audience: string, after = ''): string => `
    import { SignJWT, createRemoteJWKSet, jwtVerify } from 'jose'
    import { createEndpoint } from './endpoint'
    export const oneTap = (options) => createEndpoint('/callback', async (ctx) => {
      const { idToken } = ctx.body
      const keys = createRemoteJWKSet(new URL('https://accounts.example/oauth2/v3/certs'))
      const { payload } = await jwtVerify(idToken, keys, { issuer: 'https://accounts.example', ${audience} })
      ${after}
      const token = await new SignJWT({ sub: payload.sub }).setExpirationTime('1h').sign(options.key)
      return ctx.json({ token })
    })`

  it('are not for this server because it signs others', () => {
    expect(outcomeOf(AUDIENCE, login(''))).toBe('fail')
    expect(outcomeOf(AUDIENCE, login("audience: 'notes'"))).not.toBe('fail')
  })

  it('are asked nothing by what is only a part of something called after a check', () => {
    expect(outcomeOf(AUDIENCE, login('', 'ctx.options.emailVerification.afterwards(payload)'))).toBe('fail')
    expect(outcomeOf(AUDIENCE, login('', 'ctx.options.verifyClaims(payload)'))).not.toBe('fail')
  })
})

describe('tokens that a server signs itself', () => {
  const server = (before: string, signed: string, verified: string): string => `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    import { randomBytes } from 'node:crypto'
    ${before}
    const app = express()
    app.get('/callback', async (req, res) => {
      const answer = await fetch('https://accounts.example/v3/userinfo', { headers: { authorization: req.query.token } })
      const { sub } = await answer.json()
      res.json({ token: jwt.sign({ sub }, ${signed}, { expiresIn: '1h' }) })
    })
    app.post('/mcp', async (req, res) => {
      const token = req.headers.authorization.slice(7)
      ${verified}
      res.json({ user })
    })
    app.listen(3000)`
  const verify = (key: string): string => `const user = jwt.verify(token, ${key})`
  const JOSE = "import { createRemoteJWKSet, jwtVerify } from 'jose'"
  const REMOTE = `const keys = createRemoteJWKSet(new URL('https://accounts.example/certs'))
      const { payload: user } = await jwtVerify(token, keys)`

  it.each([
    ['of the environment', server('const KEY = process.env.KEY', 'KEY', verify('KEY')), 'notApplicable'],
    ['made at start-up', server('const KEY = randomBytes(32)', 'KEY', verify('KEY')), 'notApplicable'],
    ['two of one pair', server('', 'process.env.PRIVATE', verify('process.env.PUBLIC')), 'notApplicable'],
    ['that an issuer has published', server(JOSE, 'process.env.KEY', REMOTE), 'fail'],
  ])('are for it, whoever it asks for a profile; with a key %s', (_, program, outcome) => {
    expect(outcomeOf(AUDIENCE, program)).toBe(outcome)
  })
})

describe('IDs of sessions that a library lets others make', () => {
  const manager = (field: string, before = ''): string => `
    ${before}
    export class SessionManager {
      private sessions = new Map()
      constructor(options = {}) { ${field} }
      createSession() {
        const id = this.generate()
        this.sessions.set(id, { createdAt: Date.now() })
        return id
      }
    }`
  const drawn = '() => Math.random().toString(36).slice(2)'

  it.each([
    ['by a function in its place', manager(`this.generate = options.generateSessionId ?? (${drawn})`)],
    ['by one that is declared', manager('this.generate = options.generate || uid', `const uid = ${drawn}`)],
  ])('are drawn %s where they do not', (_, program) => {
    expect(outcomeOf('predictable-session-id', program)).toBe('fail')
  })

  it('are drawn well, whatever else the file draws', () => {
    const field =
      'this.generate = options.generateSessionId ?? (() => crypto.randomUUID()); this.jitter = Math.random()'
    expect(outcomeOf('predictable-session-id', manager(field))).not.toBe('fail')
  })
})
