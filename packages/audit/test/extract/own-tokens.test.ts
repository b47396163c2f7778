/** Tokens that a server signs by itself: whoever brings back what only it can have given out is known. */
import { describe, expect, it } from 'vitest'
import { authenticationOf, dispatchesOf } from './programs.ts'

const MAC = "createHmac('sha256', process.env.SECRET).update(payload).digest('hex')"
const SAFE = `timingSafeEqual(Buffer.from(signature), Buffer.from(${MAC}))`

const program = (read: string, brought = 'req.headers.authorization.slice(7)', owner = ''): string => `
  import express from 'express'
  import { createHmac, timingSafeEqual } from 'node:crypto'
  import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
  import { serverOf } from 'elsewhere'
  const app = express()
  const sessions = new Map()
  function read(token) {
    ${read}
  }
  function guard(req, res, next) {
    const user = read(${brought})
    if (!user) return res.status(401).end()
    req.user = user
    next()
  }
  app.get('/sse', guard, async (req, res) => {
    const transport = new SSEServerTransport('/messages', res)
    sessions.set(transport.sessionId, { transport, owner: req.user.sub })
    res.on('close', () => sessions.delete(transport.sessionId))
    await serverOf().connect(transport)
  })
  app.post('/messages', guard, async (req, res) => {
    const session = sessions.get(req.query.sessionId)
    if (!session ${owner}) return res.status(404).end()
    await session.transport.handlePostMessage(req, res, req.body)
  })
  app.listen(3000)`

const SPLIT = "const [payload, signature] = token.split('.')"

describe('a token with a MAC of the server', () => {
  const ways: Readonly<Record<string, string>> = {
    'compared in constant time': `${SPLIT}; return ${SAFE} ? JSON.parse(payload) : null`,
    'compared by ===': `${SPLIT}; return signature === ${MAC} ? JSON.parse(payload) : null`,
    'in pieces found by a dot': `const dot = token.lastIndexOf('.'); const payload = token.slice(0, dot); const signature = token.slice(dot + 1)
      if (!${SAFE}) return null
      return { sub: payload }`,
    'in another encoding': `try { const [payload, signature] = Buffer.from(token, 'base64').toString('utf8').split('.')
      if (signature.length !== ${MAC}.length || !${SAFE}) return null
      const said = JSON.parse(payload)
      return typeof said.until === 'number' && said.until > Date.now() ? said : null
    } catch { return null }`,
  }
  it.each(Object.keys(ways))('is a credential, %s', (name) => {
    for (const brought of ['req.headers.authorization.slice(7)', 'req.cookies.notes_login'])
      expect(authenticationOf(program(ways[name]!, brought))[0]).toMatch(/ always$/)
  })

  it('says whose a session is', () => {
    const read = ways['compared in constant time']!
    expect(dispatchesOf(program(read, undefined, '|| session.owner !== req.user.sub'))[0]).toMatch(/ bound$/)
    expect(dispatchesOf(program(read))[0]).toMatch(/ unbound$/)
  })

  it('proves nothing where nobody looks at the MAC', () => {
    expect(authenticationOf(program(`${SPLIT}; return JSON.parse(payload)`))[0]).not.toMatch(/ always$/)
    expect(authenticationOf(program(`${SPLIT}; ${SAFE}; return JSON.parse(payload)`))[0]).not.toMatch(/ always$/)
  })

  it('proves nothing where everybody is given one', () => {
    const read = ways['compared in constant time']!
    expect(authenticationOf(program(read, 'req.cookies.csrf_token'))[0]).not.toMatch(/ always$/)
  })
})

describe('a secret that lies in a table', () => {
  const guardedBy = (expected: string): string => `
    import express from 'express'
    import Database from 'better-sqlite3'
    import { timingSafeEqual } from 'node:crypto'
    import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
    import { serverOf } from 'elsewhere'
    const db = new Database('notes.db')
    const app = express()
    const sessions = new Map()
    const setting = (name) => db.prepare('SELECT value FROM settings WHERE name = ?').get(name)?.value
    function guard(req, res, next) {
      const token = req.headers.authorization?.slice(7)
      const expected = ${expected}
      if (!token || !expected || !timingSafeEqual(Buffer.from(token), Buffer.from(expected))) return res.status(401).end()
      next()
    }
    app.post('/import', guard, (req, res) => {
      for (const [name, value] of Object.entries(req.body))
        db.prepare('INSERT INTO settings (name, value) VALUES (?, ?)').run(name, value)
      db.prepare('INSERT INTO settings (name, value) VALUES (?, ?)').run('other', req.body.other_token)
      res.end()
    })
    app.get('/sse', guard, async (req, res) => {
      const transport = new SSEServerTransport('/messages', res)
      sessions.set(transport.sessionId, transport)
      await serverOf().connect(transport)
    })
    app.post('/messages', guard, async (req, res) => {
      const transport = sessions.get(req.query.sessionId)
      if (!transport) return res.status(404).end()
      await transport.handlePostMessage(req, res, req.body)
    })
    app.listen(3000)`

  it('is a secret, whoever may have written the table', () => {
    expect(authenticationOf(guardedBy("setting('token')"))[0]).toMatch(/ always$/)
  })

  it('is none where this very request says it', () => {
    expect(authenticationOf(guardedBy("req.headers['x-expected']"))[0]).not.toMatch(/ always$/)
  })
})
