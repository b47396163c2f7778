/** Handlers that a library makes for others: nobody here calls them, and what they do is followed all the same. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf } from './programs.ts'

describe('a function that gives back a handler', () => {
  const replaying = (check: string): string => `
    export function sessionHandler(callbacks, options = {}) {
      const { session, eventStore } = options
      async function handleGet(req) {
        const found = session.validate(req)
        if (!found.ok) return found.response
        const last = req.headers.get('last-event-id')
        if (eventStore && last) return replay(last, found.sessionId)
        return new Response(null, { status: 405 })
      }
      async function replay(last, sessionId) {
        ${check}
        const readable = new ReadableStream({
          start: (controller) => void eventStore.replayEventsAfter(last, { send: async (id, message) => controller.enqueue(message) }),
        })
        return new Response(readable)
      }
      return async (req: Request, extra) => {
        if (req.method === 'GET') return await handleGet(req)
        return callbacks.onrequest(await req.json(), extra)
      }
    }`

  it('is put on a route by whoever uses the library', () => {
    expect(outcomeOf('event-replay-across-sessions', replaying(''))).toBe('fail')
  })

  it('asks the session that it was handed whose the event is', () => {
    const check = `const stream = await eventStore.getStreamIdForEventId(last)
      if (!session.ownsStreamId(sessionId, stream)) return new Response(null, { status: 403 })`
    expect(outcomeOf('event-replay-across-sessions', replaying(check))).not.toBe('fail')
  })

  it('is told of nothing by being asked for a number', () => {
    expect(outcomeOf('event-replay-across-sessions', replaying('session.canonical(sessionId, last)'))).toBe('fail')
  })
})

describe('the message that a handler of a library is given', () => {
  const bridge = (fields: string, waiting: string): string => `
    import { randomUUID } from 'node:crypto'
    import { Server } from '@modelcontextprotocol/sdk/server/index.js'
    ${fields}
    export class Bridge {
      private sessions = new Map()
      constructor(private make: () => Server) {}
      async handleRequest(req, res, body) {
        let id = req.headers['mcp-session-id']
        if (body.method === 'initialize') {
          id = randomUUID()
          const waiting = new Map()
          const server = this.make()
          await server.connect({ start: async () => {}, close: async () => {}, send: async (m) => ${waiting}.get(m.id)?.end(m) })
          this.sessions.set(id, { server, waiting })
        }
        const session = this.sessions.get(id)
        if (!session) return res.writeHead(404).end()
        ${waiting === 'waiting' && fields === '' ? 'session.' : ''}${waiting}.set(body.id, res)
        session.server.transport.onmessage(body)
      }
    }`

  it('has an ID that any client may have chosen', () => {
    expect(findingsOf('shared-session-state', bridge('const pending = new Map()', 'pending'))).toEqual([
      expect.stringContaining('Whoever waits for an answer is kept in pending under an ID that the client chose'),
    ])
  })

  it('has an ID of its own in its session', () => {
    expect(findingsOf('shared-session-state', bridge('', 'waiting'))).toEqual([])
  })

  const transport = (sessions: string, check: string): string => `
    import { randomUUID } from 'node:crypto'
    export class HttpTransport {
      sessionId
      onmessage
      private responses = new Map()
      ${sessions}
      constructor(private options = {}) {}
      async start() {}
      async close() {}
      async send(message) { this.responses.get(message.id)?.end(JSON.stringify(message)) }
      async handleRequest(req, res, body) {
        ${check}
        if (body.method === 'initialize') this.sessionId = randomUUID()
        else if (req.headers['mcp-session-id'] !== this.sessionId) return res.writeHead(404).end()
        this.responses.set(body.id, res)
        this.onmessage?.(body)
      }
    }`
  const optional = `if (this.options.protect && !this.options.hosts.includes(req.headers.host)) return res.writeHead(403).end()`
  const always = `if (!(this.options.hosts ?? ['localhost:3000']).includes(req.headers.host)) return res.writeHead(403).end()`

  it('is served by a transport, whatever its options leave out', () => {
    expect(outcomeOf('missing-origin-check', transport('', optional))).toBe('fail')
    expect(outcomeOf('missing-origin-check', transport('', always))).not.toBe('fail')
  })

  it('waits in a transport that each session has one of', () => {
    expect(findingsOf('shared-session-state', transport('', always))).toEqual([])
  })
})
