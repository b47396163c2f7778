/** Records that are found by an ID and are no sessions: programs that were registered, what belongs to a caller, work that was asked for. */
import { describe, expect, it } from 'vitest'
import { findingsOf } from './programs.ts'

const RULES = [
  'missing-session-expiry',
  'missing-session-invalidation',
  'session-as-authentication',
  'session-token-in-url',
  'client-supplied-session-id',
]

const told = (program: string): readonly string[] => RULES.flatMap((rule) => findingsOf(rule, program))

describe('programs that are registered with an authorization server', () => {
  const server = (take: string, more = ''): string => `
    import express from 'express'
    import { randomUUID, timingSafeEqual } from 'node:crypto'
    const app = express()
    const clients = new Map()
    app.post('/register', (req, res) => {
      const clientId = 'client_' + randomUUID()
      clients.set(clientId, { clientId, secret: randomUUID(), redirects: req.body.redirect_uris })
      res.json({ clientId })
    })
    app.post('/token', (req, res) => {
      ${take}
      const client = clients.get(clientId)
      if (!client || !timingSafeEqual(Buffer.from(client.secret), Buffer.from(secret))) return res.status(401).end()
      res.json({})
    })
    ${more}
    app.listen(3000, '127.0.0.1')`
  const text = "const text = Buffer.from(req.headers.authorization.slice(6), 'base64').toString()"

  it.each([
    `${text}; const [clientId, secret] = text.split(':')`,
    `${text}; const colon = text.indexOf(':'); const clientId = text.slice(0, colon); const secret = text.slice(colon + 1)`,
  ])('have no session by the name that Basic authentication brings: %s', (take) => {
    expect(told(server(take))).toEqual([])
  })

  it('have none by the name that the address brings', () => {
    const take = "const clientId = req.headers['x-client']; const secret = req.body.client_secret"
    const asked = "app.get('/authorize', (req, res) => res.json(clients.get(req.query.client_id).redirects))"
    expect(told(server(take, asked))).toEqual([])
    expect(told(server(take))).not.toEqual([])
  })
})

describe('rows of a table', () => {
  const server = (key: string): string => `
    import { Hono } from 'hono'
    import { Pool } from 'pg'
    import { jwtVerify } from 'jose'
    import { secret } from 'elsewhere'
    const pool = new Pool()
    const app = new Hono()
    app.post('/configs', async (c) => {
      const id = crypto.randomUUID()
      await pool.query('INSERT INTO configs (id, text) VALUES ($1, $2)', [id, 'x'])
      return c.json({ id })
    })
    app.get('/configs', async (c) => {
      const token = c.req.header('authorization').slice(7)
      const { rows } = await pool.query('SELECT * FROM configs WHERE id = $1', [${key}])
      return rows.length === 0 ? c.text('no', 401) : c.json(rows)
    })
    export default app`

  it('are found by who the caller is, and are no login', () => {
    expect(told(server('(await jwtVerify(token, secret)).payload.sub'))).toEqual([])
  })

  it('are logins where the token itself finds them', () => {
    expect(told(server('token'))).not.toEqual([])
  })
})

it('work that is named after a request, so that it is done once, is no session', () => {
  const program = (name: string): string => `
    import express from 'express'
    import { createHash, randomUUID } from 'node:crypto'
    const app = express()
    const runs = new Map()
    app.post('/runs', (req, res) => {
      const key = req.headers['${name}']
      const id = key ? createHash('sha256').update(key).digest('hex') : randomUUID()
      if (runs.has(id)) return res.json(runs.get(id))
      runs.set(id, { input: req.body.input })
      res.json({ id })
    })
    app.get('/runs/:id', (req, res) => res.json(runs.get(req.params.id)))
    app.listen(3000, '127.0.0.1')`
  expect(told(program('idempotency-key'))).toEqual([])
  expect(told(program('x-run'))).toEqual([])
})

describe('rows that belong to somebody', () => {
  const server = (where: string, values: string): string => `
    import { Hono } from 'hono'
    import { Pool } from 'pg'
    const pool = new Pool()
    const app = new Hono()
    app.post('/agents', async (c) => {
      const id = crypto.randomUUID()
      await pool.query('INSERT INTO agents (id, tenant, text) VALUES ($1, $2, $3)', [id, 't', 'x'])
      return c.json({ id })
    })
    app.get('/agents/:id', async (c) => {
      const { rows } = await pool.query('SELECT * FROM agents WHERE ${where}', [${values}])
      return c.json(rows)
    })
    export default app`

  it.each([
    ['tenant = $1 AND id = $2', "c.req.header('x-tenant-id'), c.req.param('id')"],
    ['tenant = $1 AND zone = $2', "c.req.header('x-home'), c.req.header('x-zone')"],
  ])('are narrowed down by headers, which name none of them: %s', (where, values) => {
    expect(told(server(where, values))).toEqual([])
  })

  it('are what a header names where it brings their ID', () => {
    expect(told(server('id = $1', "c.req.header('x-conversation')"))).not.toEqual([])
  })

  it.each([
    ["c.req.header('x-conversation') ?? c.req.header('x-run')"],
    ["c.req.header('x-conversation') || c.req.header('x-run')"],
    ["c.req.header('x-new') ? c.req.header('x-run') : c.req.header('x-conversation')"],
    ["(() => { if (c.req.query('old')) return c.req.header('x-run')\n return c.req.header('x-conversation') })()"],
    ["(() => { let id = c.req.header('x-run')\n if (!id) id = c.req.header('x-conversation')\n return id })()"],
  ])('are what one header names where another does not: %s', (value) => {
    expect(told(server('id = $1', value))).not.toEqual([])
  })

  it('are not what two headers name together, of which one may come in another way', () => {
    const zone = "c.req.header('x-zone') ?? c.req.header('x-region')"
    expect(told(server('tenant = $1 AND zone = $2', `c.req.header('x-home'), ${zone}`))).toEqual([])
  })
})
