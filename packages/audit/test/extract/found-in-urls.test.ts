/** The ID of a session that a request named is written into the URL that its caller is sent to. */
import { describe, expect, it } from 'vitest'
import { findingsOf } from './programs.ts'

const login = (id: string, out: string, reader = "cookieOf(req, 'session_id')"): string => `
  import express from 'express'
  import { randomUUID } from 'node:crypto'
  const sessions = new Map()
  const cookieOf = (req, name) => new RegExp(name + '=(.*)').exec(req.headers.cookie ?? '')?.[1]
  const app = express()
  app.get('/login', (req, res) => {
    const sessionId = randomUUID()
    sessions.set(sessionId, { theme: req.query.theme })
    res.redirect('https://idp/?state=' + Buffer.from(JSON.stringify({ sessionId })).toString('base64'))
  })
  app.get('/callback', async (req, res) => {
    const sessionId = ${id}
    const session = sessions.get(sessionId)
    if (!session) return res.status(400).end()
    session.user = await fetch('https://idp/me')
    ${out}
  })
  app.get('/me', (req, res) => {
    const session = sessions.get(${reader})
    if (!session) return res.status(401).end()
    res.json(session.user)
  })
  app.listen(3000, '127.0.0.1')`

const DECODED = "JSON.parse(Buffer.from(req.query.state, 'base64').toString()).sessionId"

describe('the ID of a session in a redirect', () => {
  it.each([
    ['that the state of a login named', 'req.query.state', 'res.redirect(`/admin?session=${sessionId}`)', 1],
    ['that was a part of it', "req.query.state.split('_')[0]", 'res.redirect(`/?a=1&session=${sessionId}`)', 1],
    ['that it was taken out of', DECODED, "res.redirect((req.query.to || '/') + '?session=' + sessionId)", 1],
    ['that a cookie named', "cookieOf(req, 'session_id')", 'res.redirect(`/admin?sessionId=${sessionId}`)', 1],
    ['is not sent', DECODED, "res.redirect('/admin?session=new')", 0],
    ['is not what another parameter holds', DECODED, 'res.redirect(`/admin?session=${session.theme}`)', 0],
    ['is not what nobody has looked for', DECODED, 'res.redirect(`/admin?session=${req.query.theme}`)', 0],
    ['is told by its name', DECODED, 'res.redirect(`/admin?theme=${sessionId}`)', 0],
  ])('%s', (_what, id, out, count) => {
    expect(findingsOf('session-token-in-url', login(id, out)).filter((told) => told.includes('is sent'))).toHaveLength(
      count,
    )
  })
})
