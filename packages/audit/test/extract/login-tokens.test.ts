/** Logins that last as long as a token is found, or as long as its signature holds: sessions by another name. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf } from './programs.ts'

const expiry = 'missing-session-expiry'
const invalidation = 'missing-session-invalidation'

interface Store {
  readonly imports?: string
  readonly made?: string
  readonly put: string
  readonly found: string
}

/** A server whose login makes a token, which each request presents ever after. */
function server({ imports = '', made = '', put, found }: Store, more = ''): string {
  return `
    import { Hono } from 'hono'
    ${imports}
    ${made}
    const app = new Hono()
    app.post('/login', async (c) => {
      const { user, password } = await c.req.json()
      const answer = await fetch('https://idp.example', { method: 'POST', body: JSON.stringify({ user, password }) })
      if (!answer.ok) return c.text('no', 401)
      const token = crypto.randomUUID()
      ${put}
      return c.json({ token })
    })
    app.get('/notes', async (c) => {
      const token = c.req.header('Authorization')?.slice(7)
      const session = ${found}
      if (!session) return c.text('no', 401)
      return c.json({ notes: [] })
    })
    ${more}
    export default app`
}

const HASH = `
    async function digest(text) {
      const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
      return Array.from(new Uint8Array(bytes)).map((byte) => byte.toString(16).padStart(2, '0')).join('')
    }`

const KEPT: Readonly<Record<string, Store>> = {
  'a binding of a worker': {
    put: 'await c.env.TOKENS.put(`token:${token}`, JSON.stringify({ user }))',
    found: "await c.env.TOKENS.get(`token:${token}`, 'json')",
  },
  'a binding that is handed on': {
    made: `
    const keep = (kv, token, user) => kv.put('token:' + token, JSON.stringify({ user }))
    const find = (store, token) => store.get('token:' + token, 'json')`,
    put: 'await keep(c.env.TOKENS, token, user)',
    found: 'await find(c.env.TOKENS, token)',
  },
  'a binding, under the digest of the token': {
    made: HASH,
    put: 'await c.env.TOKENS.put(await digest(token), JSON.stringify({ user }))',
    found: "await c.env.TOKENS.get(await digest(token), 'json')",
  },
  'a table': {
    put: "await c.env.DB.prepare('INSERT INTO tokens (token, user) VALUES (?, ?)').bind(token, user).run()",
    found: "await c.env.DB.prepare('SELECT user FROM tokens WHERE token = ?').bind(token).first()",
  },
  Redis: {
    imports: "import { createClient } from 'redis'",
    made: 'const redis = createClient()',
    put: 'await redis.set(`token:${token}`, user)',
    found: 'await redis.get(`token:${token}`)',
  },
  Prisma: {
    imports: "import { PrismaClient } from '@prisma/client'",
    made: 'const prisma = new PrismaClient()',
    put: 'await prisma.accessToken.create({ data: { token, userId: user } })',
    found: 'await prisma.accessToken.findUnique({ where: { token } })',
  },
  'a collection': {
    imports: "import { MongoClient } from 'mongodb'",
    made: 'const db = new MongoClient(process.env.MONGO).db()',
    put: "await db.collection('tokens').insertOne({ token, user })",
    found: "await db.collection('tokens').findOne({ token })",
  },
  Supabase: {
    imports: "import { createClient } from '@supabase/supabase-js'",
    made: 'const base = createClient(process.env.BASE, process.env.KEY)',
    put: "await base.from('tokens').insert({ token, user_id: user })",
    found: "(await base.from('tokens').select('user_id').eq('token', token).single()).data",
  },
}

describe('tokens of a login that are kept outside the program', () => {
  it.each(Object.entries(KEPT))('in %s never expire and cannot be ended', (_where, store) => {
    expect(findingsOf(expiry, server(store)).join()).toMatch(/never expire: there is neither an idle nor an absolute/)
    expect(findingsOf(invalidation, server(store)).join()).toMatch(/Nothing takes a session out of/)
  })

  it('have one limit where the store forgets them', () => {
    const put = 'await c.env.TOKENS.put(`token:${token}`, user, { expirationTtl: 3600 })'
    const store = { put, found: 'await c.env.TOKENS.get(`token:${token}`)' }
    expect(findingsOf(expiry, server(store)).join()).toMatch(/have an absolute timeout but no idle one/)
  })

  it.each([
    ['as it was found', 'JSON.stringify(found)'],
    ['with a later end', 'JSON.stringify(Object.assign(found, { expires_at: Date.now() + 36e5 }))'],
  ])('have no absolute limit where every use puts them back %s', (_how, value) => {
    const put = 'await c.env.TOKENS.put(`token:${token}`, JSON.stringify({ user }), { expirationTtl: 3600 })'
    const kept = (again: string): Parameters<typeof server>[0] => ({
      put,
      found: `await (async () => {
        const found = await c.env.TOKENS.get(\`token:\${token}\`, 'json')
        if (!found) return null
        ${again}
        return found.user
      })()`,
    })
    const again = `await c.env.TOKENS.put(\`token:\${token}\`, ${value}, { expirationTtl: 3600 })`
    expect(findingsOf(expiry, server(kept(again))).join()).toMatch(/have an idle timeout but no absolute one/)
    expect(findingsOf(expiry, server(kept(''))).join()).toMatch(/have an absolute timeout but no idle one/)
  })

  it('are ended by a logout', () => {
    const logout = `app.post('/logout', async (c) => {
      await c.env.TOKENS.delete('token:' + c.req.header('Authorization')?.slice(7))
      return c.text('bye')
    })`
    expect(outcomeOf(invalidation, server(KEPT['a binding of a worker']!, logout))).toBe('pass')
  })

  it('are ended under another column of the row that they find', () => {
    const logout = `app.post('/logout', async (c) => {
      const token = c.req.header('Authorization')?.slice(7)
      const row = await c.env.DB.prepare('SELECT id FROM tokens WHERE token = ?').bind(token).first()
      await c.env.DB.prepare('DELETE FROM tokens WHERE id = ?').bind(row.id).run()
      return c.text('bye')
    })`
    expect(outcomeOf(invalidation, server(KEPT['a table']!, logout))).toBe('pass')
  })
})

describe('what is no login', () => {
  const found = "await c.env.DB.prepare('SELECT user FROM keys WHERE key = ?').bind(token).first()"

  it('is a key that somebody who is logged in makes for a program', () => {
    const program = `
      import { Hono } from 'hono'
      import { verify } from 'hono/jwt'
      const app = new Hono()
      app.post('/keys', async (c) => {
        const { sub } = await verify(c.req.header('Authorization').slice(7), c.env.SECRET)
        const key = crypto.randomUUID()
        await c.env.DB.prepare('INSERT INTO keys (key, user) VALUES (?, ?)').bind(key, sub).run()
        return c.json({ key })
      })
      app.get('/notes', async (c) => {
        const token = c.req.header('X-Api-Key')
        const owner = ${found}
        return owner ? c.json([]) : c.text('no', 401)
      })
      export default app`
    expect(outcomeOf(expiry, program)).toBe('notApplicable')
  })

  it('is what a request presents once, in its body', () => {
    const program = `
      import { Hono } from 'hono'
      const app = new Hono()
      app.post('/invite', async (c) => {
        const token = crypto.randomUUID()
        await c.env.DB.prepare('INSERT INTO keys (key, user) VALUES (?, ?)').bind(token, 'guest').run()
        return c.json({ token })
      })
      app.post('/accept', async (c) => {
        const { token } = await c.req.json()
        const owner = ${found}
        return owner ? c.json([]) : c.text('no', 401)
      })
      export default app`
    expect(outcomeOf(expiry, program)).toBe('notApplicable')
  })
})

describe('a signed token that is all there is of a login', () => {
  const signed = (look = '', more = ''): string => `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    const taken = new Set()
    const app = express()
    app.post('/login', (req, res) => {
      if (req.body.password !== process.env.PASSWORD) return res.sendStatus(401)
      res.json({ token: jwt.sign({ sub: 'alice' }, process.env.KEY, { expiresIn: '1h' }) })
    })
    app.get('/notes', (req, res) => {
      const token = req.headers.authorization?.slice(7)
      const claims = jwt.verify(token, process.env.KEY)
      ${look}
      res.json([claims.sub])
    })
    ${more}
    app.listen(3000)`

  it('cannot be ended', () => {
    expect(findingsOf(invalidation, signed())).toEqual([
      'server.ts:11: A login cannot be ended: its token is good until it expires, whatever happens to its user.',
    ])
  })

  it('can be where its user is looked up', () => {
    const look = 'if (!users.has(claims.sub)) return res.sendStatus(401)'
    const program = signed(look, "const users = new Map([['alice', {}]])")
    expect(outcomeOf(invalidation, program)).not.toBe('fail')
  })

  it('can be where there is a list of those that were taken back', () => {
    const look = 'if (taken.has(token)) return res.sendStatus(401)'
    const logout = "app.post('/logout', (req, res) => { taken.add(req.headers.authorization?.slice(7)); res.end() })"
    expect(outcomeOf(invalidation, signed(look, logout))).not.toBe('fail')
  })

  it('says nothing where tokens of others are verified', () => {
    const program = signed().replace(/res\.json\(\{ token: .*\)/, 'res.end()')
    expect(outcomeOf(invalidation, program)).toBe('notApplicable')
  })
})
