/** Connections that begin as requests, and listeners that run where something is emitted. */
import { describe, expect, it } from 'vitest'
import { dispatchesOf, factsOf, findingsOf, listenersOf } from './programs.ts'

/** A server of sockets after \`lines\`, with a session for each connection under \`id\`. */
function adoptions(program: string): readonly string[] {
  return factsOf(program).adoptions.map(({ at, origin }) => `${at.startLine} ${origin}`)
}

describe('a connection is a request', () => {
  it.each([
    ['of a server of its own', "new WebSocketServer({ port: 3000, host: '127.0.0.1' })"],
    ['of an HTTP server', 'new WebSocketServer({ server: createServer().listen(3000) })'],
    ['by the other name of the class', 'new WebSocket.Server({ port: 3000 })'],
  ])('%s', (_, made) => {
    expect(
      adoptions(`
        import WebSocket, { WebSocketServer } from 'ws'
        import { createServer } from 'node:http'
        const sessions = new Map()
        const wss = ${made}
        wss.on('connection', (socket, request) => {
          const id = request.headers['x-session-id'] ?? crypto.randomUUID()
          const known = sessions.get(id)
          if (known) return known.resume(socket)
          sessions.set(id, { socket, notes: [] })
        })`),
    ).toEqual(['9 the request header x-session-id'])
  })

  it('says where it listens', () => {
    const program = "import { WebSocketServer } from 'ws'\nnew WebSocketServer({ port: 3000, host: '10.0.0.1' })"
    expect(listenersOf(program)).toEqual(['server.ts:2 10.0.0.1'])
  })

  it('that is made by hand from an upgrade, and handed on by an emitter', () => {
    const program = (id: string): string => `
      import { createServer } from 'node:http'
      import { EventEmitter } from 'node:events'
      import { WebSocketServer } from 'ws'
      class Gate extends EventEmitter {
        constructor() {
          super()
          const wss = new WebSocketServer({ noServer: true })
          this.http = createServer()
          this.http.on('upgrade', (request, socket, head) => {
            if (request.headers.authorization !== process.env.KEY) return socket.destroy()
            wss.handleUpgrade(request, socket, head, (ws) => wss.emit('connection', ws, request))
          })
          wss.on('connection', (ws, request) => {
            ws.previous = request.headers['x-session-id']
            this.emit('connection', ws)
          })
        }
      }
      class Bridge {
        sessions = new Map()
        constructor() {
          this.gate = new Gate()
          this.gate.on('connection', (ws) => {
            const known = this.sessions.get(ws.previous)
            if (known) known.resume(ws)
            else this.open(ws, ${id})
          })
        }
        open(ws, id) {
          this.sessions.set(id, { ws })
        }
      }
      new Bridge().gate.http.listen(3000)`
    expect(adoptions(program('ws.previous ?? crypto.randomUUID()'))).toEqual(['30 the request header x-session-id'])
    expect(adoptions(program('crypto.randomUUID()'))).toEqual([])
  })
})

describe('a listener', () => {
  const served = (check: string): readonly string[] =>
    dispatchesOf(`
      import { createServer } from 'node:http'
      import { EventEmitter } from 'node:events'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      import { jwtVerify } from 'jose'
      const transports = new Map()
      const bus = new EventEmitter()
      const open = () => {
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
        transports.set(transport.sessionId, { transport, owner: 'x' })
      }
      bus.on('mcp', (req, res, user) => {
        open()
        const session = transports.get(req.headers['mcp-session-id'])
        ${check}
        session.transport.handleRequest(req, res)
      })
      createServer(async (req, res) => {
        const { payload } = await jwtVerify(req.headers.authorization, key)
        bus.emit('mcp', req, res, payload.sub)
      }).listen(3000)`)

  it('runs on the path that emits', () => {
    expect(served('')).toEqual(['* server.ts:15 unbound'])
    expect(served('if (session.owner !== user) return res.writeHead(404).end()')).toEqual(['* server.ts:15 bound'])
  })
})

describe('an owner that the client need not name', () => {
  const findings = (check: string): readonly string[] =>
    findingsOf(
      'unbound-session',
      `
      import { createServer } from 'node:http'
      import { jwtVerify } from 'jose'
      import { timingSafeEqual, randomBytes, randomUUID } from 'node:crypto'
      const sessions = new Map()
      const same = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
      ${check}
      createServer(async (req, res) => {
        await jwtVerify(req.headers.authorization, key)
        const id = req.headers['mcp-session-id']
        if (id === undefined) {
          const made = randomUUID()
          sessions.set(made, { agent: makeAgent(), secret: randomBytes(32).toString('hex'), strict: settings.strict })
          return res.end(made)
        }
        const session = sessions.get(id)
        if (!session) return res.writeHead(404).end()
        if (!isOwner(req, session)) return res.writeHead(403).end()
        session.agent.run(req)
      }).listen(3000)`,
    ).map((finding) => finding.split(':')[1]!)

  it.each([
    [
      'presents a secret of its own',
      "const isOwner = (req, s) => { const p = req.headers['x-secret']; if (typeof p !== 'string') return false; return same(p, s.secret) }",
      [],
    ],
    [
      'may leave it out',
      "const isOwner = (req, s) => { const p = req.headers['x-secret']; if (typeof p !== 'string') return true; return same(p, s.secret) }",
      ['15'],
    ],
    [
      'may leave it out, in one expression',
      "const isOwner = (req, s) => !(s.secret && req.headers['x-secret'] && s.secret !== req.headers['x-secret'])",
      ['15'],
    ],
    [
      'may leave it out of a session that asks for none',
      "const isOwner = (req, s) => { const p = req.headers['x-secret']; if (typeof p !== 'string') return !s.strict; return same(p, s.secret) }",
      [],
    ],
  ])('%s', (_, check, expected) => {
    expect(findings(check)).toEqual(expected)
  })
})
