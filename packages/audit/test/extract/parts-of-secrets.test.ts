/** Tokens, secrets and IDs in a part of a server: in functions that nobody here calls, whoever takes what they give. */
import { describe, expect, it } from 'vitest'
import { findingsOf } from './programs.ts'

describe('a credential that is taken out of the URL', () => {
  const found = (program: string): readonly string[] => findingsOf('session-token-in-url', program)

  it.each([
    [
      'in a function that returns what a header brings, or else that',
      `export function tokenOf(req) {
         const auth = req.headers.authorization
         if (auth?.startsWith('Bearer ')) return auth.slice(7)
         return new URL(req.url, 'http://localhost').searchParams.get('token')
       }`,
      1,
    ],
    [
      'in a function that otherwise looks into a cookie',
      `export function tokenOf(req) {
         const auth = req.headers.authorization
         if (auth) return auth.slice(7)
         return req.cookies.token
       }`,
      0,
    ],
    [
      'and is no credential',
      `export function languageOf(req) {
         if (req.headers['accept-language']) return req.headers['accept-language']
         return req.query.lang
       }`,
      0,
    ],
    [
      'into the variable that a header fills otherwise',
      `export async function authenticate(req, res, next) {
         let token
         if (req.headers.authorization) token = req.headers.authorization.split(' ')[1]
         else if (req.query.token) token = req.query.token
         if (!token) return res.status(401).end()
         req.token = token
         next()
       }`,
      1,
    ],
    [
      'of a socket whose server is elsewhere',
      `import jwt from 'jsonwebtoken'
       export function auth(socket, next) {
         try { socket.user = jwt.verify(socket.handshake.query.token, process.env.JWT_SECRET); next() } catch { next(new Error()) }
       }`,
      1,
    ],
    [
      'but not out of what else a socket sends',
      `import jwt from 'jsonwebtoken'
       export function auth(socket, next) {
         try { socket.user = jwt.verify(socket.handshake.auth.token, process.env.JWT_SECRET); next() } catch { next(new Error()) }
       }`,
      0,
    ],
    [
      'of an upgrade, on a server that others make',
      `import { verify } from './auth'
       export function attach(server, sockets) {
         server.on('upgrade', async (req, socket, head) => {
           const user = await verify(new URL(req.url, 'http://x').searchParams.get('token'))
           if (!user) return socket.destroy()
           sockets.handleUpgrade(req, socket, head, (ws) => sockets.emit('connection', ws, user))
         })
       }`,
      1,
    ],
  ])('%s', (_where, program, count) => {
    expect(found(program)).toHaveLength(count)
  })

  it('is sent there by a handler that is registered elsewhere', () => {
    const program = (to: string): string => `
      const jwt = require('jsonwebtoken')
      exports.callback = (req, res) => {
        const token = jwt.sign({ id: req.user.id }, process.env.JWT_SECRET, { expiresIn: '1h' })
        ${to}
      }`
    expect(found(program('res.redirect(`${process.env.CLIENT}/done?token=${token}`)'))).toHaveLength(1)
    expect(found(program("res.cookie('token', token, { httpOnly: true }); res.redirect(process.env.CLIENT)"))).toEqual(
      [],
    )
  })
})

describe('a key that is written down under its name', () => {
  it.each([
    [
      "export const install = async (req, api) => { const { settings } = req.body; settings.jwt_secret = '123423'; await api.save(settings) }",
      1,
    ],
    [
      "import { draw } from './draw'\nexport const install = async (req, api) => { const { settings } = req.body; settings.jwt_secret = draw(); await api.save(settings) }",
      0,
    ],
    ["export const clear = (settings) => { settings.jwt_secret = '' }", 0],
    ["export const address = (agent) => { agent.sessionKey = 'agent:main' }", 0],
    ["export const config = { jwtSecret: process.env.JWT_SECRET || 'my-dev-signing-key' }", 1],
    ['export const config = { jwtSecret: process.env.JWT_SECRET }', 0],
  ])('%s', (program, count) => {
    expect(findingsOf('weak-session-secret', program)).toHaveLength(count)
  })
})

describe('what a function makes that is called after it', () => {
  it.each([
    ['an arrow', 'export const generateResetToken = () => Math.random().toString(36)', 1],
    ['a method', 'export class Tokens { generateToken() { return Math.random().toString(36) } }', 1],
    ['a counter', 'export class Ids { n = 0; nextSessionId() { return `session-${++this.n}` } }', 1],
    ['a UUID by the clock', "import { v1 } from 'uuid'\nexport function createSessionId() { return v1() }", 1],
    [
      'a drawn one',
      "import { randomUUID } from 'node:crypto'\nexport function createSessionId() { return randomUUID() }",
      0,
    ],
    ['a colour', "export const generateColor = () => '#' + Math.random().toString(16).slice(2, 8)", 0],
    ['a time', 'export const createTimestamp = () => Date.now()', 0],
  ])('%s', (_what, program, count) => {
    expect(findingsOf('predictable-session-id', program)).toHaveLength(count)
  })
})

describe('a server of Socket.IO that a function makes', () => {
  const program = (options: string): string => `
    import { Server } from 'socket.io'
    import { exec } from 'node:child_process'
    export function open(http) {
      const io = new Server(http, ${options})
      io.on('connection', (socket) => { socket.on('run', (command, done) => { exec(command, done) }) })
      return io
    }`

  it('takes connections from whatever page', () => {
    expect(findingsOf('missing-origin-check', program('{}'))).toHaveLength(1)
    const asks = "{ allowRequest: (req, done) => done(null, req.headers.origin === 'http://localhost:3000') }"
    expect(findingsOf('missing-origin-check', program(asks))).toEqual([])
  })
})

describe('what a library of Basic authentication is configured with', () => {
  const library = (compares: string): string => `
    const { timingSafeEqual, createHash } = require('crypto')
    const digest = (text) => createHash('sha256').update(text).digest()
    module.exports = function basicAuth(check, realm) {
      if (typeof check === 'string') {
        const username = check
        const password = realm
        check = (user, pass) => ${compares}
      }
      return (req, res, next) => {
        const credentials = new Buffer(req.headers.authorization.split(' ')[1], 'base64').toString()
        const index = credentials.indexOf(':')
        if (!check(credentials.slice(0, index), credentials.slice(index + 1))) return res.end()
        next()
      }
    }`

  it('is compared with what the request gives, in a time that tells or not', () => {
    const found = findingsOf('timing-unsafe-comparison', library('user == username && pass == password'))
    expect(found.length).toBeGreaterThan(0)
    const safe = 'timingSafeEqual(digest(user), digest(username)) && timingSafeEqual(digest(pass), digest(password))'
    expect(findingsOf('timing-unsafe-comparison', library(safe))).toEqual([])
  })
})

describe('a function that stands before handlers, and that no request is seen to reach', () => {
  const program = (code: string): Record<string, string> => ({
    'server.ts': `
      import http from 'node:http'
      import { authorize } from './auth.ts'
      let config
      export function configure(value) { config = value }
      http.createServer(async (request, response) => {
        if (!config) return response.writeHead(503).end()
        if (!(await authorize(request, response, config))) return
        response.end('data')
      }).listen(3000, '127.0.0.1')`,
    'auth.ts': `
      import { timingSafeEqual, createHash } from 'node:crypto'
      import { tokenOf } from './token.ts'
      const isSame = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
      export async function authorize(request, response, config) {
        const token = tokenOf(request.headers)
        ${code}
      }`,
    'token.ts': "export const tokenOf = (headers) => headers.authorization?.slice(7) ?? headers['x-api-key']",
  })

  it.each([
    ['some key of a list', 'return Boolean(config.keys.find((item) => item.key === token))'],
    ['one of them', 'for (const item of config.keys) if (token === item.key) return true'],
    ['the token that is set', 'return token === config.authToken'],
  ])('compares what it offers with %s', (_, code) => {
    expect(findingsOf('timing-unsafe-comparison', program(code))).toHaveLength(1)
  })

  it.each([
    ['in constant time', 'return config.keys.some((item) => isSame(item.key, token))'],
    [
      'by its digest',
      "const key = createHash('sha256').update(token).digest('hex'); return config.keys.some((item) => item.key === key)",
    ],
    ['and only a name', "return Object.entries(config).some((item) => item.key === 'token')"],
  ])('tells nothing where it compares it %s', (_, code) => {
    expect(findingsOf('timing-unsafe-comparison', program(code))).toEqual([])
  })
})
