/** Cookies, however they are set, and which of their attributes are missing. */
import { describe, expect, it } from 'vitest'
import { factsOf, outcomeOf, type Program } from './programs.ts'

/** `theme HttpOnly,Secure`, in the order of the program. */
function missingIn(program: Program): readonly string[] {
  return factsOf(program).cookies.map(({ what, missing, crossSite }) =>
    [what.replace('the cookie ', ''), missing.join() || 'none', ...(crossSite ? ['from every site'] : [])].join(' '),
  )
}

const express = (handler: string): string => `
  import express from 'express'
  import { serialize } from 'cookie'
  import Cookies from 'cookies'
  const app = express()
  app.get('/x', (req, res) => { ${handler} })
`

describe('a cookie that a server sets', () => {
  it.each([
    [
      'an option that is written later',
      'const o = { httpOnly: true, secure: true, sameSite: "lax" }\no.httpOnly = false\nres.cookie("sid", "x", o)',
      ['sid HttpOnly'],
    ],
    [
      'an option that is mended later',
      'const o = { httpOnly: false, secure: true, sameSite: "lax" }\no.httpOnly = true\nres.cookie("sid", "x", o)',
      ['sid none'],
    ],
    [
      'a name that its variable tells',
      'const names = { sessionCookie: "p7" }\nres.cookie(names.sessionCookie, "x", { httpOnly: true, secure: true })',
      ['p7 SameSite'],
    ],
    ['a preference', 'res.cookie("theme", "dark")', []],
    ['a list', 'res.setHeader("Set-Cookie", ["theme=dark", "sid=x; Secure; HttpOnly"])', ['sid SameSite']],
    [
      'text for every site',
      'res.setHeader("Set-Cookie", "sid=x; Secure; HttpOnly; SameSite=None")',
      ['sid SameSite from every site'],
    ],
    [
      'text with attributes that begin a piece of it',
      "res.setHeader('Set-Cookie', `sid=${req.id}; ${process.env.LIVE ? 'Secure; ' : ''}SameSite=Strict; Path=/`)",
      ['sid HttpOnly'],
    ],
    [
      'a serialised text',
      'res.setHeader("Set-Cookie", serialize("sid", "x", { httpOnly: true, secure: true, sameSite: "strict" }))',
      ['sid none'],
    ],
    [
      'a serialised text without attributes',
      'res.append("Set-Cookie", serialize("sid", "x"))',
      ['sid HttpOnly,Secure,SameSite'],
    ],
    [
      'a jar that hides what it sets',
      'new Cookies(req, res).set("sid", "x", { secure: true, sameSite: "lax" })',
      ['sid none'],
    ],
  ])('%s', (_what, handler, missing) => {
    expect(missingIn(express(handler))).toEqual(missing)
  })
})

it('a script in a page cannot hide a cookie from scripts', () => {
  const page = `
    import Cookies from 'js-cookie'
    export function keep(token) {
      Cookies.set('authToken', token, { secure: true })
      document.cookie = 'sid=' + token + '; Secure; SameSite=Lax'
      window.document.cookie = \`sid=\${token}\`
    }
  `
  expect(missingIn(page)).toEqual(['authToken SameSite', 'sid none', 'sid Secure,SameSite'])
})

it('a function that nothing here calls still sets its cookie', () => {
  const helper = `
    export const remember = (res, token) => res.cookie('auth_token', token, { httpOnly: true, secure: true })
    export class Answers {
      remember(res, id) { res.setHeader('Set-Cookie', 'sid=' + id) }
    }
  `
  expect(missingIn(helper)).toEqual(['auth_token SameSite', 'sid HttpOnly,Secure,SameSite'])
})

describe('the sessions of a page', () => {
  const storage = (cookie: string): Program => `
    import { createCookieSessionStorage } from 'react-router'
    let storage
    export function sessions() {
      storage ??= createCookieSessionStorage({ cookie: { name: '__session', ${cookie} } })
      return storage
    }
  `
  it.each([
    ['secure: true', ['remix sessions HttpOnly']],
    ["httpOnly: true, secure: process.env.NODE_ENV === 'production'", ['remix sessions none']],
    ["httpOnly: true, secure: true, sameSite: 'none'", ['remix sessions SameSite from every site']],
  ])('%s', (cookie, expected) => {
    expect(missingIn(storage(cookie))).toEqual(expected)
  })
})

describe('the sessions that Express 3 had within', () => {
  const old = (setup: string, options = ''): readonly string[] =>
    missingIn({ 'app.js': `${setup}\napp.listen(3000)`.replace('OPTIONS', `{ secret: process.env.S, ${options} }`) })

  it.each([
    ['express', "var express = require('express'); var app = express(); app.use(express.session(OPTIONS))"],
    [
      'where it is configured',
      "var express = require('express'); var app = express(); app.configure(function () { app.use(express.session(OPTIONS)) })",
    ],
    ['connect', "var connect = require('connect'); var app = connect(); app.use(connect.session(OPTIONS))"],
    [
      'express.io',
      "var express = require('express.io'); var app = express().http().io(); app.use(express.session(OPTIONS))",
    ],
  ])('%s', (_what, setup) => {
    expect(old(setup)).toEqual([expect.stringMatching(/sessions.* Secure,SameSite$/)])
    expect(old(setup, "cookie: { secure: true, sameSite: 'lax' }")).toEqual([expect.stringMatching(/ none$/)])
  })

  it.each([
    ['merged', '_.merge(read(), {})', 'SameSite'],
    ['merged with what a file may say', "_.merge(read(), fs.existsSync('more.yml') ? read() : {})", 'SameSite'],
    ['assigned', "Object.assign({}, read(), fs.existsSync('more.yml') ? read() : {})", 'SameSite'],
    ['written down', '_.merge({}, { https: { enable: false } })', 'Secure,SameSite'],
  ])('follow settings that are %s', (_what, settings, missing) => {
    const setup = `
      var express = require('express'); var _ = require('lodash'); var fs = require('fs'); var yaml = require('js-yaml')
      function read() { return yaml.load(fs.readFileSync('settings.yml', 'utf8')) }
      var settings = ${settings}
      var app = express(); app.use(express.session(OPTIONS))`
    const [cookie] = old(setup, 'cookie: { secure: settings.https && settings.https.enable }')
    expect(cookie?.split(' ').at(-1)).toBe(missing)
  })
})

describe('a cookie that is put together from a list', () => {
  const server = (parts: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    const app = express()
    app.post('/login', (req, res) => {
      const id = randomUUID()
      sessions.set(id, { user: req.body.user })
      ${parts}
      res.setHeader('Set-Cookie', parts.join('; '))
      res.end()
    })
    app.listen(3000)`

  it.each([
    ["const parts = ['sid=' + id, 'Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']"],
    ["const parts = [`sid=${id}`, 'HttpOnly', 'SameSite=Lax']; if (process.env.TLS) parts.push('Secure')"],
  ])('has the attributes of its parts: %s', (parts) => {
    expect(outcomeOf('insecure-session-cookie', server(parts))).toBe('pass')
  })

  it('lacks what no part says', () => {
    expect(
      outcomeOf('insecure-session-cookie', server("const parts = [`sid=${id}`, 'HttpOnly', 'SameSite=Lax']")),
    ).toBe('fail')
  })
})

describe('a cookie of Elysia', () => {
  const elysia = (set: string, options = ''): string => `
    import { Elysia, t } from 'elysia'
    new Elysia(${options}).post('/login', ({ cookie: { session }, cookie, set }) => { ${set} }).listen(3000)`
  const bare = ['session HttpOnly,Secure,SameSite']

  it.each([
    ['a value alone', 'session.value = crypto.randomUUID()', '', bare],
    ['by its name', 'cookie.session.value = crypto.randomUUID()', '', bare],
    ['all at once', 'session.set({ value: crypto.randomUUID(), httpOnly: true })', '', ['session Secure,SameSite']],
    [
      'one by one',
      'session.value = crypto.randomUUID(); session.httpOnly = true; session.secure = true; session.sameSite = "lax"',
      '',
      ['session none'],
    ],
    [
      'attributes first',
      'session.httpOnly = true; session.value = crypto.randomUUID()',
      '',
      ['session Secure,SameSite'],
    ],
    [
      'what the app says of all',
      'session.set({ value: crypto.randomUUID() })',
      '{ cookie: { httpOnly: true, secure: true, sameSite: "strict" } }',
      ['session none'],
    ],
    [
      'a header',
      'set.headers["set-cookie"] = `session=${crypto.randomUUID()}; HttpOnly`',
      '',
      ['session Secure,SameSite'],
    ],
    ['none is set', 'session.remove()', '', []],
    ['a preference', 'cookie.theme.value = "dark"', '', []],
  ])('%s', (_, set, options, missing) => {
    expect(missingIn(elysia(set, options))).toEqual(missing)
  })
})

describe('what holds for all cookies', () => {
  const fastify = (options: string, own = ''): string => `
    import Fastify from 'fastify'
    import cookie from '@fastify/cookie'
    import fp from 'fastify-plugin'
    const app = Fastify()
    await app.register(fp(async (inner) => { await inner.register(cookie, ${options}) }))
    app.post('/login', async (request, reply) => { reply.setCookie('sid', crypto.randomUUID()${own}).send() })
    await app.listen({ port: 3000 })`
  const strict = '{ parseOptions: { httpOnly: true, secure: true, sameSite: "strict" } }'

  it.each([
    ['said where the plugin is registered', fastify(strict), ['sid none']],
    ['unless a cookie says otherwise', fastify(strict, ', { secure: false }'), ['sid Secure']],
    ['nothing said', fastify('{}'), ['sid HttpOnly,Secure,SameSite']],
  ])('of Fastify: %s', (_, program, missing) => {
    expect(missingIn(program)).toEqual(missing)
  })

  const better = (advanced: string): string => `
    import { betterAuth } from 'better-auth'
    export const auth = betterAuth({ secret: process.env.SECRET, advanced: ${advanced} })`

  it.each([
    ['nothing said', '{}', 'none'],
    ['relaxed', '{ defaultCookieAttributes: { httpOnly: false, secure: false } }', 'HttpOnly,Secure'],
    ['not secure', '{ useSecureCookies: false }', 'Secure'],
    ['of the session alone', '{ cookies: { session_token: { attributes: { httpOnly: false } } } }', 'HttpOnly'],
    ['of another', '{ cookies: { session_data: { attributes: { httpOnly: false } } } }', 'none'],
  ])('of better-auth: %s', (_, advanced, missing) => {
    expect(missingIn(better(advanced))).toEqual([`better-auth sessions ${missing}`])
  })
})

describe('a cookie that is written among the headers of an answer', () => {
  const program = (headers: string, more = ''): string => `
    const cookie = (value) => ['session=' + value, 'Path=/', 'SameSite=Lax', 'Secure'${more}].join('; ')
    export default { async fetch(request) {
      const id = crypto.randomUUID()
      return new Response(null, { status: 204, headers: ${headers} })
    } }`
  const written = [
    "{ 'set-cookie': cookie(id) }",
    "{ 'Set-Cookie': [cookie(id)] }",
    "[['Set-Cookie', cookie(id)]]",
    "new Headers({ 'Set-Cookie': cookie(id) })",
  ]

  it.each(written)('is looked at: %s', (headers) => {
    expect(outcomeOf('insecure-session-cookie', program(headers))).toBe('fail')
    expect(outcomeOf('insecure-session-cookie', program(headers, ", 'HttpOnly'"))).toBe('pass')
  })
})

describe('what an app gives its cookies', () => {
  const strict = '{ httpOnly: true, secure: true, sameSite: "lax" }'
  const set = '({ cookie: { sid } }) => { sid.set({ value: crypto.randomUUID() }) }'
  const elysia = `import { Elysia, t } from 'elysia'`
  const fastify = "import Fastify from 'fastify'\nimport cookie from '@fastify/cookie'"
  const login = "async (req, reply) => { reply.setCookie('sid', crypto.randomUUID()) }"

  it.each([
    [
      'Elysia',
      `${elysia}\nnew Elysia({ cookie: ${strict} }).post('/a', ${set}).listen(1)\nnew Elysia().post('/b', ${set}).listen(2)`,
    ],
    [
      'a route of Elysia',
      `${elysia}\nnew Elysia().post('/a', ${set}, { cookie: t.Cookie({}, ${strict}) }).post('/b', ${set}).listen(1)`,
    ],
    [
      'Fastify',
      `${fastify}\nconst a = Fastify(), b = Fastify()\na.register(cookie, { parseOptions: ${strict} })\na.post('/a', ${login})\na.listen({ port: 1 })\nb.register(cookie)\nb.post('/b', ${login})\nb.listen({ port: 2 })`,
    ],
  ])('is not what another has: %s', (_what, program) => {
    expect(missingIn(program).toSorted()).toEqual(['sid HttpOnly,Secure,SameSite', 'sid none'])
  })

  it.each([
    [
      'an app that it uses',
      `${elysia}\nconst inner = new Elysia().post('/b', ${set})\nnew Elysia({ cookie: ${strict} }).use(inner).listen(1)`,
    ],
    ['a group', `${elysia}\nnew Elysia({ cookie: ${strict} }).group('/x', (app) => app.post('/b', ${set})).listen(1)`],
    [
      'a guard',
      `${elysia}\nnew Elysia().guard({ cookie: t.Cookie({}, ${strict}) }, (app) => app.post('/b', ${set})).listen(1)`,
    ],
    [
      'a plugin',
      `${fastify}\nconst a = Fastify()\na.register(cookie, { parseOptions: ${strict} })\na.register(async (inner) => { inner.post('/b', ${login}) })\na.listen({ port: 1 })`,
    ],
  ])('is what %s has', (_what, program) => {
    expect(missingIn(program)).toEqual(['sid none'])
  })
})
