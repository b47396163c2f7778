/** Transports that the program wrote itself: the SDK starts them, hands them its inbox and sends through them. */
import { describe, expect, it } from 'vitest'
import { factsOf, outcomeOf, place, type Program } from './programs.ts'

/** An SSE transport that keeps a connection per client; `send` is what the SDK calls with an answer. */
function transport(send: string, around: { readonly members?: string; readonly after?: string } = {}): string {
  return `
    import { createServer } from 'node:http'
    import { randomUUID } from 'node:crypto'
    import { Server } from '@modelcontextprotocol/sdk/server/index.js'
    import { isJSONRPCResponse, isJSONRPCNotification } from '@modelcontextprotocol/sdk/types.js'
    export class EventTransport {
      ${around.members ?? 'onmessage'}
      connections = new Map()
      waiting = new Map()
      async start() {
        createServer(async (req, res) => {
          const url = new URL(req.url, 'http://localhost')
          if (req.method === 'GET') {
            this.connections.set(randomUUID(), { res })
            return
          }
          const entry = this.connections.get(url.searchParams.get('sessionId'))
          const message = JSON.parse(await text(req))
          this.waiting.set(message.id, entry)
          this.onmessage?.(message)
          res.writeHead(202).end()
        }).listen(3000)
      }
      async send(message, options) {
        ${send}
      }
      async close() {}
    }
    ${around.after ?? 'await new Server({}).connect(new EventTransport())'}`
}

const broadcasts = (program: Program): readonly string[] =>
  factsOf(program).broadcasts.map((fact) => `${fact.store} ${place(fact.at)}`)

const EVERYBODY = 'for (const entry of this.connections.values()) entry.res.write(JSON.stringify(message))'
const WHO_ASKED = 'this.waiting.get(message.id)?.res.write(JSON.stringify(message))'

describe('an answer sent to everybody', () => {
  it.each([
    ['in a loop over all connections', transport(EVERYBODY)],
    [
      'as an event, to each entry of the map',
      transport('this.connections.forEach(({ res }) => res.write(`data: ${JSON.stringify(message)}\\n\\n`))'),
    ],
    [
      'where the inbox is set through an accessor',
      transport(EVERYBODY, {
        members: 'inbox; set onmessage(to) { this.inbox = to } get onmessage() { return this.inbox }',
      }),
    ],
    ['by a transport that others will connect', transport(EVERYBODY, { after: '' })],
    [
      'after the notifications have been told apart',
      transport(`if (isJSONRPCNotification(message)) return this.log(message); ${EVERYBODY}`),
    ],
  ])('%s', (_, program) => {
    expect(broadcasts(program)).toEqual(['connections server.ts:24'])
  })

  it.each([
    ['found by the request that it answers', WHO_ASKED],
    ['found by what the SDK says of the request', 'this.waiting.get(options.relatedRequestId)?.res.write(message)'],
    [
      'compared with the request that each connection waits for',
      'for (const entry of this.connections.values()) if (entry.request === message.id) entry.res.write(message)',
    ],
    ['only what has a method is for all', `if ('method' in message) { ${EVERYBODY} } else ${WHO_ASKED}`],
    ['only what has no id is for all', `if (message.id === undefined) { ${EVERYBODY} } else ${WHO_ASKED}`],
    ['only what answers nothing is for all', `if (isJSONRPCResponse(message)) return ${WHO_ASKED}; ${EVERYBODY}`],
  ])('to the one who asked: %s', (_, send) => {
    expect(broadcasts(transport(send))).toEqual([])
  })

  it('a transport whose inbox nobody fills sends no answers', () => {
    const mute = transport(EVERYBODY).replace('this.onmessage?.(message)', '')
    expect(broadcasts(mute)).toEqual([])
  })

  it('messages of many SDK transports that meet in the inbox of one', () => {
    const program = `
      import { createServer } from 'node:http'
      import { randomUUID } from 'node:crypto'
      import { Server } from '@modelcontextprotocol/sdk/server/index.js'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      class Hub {
        transports = {}
        async start() {
          createServer(async (req, res) => {
            const id = req.headers['mcp-session-id']
            if (id && this.transports[id]) return this.transports[id].handleRequest(req, res)
            const transport = new StreamableHTTPServerTransport({
              sessionIdGenerator: () => randomUUID(),
              onsessioninitialized: (fresh) => { this.transports[fresh] = transport },
            })
            transport.onmessage = (message) => this.onmessage?.(message)
            await transport.handleRequest(req, res)
          }).listen(3000)
        }
        async send(message) {
          for (const [, transport] of Object.entries(this.transports)) await transport.send(message)
        }
        async close() {}
      }
      await new Server({}).connect(new Hub())`
    expect(broadcasts(program)).toEqual(['transports server.ts:20'])
  })
})

describe('what a class keeps', () => {
  it('is there in every instance, however many are made', () => {
    const program = `
      import { createServer } from 'node:http'
      import { randomUUID } from 'node:crypto'
      class Sessions {
        constructor() {
          this.all = new Map()
        }
      }
      const first = new Sessions()
      const second = new Sessions()
      const third = new Sessions()
      createServer((req, res) => {
        third.all.set(randomUUID(), { openedAt: 1 })
        res.end(String(third.all.get(req.headers['mcp-session-id'])))
      }).listen(3000)`
    expect(factsOf(program).stores.map((store) => place(store.at))).toEqual(['server.ts:5'])
  })
})

describe('a transport that a DELETE has closed', () => {
  const served = (after: string, verb = 'all'): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
    const transports = new Map()
    const app = express()
    const handle = async (req, res) => {
      const id = req.headers['mcp-session-id']
      let transport
      if (id && transports.has(id)) transport = transports.get(id)
      else {
        transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() })
        transport.onclose = () => transports.delete(transport.sessionId)
        await serverFor(req).connect(transport)
      }
      await transport.handleRequest(req, res, req.body)
      ${after}
    }
    app.${verb}('/mcp', handle)
    app.delete('/mcp', async (req, res) => transports.get(req.headers['mcp-session-id']).handleRequest(req, res))
    app.listen(3000)`

  it.each([
    'transports.set(transport.sessionId, transport)',
    'if (!transports.has(transport.sessionId)) transports.set(transport.sessionId, transport)',
  ])('is put in again: %s', (after) => {
    expect(outcomeOf('missing-session-invalidation', served(after))).toBe('fail')
  })

  it.each([
    ['only requests without a session come there', 'if (!id) transports.set(transport.sessionId, transport)'],
    [
      'only the first message does',
      'if (isInitializeRequest(req.body)) transports.set(transport.sessionId, transport)',
    ],
    ['only other verbs do', "if (req.method !== 'DELETE') transports.set(transport.sessionId, transport)"],
    [
      'it is taken out after that',
      "transports.set(transport.sessionId, transport); if (req.method === 'DELETE') transports.delete(id)",
    ],
  ])('is gone where %s', (_why, after) => {
    expect(outcomeOf('missing-session-invalidation', served(after))).toBe('pass')
  })

  it('is gone where another route serves DELETE', () => {
    expect(
      outcomeOf('missing-session-invalidation', served('transports.set(transport.sessionId, transport)', 'post')),
    ).toBe('pass')
  })
})

it('is no session while it is being opened', () => {
  const program = (opening: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const transports = new Map()
    const opening = new Map()
    const app = express()
    app.all('/mcp', async (req, res) => {
      const known = transports.get(req.headers['mcp-session-id'])
      if (known) return known.handleRequest(req, res)
      const id = randomUUID()
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => id })
      transport.onclose = () => transports.delete(id)
      ${opening}
      transports.set(id, transport)
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
  const names = (opening: string): readonly string[] => factsOf(program(opening)).stores.map(({ name }) => name)
  expect(names('opening.set(id, transport); await connect(transport); opening.delete(id)')).toEqual(['transports'])
  expect(names('opening.set(id, transport); await connect(transport)')).toEqual(['transports', 'opening'])
})

describe('a transport that is made to take up a session', () => {
  const restoring = (restore: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const known = new Set()
    const app = express()
    app.post('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (sid) => known.add(sid),
      })
      ${restore}
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`

  it.each([
    'if (id) transport.sessionId = id',
    'Object.assign(transport, { sessionId: id, _initialized: true })',
    'transport._webStandardTransport.sessionId = id',
  ])('takes up whatever a client names: %s', (restore) => {
    expect(outcomeOf('client-supplied-session-id', restoring(restore))).toBe('fail')
    expect(outcomeOf('predictable-session-id', restoring(restore))).not.toBe('open')
  })

  const asked = (why: string): string => `const why = refusal(id)
      if (why) return res.status(404).send(why)
      transport.sessionId = id
      function refusal(id) {
        ${why}
      }`

  it.each([
    ['written out', "if (!known.has(id)) return 'there is none'"],
    ['of the ID and more', 'if (!known.has(id)) return `there is no ${id}`'],
    ['put together', "if (!known.has(id)) return 'there is no ' + id + '.'"],
  ])('takes up what is not refused with a text %s', (_which, why) => {
    expect(outcomeOf('client-supplied-session-id', restoring(asked(why)))).toBe('pass')
  })

  it.each([
    ['that may be empty', 'if (!known.has(id)) return `${id}`'],
    ['for what is known', 'if (known.has(id)) return `there is ${id}`'],
    ['that is empty for what is new', "return known.has(id) ? `there is ${id}` : ''"],
  ])('takes up whatever is not refused with a text %s', (_which, why) => {
    expect(outcomeOf('client-supplied-session-id', restoring(asked(why)))).toBe('fail')
  })

  it('takes up what is known', () => {
    const restore = 'if (!known.has(id)) return res.status(404).end()\n      transport.sessionId = id'
    expect(outcomeOf('client-supplied-session-id', restoring(restore))).toBe('pass')
  })
})
