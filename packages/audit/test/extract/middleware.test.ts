/** Middleware that own code calls by hand, and what stands behind it. */
import { describe, expect, it } from 'vitest'
import { factsOf, outcomeOf } from './programs.ts'

const server = (before: string): string => `
  import express from 'express'
  import rateLimit from 'express-rate-limit'
  import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearer.js'
  import passport from 'passport'
  import { gate } from 'somewhere'
  const sessions = new Map()
  const app = express()
  ${before}
  app.post('/open', (req, res) => {
    const id = crypto.randomUUID()
    sessions.set(id, { notes: [] })
    res.setHeader('Mcp-Session-Id', id)
  })
  app.post('/mcp', (req, res) => res.json(sessions.get(req.headers['mcp-session-id']).notes))
  app.listen(3000)`

/** Whether what serves the session is reached, and only by a verified caller. */
function reached(before: string): readonly string[] {
  return factsOf(server(before)).dispatches.map(({ verb, authenticated }) => `${verb} ${authenticated}`)
}

describe('middleware called by hand', () => {
  it.each([
    ['of a library', 'const limit = rateLimit({ max: 9 })\n  app.use((req, res, next) => limit(req, res, next))'],
    ['of a package that is not seen', 'app.use((req, res, next) => { gate()(req, res, next) })'],
    [
      'picked from a table',
      'const limits = { a: rateLimit({ max: 9 }) }\n  app.use((req, res, next) => (limits[req.path] || limits.a)(req, res, next))',
    ],
  ])('lets requests pass: %s', (_which, before) => {
    expect(reached(before)).toHaveLength(1)
  })

  it.each([
    ['with what it was given', 'check(req, res, next)'],
    ['with a function of its own', 'check(req, res, (error) => { if (error) res.end(); else next() })'],
    ['unless nobody needs to be known', "if (req.path === '/health') next(); else check(req, res, next)"],
  ])('has verified the caller where it goes on %s', (_how, call) => {
    const before = `const check = requireBearerAuth({ verifier })\n  app.use((req, res, next) => { ${call} })`
    expect(reached(before)).toEqual(['POST always'])
  })

  it('may verify the caller where it is not seen', () => {
    const before = 'app.use((req, res, next) => gate(req, res, next))'
    expect(factsOf(server(before)).dispatches).toMatchObject([{ authenticated: 'never', behindUnknown: true }])
  })

  it('leaves it to a callback of its own whether the request goes on', () => {
    const before = (callback: string): string =>
      `app.use((req, res, next) => passport.authenticate('jwt', ${callback})(req, res, next))`
    expect(reached(before('(error, user) => { if (user) next(); else res.end() }'))).toEqual(['POST always'])
    expect(reached(before('() => res.end()'))).toEqual([])
  })
})

describe('what insists on TLS', () => {
  const served = (layers: string): string => `
    import express from 'express'
    import cors from 'cors'
    const sessions = new Map()
    const app = express()
    ${layers}
    app.post('/mcp', (req, res) => {
      if (req.body.method === 'initialize') {
        const id = crypto.randomUUID()
        sessions.set(id, {})
        return res.set('mcp-session-id', id).end()
      }
      if (!sessions.has(req.headers['mcp-session-id'])) return res.sendStatus(404)
      res.json({ jsonrpc: '2.0', id: req.body.id, result: {} })
    })
    app.listen(3000)`
  const insists = 'app.use((req, res, next) => (req.secure ? next() : res.status(403).end()))'

  it.each([
    ['behind what a library brings', `app.use(express.json(), cors())\n${insists}`, 'pass'],
    ['before that', `${insists}\napp.use(express.json())`, 'pass'],
    ['behind what answers first', `app.post('/mcp', (req, res) => res.end())\n${insists}`, 'fail'],
    ['not at all', 'app.use(express.json())', 'fail'],
  ])('%s', (_, layers, outcome) => {
    expect(outcomeOf('plaintext-transport', served(layers))).toBe(outcome)
  })
})
