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

describe('the ID of a session that was just opened', () => {
  const program = (out: string): string => `
    import express from 'express'
    import { createHash, randomBytes } from 'node:crypto'
    const leases = new Map()
    const name = () => randomBytes(24).toString('base64url')
    const app = express()
    app.get('/callback', async (req, res) => {
      const lease = name()
      leases.set(lease, { user: await fetch('https://idp/me') })
      ${out}
    })
    app.post('/mcp', (req, res) => {
      const lease = leases.get(req.get('authorization')?.replace('Bearer ', ''))
      if (!lease) return res.sendStatus(401)
      res.json({ jsonrpc: '2.0', id: req.body.id, result: { content: [] } })
    })
    app.listen(3000, '127.0.0.1')`

  it.each([
    [
      'in a query that is put into an address',
      "res.redirect(Object.assign(new URL('https://a/b'), { search: new URLSearchParams({ lease }).toString() }).href)",
      1,
    ],
    [
      'in a query that is set',
      "const to = new URL('https://a/b')\nto.search = `?lease=${lease}`\nres.redirect(to.href)",
      1,
    ],
    [
      'in a path that is set',
      "const to = new URL('https://a/b')\nto.pathname = `/of/${lease}`\nres.redirect(to.toString())",
      1,
    ],
    [
      'is not the digest of something drawn alike',
      "res.redirect('https://idp/?' + new URLSearchParams({ code_challenge: createHash('sha256').update(name()).digest('base64url') }))",
      0,
    ],
    [
      'is not what stands beside it',
      "res.redirect(Object.assign(new URL('https://a/b'), { search: '?ok=1' }).href)",
      0,
    ],
  ])('%s', (_what, out, count) => {
    expect(findingsOf('session-token-in-url', program(out)).filter((told) => told.includes('is sent'))).toHaveLength(
      count,
    )
  })
})

describe('the ID of a session as a part of the path', () => {
  const program = (path: string, key: string, guard = ''): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    const leases = new Map()
    const notes = new Map()
    const app = express()
    app.post('/mcp', (req, res) => {
      const lease = leases.get(req.get('mcp-session-id'))
      if (req.body.method === 'initialize') {
        const id = randomUUID()
        leases.set(id, { lines: [] })
        return res.set('Mcp-Session-Id', id).json({})
      }
      if (!lease) return res.sendStatus(404)
      res.json({ jsonrpc: '2.0', id: req.body.id, result: { content: lease.lines } })
    })
    app.get('${path}', ${guard} (req, res) => {
      const found = ${key}
      if (!found) return res.sendStatus(404)
      res.json(found)
    })
    app.listen(3000)`

  it.each([
    ['whatever the parameter is called', program('/feeds/:ref', 'leases.get(req.params.ref)'), 1],
    ['is not that of something else', program('/notes/:ref', 'notes.get(req.params.ref)'), 0],
  ])('%s', (_what, text, count) => {
    expect(findingsOf('session-token-in-url', text)).toHaveLength(count)
  })
})
