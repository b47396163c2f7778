/** Libraries and other parts of servers: what they make, compare, verify and write down for whoever uses them. */
import { describe, expect, it } from 'vitest'
import { findingsOf } from './programs.ts'

const WEAK = 'Math.random().toString(36).slice(2)'
const SOUND = 'crypto.randomUUID()'

describe('an ID that a method of a prototype makes', () => {
  const makers: readonly (readonly [string, (id: string) => string, string])[] = [
    [
      'called after what it makes',
      (id) => `
        function Sessions() { this.sessions = {} }
        Sessions.prototype.generateSessionId = function () { return ${id} }
        module.exports = Sessions`,
      'server.ts:2',
    ],
    [
      'of a prototype that is written as one object',
      (id) => `
        function Tokens() {}
        Tokens.prototype = { generateToken: function () { return ${id} } }
        module.exports = Tokens`,
      'server.ts:2',
    ],
    [
      'of a prototype that a variable holds',
      (id) => `
        function Session() {}
        var proto = Session.prototype
        proto.generateSid = function () { return ${id} }
        module.exports = Session`,
      'server.ts:3',
    ],
    [
      'of the function itself',
      (id) => `
        function Tokens() {}
        Tokens.generateToken = function () { return ${id} }
        module.exports = Tokens`,
      'server.ts:2',
    ],
    [
      'whose comment says that it is the ID of a session',
      (id) => `
        function Manager(server) { this.server = server }
        /**
         * Generates a session id.
         */
        Manager.prototype.generateId = function () { return ${id} }
        module.exports = Manager`,
      'server.ts:5',
    ],
    [
      'of a class that draws again while a client has it',
      (id) => `
        class Realm {
          constructor() { this.clients = new Map() }
          has(id) { return this.clients.has(id) }
          generateClientId() {
            const draw = () => ${id}
            let clientId = draw()
            while (this.has(clientId)) { clientId = draw() }
            return clientId
          }
        }
        module.exports = Realm`,
      'server.ts:8',
    ],
  ]

  it.each(makers)('%s', (_, program, at) => {
    expect(findingsOf('predictable-session-id', program(WEAK))).toEqual([
      expect.stringContaining(`${at}: The result of`),
    ])
    expect(findingsOf('predictable-session-id', program(SOUND))).toEqual([])
  })

  it.each([
    ['of something else', `View.prototype.generateId = function () { return 'view-' + ${WEAK} }`],
    ['of an element', `View.prototype.generateClientId = function () { return 'el-' + ${WEAK} }`],
    ['under the comment of another', `/** Makes the session ID. */ View.of = 1; View.makeId = () => ${WEAK}`],
  ])('is not asked about %s', (_, maker) => {
    expect(findingsOf('predictable-session-id', `function View() {}\n${maker}\nmodule.exports = View`)).toEqual([])
  })

  it('is found by what is made by the function', () => {
    expect(
      findingsOf(
        'predictable-session-id',
        `
        const sessions = new Map()
        function Manager() { this.prefix = 's' }
        Manager.prototype.draw = function () { return this.prefix + ${WEAK} }
        const manager = new Manager()
        app.post('/login', (req, res) => { const id = manager.draw(); sessions.set(id, { user: req.body.user }); res.json({ id }) })
        app.get('/me', (req, res) => res.json(sessions.get(req.headers['x-session-id'])))`,
      ),
    ).toEqual([expect.stringContaining('server.ts:')])
  })
})

describe('a credential that a part writes to the log', () => {
  const parts: readonly (readonly [string, (said: string) => string, string])[] = [
    [
      'a plugin',
      (said) => `
        module.exports = function factory(options) {
          return function verify(request, reply, done) {
            const header = request.raw.headers.authorization
            Promise.resolve(options.auth(header)).then((known) => {
              if (!known) { request.log.error('invalid header: %s', ${said}); reply.code(401).send() } else done()
            })
          }
        }`,
      'header',
    ],
    [
      'middleware',
      (said) => `
        export const requireToken = (req, res, next) => {
          const header = req.get('authorization')
          logger.warn(\`rejected \${${said}}\`)
          next()
        }`,
      'header',
    ],
    [
      'a helper that is given the header',
      (said) => `
        export function parseBearer(authHeader) {
          const match = /^Bearer (.+)$/.exec(authHeader)
          if (!match) { console.warn('bad header', ${said}); return null }
          return match[1]
        }`,
      'authHeader',
    ],
    [
      'what verifies a token',
      (said) => `
        export async function verifyToken(token) {
          console.log('verifying', ${said})
          return jwt.verify(token, process.env.SECRET)
        }`,
      'token',
    ],
  ]

  it.each(parts)('%s', (_, program, secret) => {
    expect(findingsOf('session-token-exposure', program(secret))).toHaveLength(1)
    expect(findingsOf('session-token-exposure', program(`Boolean(${secret})`))).toEqual([])
    expect(findingsOf('session-token-exposure', program(`'-'`))).toEqual([])
  })
})

describe('a secret that a part compares', () => {
  it.each([
    ['with a field of a form', `exports.validate = function (data, token) { return data['x-csrf-token'] === token }`],
    [
      'with a field of a body, and throws',
      `export function verifySecret(body, secret) { if (body.secret !== secret) throw new Error() }`,
    ],
    [
      'with what is provided',
      `export function isValidApiKey(provided, expectedKey) { return provided === expectedKey }`,
    ],
    ['with what is expected', `export function verifyCsrfToken(expected, actual) { return expected === actual }`],
    ['in a method', `export class Csrf { validateToken(body, token) { return body.csrfToken === token } }`],
    [
      'in a method of a prototype',
      `function Csrf() {}
       Csrf.prototype.verify = function (data, secret) { return data.secret === secret }
       module.exports = Csrf`,
    ],
  ])('%s', (_, program) => {
    expect(findingsOf('timing-unsafe-comparison', program)).toEqual([expect.stringContaining('A secret')])
  })

  it.each([
    [
      'in constant time',
      `const scmp = require('scmp')\nexports.validate = (data, token) => scmp(data['x-csrf-token'], token)`,
    ],
    ['and is the token of a grammar', `export function isToken(node, token) { return node.token === token }`],
    ['and is the kind of one', `export function matchToken(input, expected) { return input.kind === expected }`],
    ['and is how long it is', `export function validate(data, token) { return data.length === token }`],
    ['and is typed twice', `export function validate(data, password) { return data.confirmPassword === password }`],
    [
      'and is what a test wants',
      `export function assertEqual(actual, expected) { if (actual !== expected) throw new Error() }`,
    ],
    ['and is the key of an entry', `export function sameKey(a, key) { return a.key === key }`],
  ])('%s', (_, program) => {
    expect(findingsOf('timing-unsafe-comparison', program)).toEqual([])
  })
})

describe('an audience that may be nobody', () => {
  const verifying = (options: string, before = '', name = 'verifyAccessToken'): string => `
    import { createRemoteJWKSet, jwtVerify } from 'jose'
    const keys = createRemoteJWKSet(new URL('https://issuer.example/jwks'))
    export async function ${name}(token, config) {
      ${before}
      const { payload } = await jwtVerify(token, keys, { issuer: 'https://issuer.example', ${options} })
      return payload
    }`

  it.each([
    ['none', ''],
    ['a part of what may be missing', 'audience: config?.audience'],
    ['one of two of them', 'audience: config?.audience || config.google?.clientId'],
    ['a setting or none', 'audience: process.env.AUDIENCE || undefined'],
    ['where a setting says one', '...(process.env.AUDIENCE ? { audience: process.env.AUDIENCE } : {})'],
  ])('%s', (_, options) => {
    for (const name of ['verifyAccessToken', 'validateToken', 'verifyTransparentToken'])
      expect(findingsOf('unchecked-token-audience', verifying(options, '', name))).toHaveLength(1)
  })

  it.each([
    ['it is asked for first', 'audience: config?.audience', `if (!config?.audience) throw new Error('no audience')`],
    ['it has a default', `audience: config?.audience ?? 'api'`, ''],
    ['it is a setting', 'audience: process.env.AUDIENCE', ''],
    ['it is a variable', 'audience', 'const audience = config?.audience; if (!audience) throw new Error()'],
  ])('not where %s', (_, options, before) => {
    expect(findingsOf('unchecked-token-audience', verifying(options, before))).toEqual([])
  })

  it('is found in the endpoint of a plugin', () => {
    const endpoint = (audience: string): string => `
      import { createRemoteJWKSet, jwtVerify } from 'jose'
      export const oneTap = (options) => ({
        callback: createEndpoint('/callback', { method: 'POST' }, async (ctx) => {
          const keys = createRemoteJWKSet(new URL('https://issuer.example/jwks'))
          const { payload } = await jwtVerify(ctx.body.idToken, keys, { audience: ${audience} })
          return ctx.json(payload)
        }),
      })`
    expect(findingsOf('unchecked-token-audience', endpoint('options?.clientId'))).toHaveLength(1)
    expect(findingsOf('unchecked-token-audience', endpoint(`'client'`))).toEqual([])
  })
})

describe('sessions that a part keeps in Redis', () => {
  const manager = (write: string): string => `
    import { createClient } from 'redis'
    export class RedisSessionManager {
      #client
      #channel
      constructor(url) { this.#client = createClient({ url }); this.#channel = createClient({ url }) }
      async create(id, controller) {
        const key = \`available:session:\${id}\`
        ${write}
        this.#channel.subscribe(\`delete:session:\${id}\`, () => { controller.close(); this.#client.del(key) })
      }
      async delete(id) { this.#channel.publish(\`delete:session:\${id}\`, '') }
      async has(id) { return (await this.#client.get(\`available:session:\${id}\`)) !== null }
    }`

  it('and that nothing ends are one finding, whatever channel they are reached by', () => {
    expect(findingsOf('missing-session-expiry', manager(`this.#client.set(key, 'active')`))).toEqual([
      expect.stringContaining('available_session_* never expire'),
    ])
  })

  it('and whose keys end have a limit', () => {
    const limited = manager(`this.#client.set(key, 'active'); this.#client.expire(key, 10)`)
    expect(findingsOf('missing-session-expiry', limited)).toEqual([expect.stringContaining('absolute timeout')])
  })

  it.each([
    ['never', '', 'never expire'],
    ['by its place', `, 'EX', 3600`, 'absolute timeout'],
    ['by its name', ', { EX: 3600 }', 'absolute timeout'],
  ])('end %s in a client that is given', (_, lifetime, what) => {
    const store = `
      export class SessionStore {
        constructor(redis) { this.redis = redis }
        async create(sessionId, user) { await this.redis.set(\`session:\${sessionId}\`, JSON.stringify(user)${lifetime}) }
        async get(sessionId) { return JSON.parse(await this.redis.get(\`session:\${sessionId}\`)) }
        async destroy(sessionId) { await this.redis.del(\`session:\${sessionId}\`) }
      }`
    expect(findingsOf('missing-session-expiry', store)).toEqual([expect.stringContaining(what)])
  })
})

describe('a new password of which somebody is told', () => {
  const handler = (after: string): string => `
    module.exports = async function (app) {
      app.put('/change_password', { schema: {} }, async (request, reply) => {
        await app.db.User.changePassword(request.session.User, request.body.old, request.body.password)
        ${after}
        reply.send({ status: 'okay' })
      })
    }`

  it.each([
    ['the user, by mail', `await app.postoffice.send(request.session.User, 'PasswordChanged', {})`],
    ['the user, by a template', `await mailer.sendMail({ to: 'x', template: 'password-changed' })`],
    ['whoever audits', `await app.auditLog.send(request.session.User, 'password_updated')`],
  ])('ends no session where that is %s', (_, after) => {
    expect(findingsOf('missing-session-invalidation', handler(after))).toHaveLength(1)
  })

  it.each([
    ['what listens may', `app.events.emit('password.changed', request.session.User)`],
    ['the handler does', `await app.db.Session.deleteAllUserSessions(request.session.User)`],
  ])('may end them where %s', (_, after) => {
    expect(findingsOf('missing-session-invalidation', handler(after))).toEqual([])
  })
})
