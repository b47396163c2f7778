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
