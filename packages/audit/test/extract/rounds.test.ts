/** What a client carries from round to round: what it is held against, what it takes away, what is done again. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

/** A tool of SDK v2 that is given state which a codec of the SDK has sealed. */
const server = (tool: string): string => `
  import { createMcpHandler, createRequestStateCodec, inputRequired, McpServer, requireBearerAuth } from '@modelcontextprotocol/server'
  import { jwtVerify } from 'jose'
  const gate = requireBearerAuth({ verifier: { async verifyAccessToken(token) {
    const { payload } = await jwtVerify(token, keys, { audience: 'posts' })
    return { token, clientId: payload.azp, expiresAt: payload.exp, extra: { sub: payload.sub } }
  } } })
  const who = (ctx) => ctx.http.authInfo.extra.sub
  const codec = createRequestStateCodec({ key: Buffer.from(process.env.KEY, 'base64'), ttlSeconds: 300, bind: (ctx) => who(ctx) })
  const posts = new Map()
  const save = (author, title) => { const id = crypto.randomUUID(); posts.set(id, { author, title }); return id }
  const publish = (id, author) => {
    const post = posts.get(id)
    if (post?.author !== author) throw new Error('no')
    post.live = true
    return { content: [] }
  }
  let env
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'posts', version: '1' }, { requestState: { verify: codec.verify } })
    server.registerTool('publish', {}, async ({ title, body }, ctx) => {
      const state = ctx.mcpReq.requestState()
      ${tool}
      const id = state?.id ?? save(who(ctx), title)
      return inputRequired({ inputRequests: {}, requestState: await codec.mint({ tool: 'publish', jti: crypto.randomUUID(), id, title, body }, ctx) })
    })
    return server
  }, { legacy: 'reject' })
  export default { async fetch(request, environment) {
    env = environment
    const auth = await gate(request)
    return auth instanceof Response ? auth : handler.fetch(request, { authInfo: auth })
  } }`

describe('state that is held against the request where there is any', () => {
  const done = 'if (state && agreed(ctx)) return publish(state.id, who(ctx))'

  it.each([
    ['if (state && state.title !== title) return { isError: true, content: [] }'],
    [
      "if (state && (state.tool !== 'publish' || state.title !== title || state.body !== body)) return { isError: true, content: [] }",
    ],
    ['if (!(!state || state.title === title)) return { isError: true, content: [] }'],
  ])('is of that request: %s', (check) => {
    expect(outcomeOf('unbound-request-state', server(`${check}\n${done}`))).toBe('pass')
  })

  it('is of any where it is not', () => {
    expect(outcomeOf('unbound-request-state', server(done))).toBe('fail')
  })
})

describe('what a round does with a store that is not seen', () => {
  const round = (does: string): string =>
    server(
      `if (state && state.title !== title) throw new Error('other'); if (state) { ${does}; return { content: [] } }`,
    )

  it.each([
    ['counts up', 'await env.VOTES.put(state.title, String(Number((await env.VOTES.get(state.title)) ?? 0) + 1))'],
    [
      'sends, after it wrote down what nobody asks',
      "await env.DONE.put(state.jti, '1'); await env.MAIL.send(state.title)",
    ],
    [
      'makes a row under a name that is drawn',
      'await prisma.entry.create({ data: { id: crypto.randomUUID(), title: state.title } }); await env.MAIL.send(state.title)',
    ],
    [
      'asks a durable object for what it has, and sends',
      "await env.COUNTS.get(env.COUNTS.idFromName('all')).getCount(state.id); await env.MAIL.send(state.title)",
    ],
  ])('%s: each time again', (_, does) => {
    expect(outcomeOf('replayable-request-state', round(does))).toBe('fail')
  })

  it.each([
    ['sets', "await env.FLAGS.put(state.title, 'on')"],
    [
      'sends, where it was not done before',
      "if (await env.DONE.get(state.jti)) throw new Error('again'); await env.DONE.put(state.jti, '1'); await env.MAIL.send(state.title)",
    ],
    [
      'makes a row that is named by it, and sends',
      'await prisma.entry.create({ data: { id: state.id, title } }); await env.MAIL.send(state.title)',
    ],
    [
      'inserts a document that is named by it, and sends',
      'await entries.insertOne({ _id: state.id, title }); await env.MAIL.send(state.title)',
    ],
    [
      'claims it of a durable object, and sends',
      "if (!(await env.NONCES.get(env.NONCES.idFromName('all')).claim(state.id))) throw new Error('again'); await env.MAIL.send(state.title)",
    ],
  ])('%s: once and twice are the same', (_, does) => {
    expect(outcomeOf('replayable-request-state', round(does))).toBe('pass')
  })
})

describe('state that nobody sealed', () => {
  const tool = (does: string): string => `
    import { createMcpHandler, inputRequired, McpServer } from '@modelcontextprotocol/server'
    let env
    const handler = createMcpHandler(() => {
      const server = new McpServer({ name: 'files', version: '1' })
      server.registerTool('remove', {}, async ({ name }, ctx) => {
        const chosen = ctx.mcpReq.requestState()
        ${does}
        return { content: [] }
      })
      return server
    }, { legacy: 'reject' })
    export default { fetch(request, environment) { env = environment; return handler.fetch(request) } }`

  it('names what is taken away', () => {
    const does =
      'if (!chosen) return inputRequired({ inputRequests: {}, requestState: `files/${name}` }); await env.BUCKET.delete(chosen)'
    expect(outcomeOf('unsigned-request-state', tool(does))).toBe('fail')
  })

  it('is a handle where it is looked for before', () => {
    const does = `if (!chosen) { const id = crypto.randomUUID(); await env.ROUNDS.put(id, name); return inputRequired({ inputRequests: {}, requestState: id }) }
        const found = await env.ROUNDS.get(chosen)
        if (!found) throw new Error('no')
        await env.ROUNDS.delete(chosen)
        await env.BUCKET.delete(found)`
    expect(outcomeOf('unsigned-request-state', tool(does))).not.toBe('fail')
  })
})

describe('a MAC over caller and arguments', () => {
  const hmac = (of: string): string => `
    import { createServer } from 'node:http'
    import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
    const users = JSON.parse(process.env.USERS)
    const mac = (body, user, args) => createHmac('sha256', process.env.STATE_KEY).update(${of}).digest()
    const unpack = (text, user, args) => {
      const [body, tag] = text.split('.')
      if (!timingSafeEqual(Buffer.from(tag, 'base64url'), mac(body, user, args))) return null
      const { data, exp } = JSON.parse(Buffer.from(body, 'base64url').toString())
      return exp > Date.now() ? data : null
    }
    createServer(async (req, res) => {
      const user = users[createHash('sha256').update(req.headers.authorization ?? '').digest('hex')]
      if (!user) return res.writeHead(401).end()
      let raw = ''
      for await (const chunk of req) raw += chunk
      const { method, params } = JSON.parse(raw)
      if (method !== 'tools/call') return res.writeHead(404).end()
      const body = Buffer.from(JSON.stringify({ data: params.arguments, exp: Date.now() + 5000 })).toString('base64url')
      if (!params.requestState) return res.end(JSON.stringify({ requestState: body + '.' + mac(body, user, params.arguments).toString('base64url') }))
      const state = unpack(params.requestState, user, params.arguments)
      if (!state) return res.writeHead(400).end()
      res.end(JSON.stringify(await exportAll(state.mailbox)))
    }).listen(3000, '127.0.0.1')`

  it('ties state to both', () => {
    const of = "[user.id, JSON.stringify(args), body].join('\\\\n')"
    expect(outcomeOf('unbound-request-state', hmac(of))).toBe('pass')
  })

  it('ties it to nobody where it is over the arguments alone', () => {
    expect(outcomeOf('unbound-request-state', hmac("[JSON.stringify(args), body].join('\\\\n')"))).toBe('fail')
  })
})

describe('what is done again whenever state is sent', () => {
  const round = (does: string): string =>
    server(`if (state) { ${does}; return { content: [] } }`).replace(
      '  const posts = new Map()',
      `  import pg from 'pg'; import { createClient } from 'redis'; import { PrismaClient } from '@prisma/client'; import knex from 'knex'
  const pool = new pg.Pool(); const redis = createClient(); const db = new PrismaClient(); const sql = knex({ client: 'pg' })
  const posts = new Map()`,
    )
  const TAKE = "await pool.query('UPDATE accounts SET balance = balance - $1 WHERE owner = $2', [title, who(ctx)])"

  it.each([
    ['a column that is taken from', TAKE],
    [
      'a row under a key of the database',
      "await pool.query('INSERT INTO payments (owner, amount) VALUES ($1, $2)', [who(ctx), title])",
    ],
    [
      'what was read, less something',
      "const { rows } = await pool.query('SELECT balance FROM accounts WHERE owner = $1', [who(ctx)]); await pool.query('UPDATE accounts SET balance = $1 WHERE owner = $2', [rows[0].balance - title, who(ctx)])",
    ],
    ['a step of a query builder', "await sql('accounts').where({ owner: who(ctx) }).decrement('balance', title)"],
    ['a number of Redis', "await redis.decrBy('balance:' + who(ctx), title)"],
    [
      'a mapper that counts',
      'await db.account.update({ where: { owner: who(ctx) }, data: { balance: { decrement: title } } })',
    ],
    ['a job', "await queue.add('pay', { title })"],
  ])('%s', (_what, does) => {
    expect(outcomeOf('replayable-request-state', round(does))).toBe('fail')
  })

  it.each([
    [
      'where a row of that name was made first',
      `await pool.query('INSERT INTO used (id) VALUES ($1)', [state.jti]); ${TAKE}`,
    ],
    [
      'where its uses are counted under a condition',
      `const { rowCount } = await pool.query('UPDATE pendings SET uses = uses + 1 WHERE id = $1 AND uses = 0', [state.jti]); if (!rowCount) return { content: [] }; ${TAKE}`,
    ],
    [
      'where Redis counts how often it came',
      `if ((await redis.incr('used:' + state.jti)) > 1) return { content: [] }; ${TAKE}`,
    ],
    [
      'as a row that is there already',
      "await pool.query('INSERT INTO likes (owner, post) VALUES ($1, $2) ON CONFLICT DO NOTHING', [who(ctx), title])",
    ],
    ['as a job of that name', "await queue.add('pay', { title }, { jobId: state.jti })"],
  ])('but not %s', (_what, does) => {
    expect(outcomeOf('replayable-request-state', round(does))).toBe('pass')
  })
})
