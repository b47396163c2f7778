/** WebSockets that a page of another site may have Alice's browser open: what lets them in, and what refuses that page. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, outcomeOf, type Program } from './programs.ts'

const RULE = 'missing-origin-check'

/** A chat whose members are told by a cookie, with `check` before they are and `attributes` on the cookie. */
const chat = (check: string, attributes = 'httpOnly: true'): Program => `
  import { createServer } from 'node:http'
  import express from 'express'
  import { parse } from 'cookie'
  import { WebSocketServer } from 'ws'
  const members = new Map()
  const app = express()
  app.post('/login', (req, res) => {
    const member = verifyPassword(req.body.name, req.body.password)
    if (!member) return res.sendStatus(401)
    const sid = crypto.randomUUID()
    members.set(sid, member)
    res.cookie('sid', sid, { ${attributes} }).end()
  })
  const server = createServer(app)
  const wss = new WebSocketServer({ server })
  wss.on('connection', (ws, req) => {
    ${check}
    const member = members.get(parse(req.headers.cookie).sid)
    if (!member) return ws.close()
    ws.on('message', (text) => messages.create(member, text))
  })
  server.listen(3000)`

describe('a connection that a cookie lets in', () => {
  it('is found where it is accepted', () => {
    expect(findingsOf(RULE, chat(''))).toEqual([
      'server.ts:16: Origin is not checked before a WebSocket is accepted for a cookie, which browsers send along whichever page asks.',
    ])
  })

  it.each([
    ['a list', "if (!['https://chat.example'].includes(req.headers.origin)) return ws.close()"],
    ['a setting', 'if (req.headers.origin !== process.env.SITE) return ws.terminate()'],
    [
      'the host that was asked',
      'const { origin, host } = req.headers\nif (origin && host) { try { if (new URL(origin).host !== host) return ws.close() } catch { return ws.close() } }',
    ],
  ])('is closed to pages of others by %s', (_, check) => {
    expect(outcomeOf(RULE, chat(check))).toBe('pass')
  })

  it('is open to hosts that only look alike', () => {
    expect(outcomeOf(RULE, chat("if (!req.headers.origin?.includes('chat.example')) return ws.close()"))).toBe('fail')
  })

  it('is closed where the cookie is for its own site alone', () => {
    expect(outcomeOf(RULE, chat('', "sameSite: 'lax'"))).toBe('notApplicable')
    expect(outcomeOf(RULE, chat('', "sameSite: 'none'"))).toBe('fail')
  })
})

describe('a connection that is handed on by a proxy', () => {
  const proxied = (check: string, made = 'httpProxy.createProxyServer({})'): Program => `
    import { createServer } from 'node:http'
    import httpProxy from 'http-proxy'
    import { parse } from 'cookie'
    const members = new Map()
    const proxy = ${made}
    const server = createServer((req, res) => proxy.web(req, res, { target: 'http://127.0.0.1:9000' }))
    server.on('upgrade', async (req, socket, head) => {
      ${check}
      proxy.ws(req, socket, head, { target: 'http://127.0.0.1:9000' })
    })
    server.listen(3000)`
  const COOKIE = 'if (!members.has(parse(req.headers.cookie).sid)) return socket.destroy()'

  it.each([
    ['a function', 'httpProxy.createProxyServer({})'],
    ['a class', 'new httpProxy({})'],
  ])('is found where a cookie lets it in, for a proxy that %s makes', (_, made) => {
    expect(outcomeOf(RULE, proxied(COOKIE, made))).toBe('fail')
  })

  it.each([
    [
      'is closed to pages of others',
      `if (req.headers.origin !== process.env.SITE) return socket.destroy()\n${COOKIE}`,
      'pass',
    ],
    ['is the concern of what stands behind where nothing is asked', '', 'notApplicable'],
    [
      'is closed to browsers by a token in a header',
      'if (req.headers.authorization !== process.env.KEY) return socket.destroy()',
      'notApplicable',
    ],
  ])('%s', (_, check, outcome) => {
    expect(outcomeOf(RULE, proxied(check))).toBe(outcome)
  })
})

const SESSIONS = `
  import session from 'express-session'
  const sessions = session({ secret: process.env.SECRET, resave: false, saveUninitialized: false })`
const FASTIFY = `
  import Fastify from 'fastify'
  import session from '@fastify/session'
  import websocket from '@fastify/websocket'
  const app = Fastify()
  app.register(session, { secret: process.env.SECRET })`
const onMessage =
  "if (!req.session.user) return ws.close()\nws.on('message', (text) => perform(req.session.user, text))"

describe('a server of sockets', () => {
  it.each<[string, Program, string]>([
    [
      'fed by hand from an upgrade',
      `${SESSIONS}
      import { createServer } from 'node:http'
      import { WebSocketServer } from 'ws'
      const wss = new WebSocketServer({ noServer: true })
      const server = createServer()
      server.on('upgrade', (req, socket, head) => {
        sessions(req, {}, () => {
          if (!req.session.user) return socket.destroy()
          wss.handleUpgrade(req, socket, head, (ws) => wss.emit('connection', ws, req))
        })
      })
      wss.on('connection', (ws, req) => ws.on('message', (text) => perform(req.session.user, text)))`,
      'fail',
    ],
    [
      'that asks a function of its own',
      `import { WebSocketServer } from 'ws'
      import { parse } from 'cookie'
      import jwt from 'jsonwebtoken'
      const verifyClient = ({ req }, done) => jwt.verify(parse(req.headers.cookie).token, process.env.KEY, (error) => done(!error))
      new WebSocketServer({ port: 3000, verifyClient }).on('connection', (ws) => ws.on('message', (text) => perform(text)))`,
      'fail',
    ],
    [
      'whose function asks for the origin as well',
      `import { WebSocketServer } from 'ws'
      import { parse } from 'cookie'
      import jwt from 'jsonwebtoken'
      const verifyClient = ({ origin, req }, done) => {
        if (!process.env.ORIGINS.split(',').includes(origin)) return done(false)
        jwt.verify(parse(req.headers.cookie).token, process.env.KEY, (error) => done(!error))
      }
      new WebSocketServer({ port: 3000, verifyClient }).on('connection', (ws) => ws.on('message', (text) => perform(text)))`,
      'pass',
    ],
    [
      'of express-ws',
      `${SESSIONS}
      import express from 'express'
      import expressWs from 'express-ws'
      const { app } = expressWs(express())
      app.use(sessions)
      app.ws('/live', (ws, req) => { ${onMessage} })`,
      'fail',
    ],
    [
      'of Fastify',
      `${FASTIFY}
      app.register(websocket)
      app.get('/live', { websocket: true }, (ws, req) => { ${onMessage} })`,
      'fail',
    ],
    [
      'of Fastify, with a verifier',
      `${FASTIFY}
      app.register(websocket, { options: { verifyClient: (info, next) => next(info.origin === process.env.SITE) } })
      app.get('/live', { websocket: true }, (ws, req) => { ${onMessage} })`,
      'pass',
    ],
    [
      'of Hono',
      `import { Hono } from 'hono'
      import { getCookie } from 'hono/cookie'
      import { verify } from 'hono/jwt'
      import { upgradeWebSocket } from 'hono/cloudflare-workers'
      const app = new Hono()
      app.get('/live', async (c, next) => { await verify(getCookie(c, 'token'), process.env.KEY); await next() },
        upgradeWebSocket((c) => ({ onMessage: (event) => perform(event.data) })))
      export default app`,
      'fail',
    ],
    [
      'of Bun',
      `const sessions = new Map()
      Bun.serve({
        fetch(req, server) {
          if (!sessions.has(new Bun.CookieMap(req.headers.get('cookie')).get('sid'))) return new Response('', { status: 401 })
          server.upgrade(req)
        },
        websocket: { message: (ws, text) => perform(text) },
      })`,
      'fail',
    ],
    [
      'of uWebSockets.js',
      `import uWS from 'uWebSockets.js'
      import { parse } from 'cookie'
      uWS.App().ws('/live', {
        upgrade: (res, req, context) => res.upgrade({ user: check(parse(req.getHeader('cookie')).token) }, '', '', '', context),
        message: (ws, text) => perform(ws.getUserData().user, text),
      })`,
      'fail',
    ],
    [
      'of NestJS',
      `import { WebSocketGateway, SubscribeMessage } from '@nestjs/websockets'
      import jwt from 'jsonwebtoken'
      import { parse } from 'cookie'
      @WebSocketGateway({ cors: { origin: '*' } })
      export class Gateway {
        handleConnection(client) {
          client.data.user = jwt.verify(parse(client.handshake.headers.cookie).token, process.env.KEY)
        }
        @SubscribeMessage('send')
        send(client, body) {
          return messages.create(client.data.user, body)
        }
      }`,
      'fail',
    ],
  ])('%s', (_, program, outcome) => {
    expect(outcomeOf(RULE, program)).toBe(outcome)
  })
})

describe('Socket.IO', () => {
  const served = (options: string, credential = "parse(socket.handshake.headers.cookie ?? '').token"): Program => `
    import { Server } from 'socket.io'
    import { parse } from 'cookie'
    import jwt from 'jsonwebtoken'
    const io = new Server(3000, { ${options} })
    io.use((socket, next) => {
      try {
        socket.data.user = jwt.verify(${credential}, process.env.KEY)
        next()
      } catch (error) {
        next(error)
      }
    })
    io.on('connection', (socket) => socket.on('send', (text) => messages.create(socket.data.user, text)))`

  it.each([
    ["cors: { origin: '*' }", 'fail'],
    ['cors: { origin: true, credentials: true }', 'fail'],
    ["cors: { origin: '*' }, allowRequest: (req, done) => done(null, req.headers.origin === process.env.SITE)", 'pass'],
  ])('with %s', (options, outcome) => {
    expect(outcomeOf(RULE, served(options))).toBe(outcome)
  })

  it('with a token that its own page sends', () => {
    expect(outcomeOf(RULE, served("cors: { origin: '*' }", 'socket.handshake.auth.token'))).toBe('notApplicable')
  })
})

/** A bridge on this machine that does what `message` says. */
const local = (message: string, check = '', host = '127.0.0.1'): Program => `
  import { WebSocketServer } from 'ws'
  import { exec } from 'node:child_process'
  import jwt from 'jsonwebtoken'
  const wss = new WebSocketServer({ port: 7000, host: '${host}' })
  wss.on('connection', (ws, req) => {
    let known = false
    ${check}
    ws.on('message', (text) => {
      const message = JSON.parse(text)
      ${message}
    })
  })`

/** A program that an agent speaks to through a pipe, and which hands on what is said over its connections. */
const bridge = (message: string, check = ''): Program => `
  import { WebSocketServer } from 'ws'
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
  import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
  await new McpServer({ name: 'n', version: '1' }).connect(new StdioServerTransport())
  const peers = new Map()
  const channels = new Map()
  const wss = new WebSocketServer({ port: 7000 })
  wss.on('connection', (ws, req) => {
    ${check}
    const id = crypto.randomUUID()
    peers.set(id, ws)
    ws.on('message', (text) => {
      const message = JSON.parse(text)
      ${message}
    })
  })`

describe('a bridge that an agent uses', () => {
  it.each<[string, Program, string]>([
    [
      'sends on to the peer that a message names',
      bridge('peers.get(message.to)?.send(JSON.stringify(message))'),
      'fail',
    ],
    [
      'sends on to all of a channel',
      bridge(
        'const channel = channels.get(message.channel) ?? new Set()\nchannels.set(message.channel, channel.add(ws))\nchannel.forEach((peer) => peer.send(text))',
      ),
      'fail',
    ],
    ['sends on to everybody', bridge('for (const peer of wss.clients) if (peer !== ws) peer.send(text)'), 'fail'],
    ['answers whoever asked', bridge('ws.send(JSON.stringify({ echo: message }))'), 'notApplicable'],
    ['tells all what it says itself', bridge('for (const peer of wss.clients) peer.send("ping")'), 'notApplicable'],
    ['refuses pages', bridge('peers.get(message.to)?.send(text)', 'if (req.headers.origin) return ws.close()'), 'pass'],
    [
      'asks for a token',
      bridge('peers.get(message.to)?.send(text)', 'if (!verify(req.headers.authorization)) return ws.close()'),
      'notApplicable',
    ],
  ])('and that %s', (_, program, outcome) => {
    expect(outcomeOf(RULE, program)).toBe(outcome)
  })
})

describe('a connection that nothing is asked for', () => {
  it('is found where its messages are acted upon on this machine', () => {
    expect(findingsOf(RULE, local('openFile(message.path)'))).toEqual([
      'server.ts:5: Origin is not checked before a WebSocket is accepted from anybody, and its messages are acted upon.',
    ])
  })

  it.each<[string, Program, string]>([
    ['runs commands, wherever it is', local('exec(message.command)', '', '0.0.0.0'), 'fail'],
    ['does something for anybody on the network', local('openFile(message.path)', '', '0.0.0.0'), 'notApplicable'],
    ['only sends on', local('for (const other of wss.clients) other.send(text)'), 'notApplicable'],
    ['refuses pages', local('exec(message.command)', 'if (req.headers.origin) return ws.close()'), 'pass'],
    [
      'takes the host that was asked for its own',
      local('exec(message.command)', 'if (new URL(req.headers.origin).host !== req.headers.host) return ws.close()'),
      'fail',
    ],
    [
      'wants a token in the first message',
      local(
        "if (message.type === 'hello') { jwt.verify(message.token, process.env.KEY); known = true; return }\nif (!known) return ws.close()\nexec(message.command)",
      ),
      'notApplicable',
    ],
    [
      'wants a token as its subprotocol',
      local(
        'exec(message.command)',
        "if (!crypto.timingSafeEqual(Buffer.from(req.headers['sec-websocket-protocol']), Buffer.from(process.env.TOKEN))) return ws.close()",
      ),
      'notApplicable',
    ],
  ])('and that %s', (_, program, outcome) => {
    expect(outcomeOf(RULE, program)).toBe(outcome)
  })

  it('is found where a program that is spoken to through a pipe waits for its answers', () => {
    expect(
      outcomeOf(
        RULE,
        `
        import { WebSocketServer } from 'ws'
        import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
        import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
        const waiting = new Map()
        new WebSocketServer({ port: 7000 }).on('connection', (ws) => {
          ws.on('message', (text) => {
            const { id, result } = JSON.parse(text)
            waiting.get(id)?.resolve(result)
            waiting.delete(id)
          })
        })
        const server = new McpServer({ name: 'tabs', version: '1.0.0' })
        server.registerTool('tabs', {}, () => new Promise((resolve) => waiting.set(crypto.randomUUID(), { resolve })))
        await server.connect(new StdioServerTransport())`,
      ),
    ).toBe('fail')
  })
})

describe('a token of @fastify/jwt', () => {
  const served = (options: string, check = ''): Program => `
    import Fastify from 'fastify'
    import jwt from '@fastify/jwt'
    import websocket from '@fastify/websocket'
    const app = Fastify()
    app.register(jwt, { secret: process.env.SECRET, ${options} })
    app.register(websocket)
    app.addHook('onRequest', async (req, reply) => {
      ${check}
      try { await req.jwtVerify() } catch { return reply.code(401).send() }
    })
    app.get('/live', { websocket: true }, (ws, req) => { ws.on('message', (text) => perform(req.user, text)) })`

  it.each([
    ["cookie: { cookieName: 'token' }", '', 'fail'],
    [
      "cookie: { cookieName: 'token' }",
      'if (req.headers.origin !== process.env.SITE) return reply.code(403).send()',
      'pass',
    ],
    ["sign: { expiresIn: '1h' }", '', 'notApplicable'],
  ])('with %s %s', (options, check, outcome) => {
    expect(outcomeOf(RULE, served(options, check))).toBe(outcome)
  })

  it('is judged by its key and its end', () => {
    const program = (key: string, options: string): Program => `
      import Fastify from 'fastify'
      import jwt from '@fastify/jwt'
      const app = Fastify()
      app.register(jwt, { secret: ${key} })
      app.post('/login', async (req) => ({ token: app.jwt.sign({ id: await check(req.body) }${options}) }))
      app.get('/me', async (req) => { await req.jwtVerify(); return req.user })
      app.listen({ port: 3000 })`
    expect(outcomeOf('weak-session-secret', program("'supersecret'", ''))).toBe('fail')
    expect(outcomeOf('weak-session-secret', program('process.env.SECRET', ''))).toBe('pass')
    expect(outcomeOf('missing-session-expiry', program('process.env.SECRET', ''))).toBe('fail')
    expect(outcomeOf('missing-session-expiry', program('process.env.SECRET', ", { expiresIn: '1h' }"))).toBe('pass')
  })
})

describe('a check that only requests for a WebSocket pass', () => {
  const bun = (check: string): string => `
    import { writeFileSync } from 'node:fs'
    const allowed = new Set((process.env.ORIGINS ?? '').split(','))
    const ok = (req) => { const origin = req.headers.get('origin'); return !origin || allowed.has(origin) }
    Bun.serve({
      hostname: '127.0.0.1',
      fetch(req, server) {
        const refused = new Response('no', { status: 403 })
        ${check}
        if (server.upgrade(req)) return undefined
        return new Response('a page')
      },
      websocket: { message(ws, raw) { writeFileSync(JSON.parse(raw).path, '') } },
    })`

  it.each([
    ['by the header', "if (req.headers.get('upgrade') === 'websocket' && !ok(req)) return refused", 'pass'],
    [
      'by the header, in any case',
      "const isUpgrade = req.headers.get('Upgrade')?.toLowerCase() === 'websocket'\nif (isUpgrade && !ok(req)) return refused",
      'pass',
    ],
    [
      'by a part of the header',
      "if (req.headers.get('upgrade')?.toLowerCase().includes('websocket') && !ok(req)) return refused",
      'pass',
    ],
    ['where the header is there', "if (req.headers.has('upgrade')) { if (!ok(req)) return refused }", 'pass'],
    ['by another header', "if (req.headers.get('x-debug') === 'websocket' && !ok(req)) return refused", 'fail'],
    ['where they do not', "if (req.headers.get('upgrade') !== 'websocket' && !ok(req)) return refused", 'fail'],
  ])('%s', (_, check, outcome) => {
    expect(outcomeOf('missing-origin-check', bun(check))).toBe(outcome)
  })
})

describe('a cookie that is taken out of the header by hand', () => {
  const served = (take: string): string => `
    import http from 'node:http'
    import { WebSocketServer } from 'ws'
    import jwt from 'jsonwebtoken'
    import { run } from './agent.js'
    function tokenOf(req) {
      if (!req.headers.cookie) return undefined
      ${take}
    }
    const isKnown = (req) => { try { jwt.verify(tokenOf(req), process.env.SECRET); return true } catch { return false } }
    const server = http.createServer()
    new WebSocketServer({ server }).on('connection', (socket, req) => {
      if (!isKnown(req)) return socket.close()
      socket.on('message', async (data) => socket.send(await run(String(data))))
    })
    server.listen(3000)`

  it.each([
    "return Object.fromEntries(req.headers.cookie.split(';').map((each) => each.trim().split('='))).auth",
    "return new Map(req.headers.cookie.split('; ').map((each) => each.split('='))).get('auth')",
    "const all = req.headers.cookie.split(';').reduce((found, each) => { const [name, value] = each.trim().split('='); found[name] = value; return found }, {}); return all.auth",
    "for (const each of req.headers.cookie.split(';')) { const [name, value] = each.trim().split('='); if (name === 'auth') return value }",
  ])('lets pages in: %s', (take) => {
    expect(factsOf(served(take)).sockets.map(({ letInBy }) => letInBy)).toEqual(['cookie'])
  })
})
