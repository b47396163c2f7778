/** Where a session is told who its user is. */
import { expect, it } from 'vitest'
import { findingsOf } from './programs.ts'

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
