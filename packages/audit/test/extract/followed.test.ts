/** What is followed, whatever else a server does first. */
import { describe, expect, it } from 'vitest'
import { authenticationOf, dispatchesOf, factsOf, gapsOf, outcomeOf } from './programs.ts'

const OPENING = `
      import express from 'express'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      const app = express()
      const sessions = new Map()
      const byToken = new Map()
      app.post('/mcp', async (req, res) => {
        const id = crypto.randomUUID()
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => id })
        sessions.set(id, { sessionId: id, transport })
        byToken.set(req.headers.authorization, id)
        await new McpServer({ name: 'a', version: '1' }).connect(transport)
        await transport.handleRequest(req, res, req.body)
      })`

describe('a session that is named by the client or found by its credential', () => {
  const get = (name: string): string => `${OPENING}
      app.get('/mcp', async (req, res) => {
        ${name}
        if (!id || !sessions.has(id)) return res.status(404).end()
        await sessions.get(id).transport.handleRequest(req, res)
      })
      app.listen(3000)`

  it('is nobody’s for sure', () => {
    const program = get(`
        let id = req.headers['mcp-session-id']
        if (!id && req.headers.authorization) {
          const found = sessions.get(byToken.get(req.headers.authorization))
          if (found) id = found.sessionId
        }`)
    expect(dispatchesOf(program)).toContain('GET server.ts:23 unbound')
    expect(authenticationOf(program)).not.toContain('GET server.ts:23 always')
  })

  it('is the caller’s where only the credential finds it', () => {
    const program = get(`const id = sessions.get(byToken.get(req.headers.authorization))?.sessionId`)
    expect(dispatchesOf(program)).toContain('GET server.ts:18 bound')
  })
})

describe('what a listener puts where its function finds it', () => {
  const routes = ['a', 'b', 'c', 'd', 'e'].map(
    (name) => `app.post('/${name}', async (req, res) => { res.end(JSON.parse(await read(req)).name) })`,
  )
  const server = (read: string): string => `
      import express from 'express'
      const app = express()
      ${read}
      ${routes.join('\n      ')}
      app.post('/mcp', async (req, res) => {
        const message = JSON.parse(await read(req))
        switch (message.method) {
          case 'tools/call': return res.end('{}')
        }
      })
      app.listen(3000)`

  it('is there however often the function was called before', () => {
    const lists = server(`const read = (req) => new Promise((resolve) => {
        const chunks = []
        req.on('data', (chunk) => chunks.push(chunk))
        req.on('end', () => resolve(Buffer.concat(chunks).toString()))
      })`)
    const texts = server(`const read = (req) => new Promise((resolve) => {
        let text = ''
        req.on('data', (chunk) => { text += chunk })
        req.on('end', () => resolve(text))
      })`)
    expect(factsOf(lists).endpoints).toHaveLength(1)
    expect(factsOf(texts).endpoints).toHaveLength(1)
  })
})

describe('a record of a client', () => {
  const server = (record: string, also = ''): string => `
      import { createServer } from 'node:http'
      const clients = new Map()
      createServer(async (req, res) => {
        const id = req.headers['mcp-session-id'] ?? req.socket.remoteAddress
        const known = clients.get(id)
        if (!known) clients.set(id, ${record})
        ${also}
        res.end(known?.name)
      }).listen(3000)`

  it('is no session where it counts how often it came', () => {
    expect(factsOf(server('{ count: 1, resetAt: Date.now() + 60_000 }')).stores).toEqual([])
    expect(factsOf(server('1')).stores).toEqual([])
  })

  it('is one where more is kept of it', () => {
    expect(factsOf(server('{ count: 1, name: req.headers["x-name"] }')).stores).toHaveLength(1)
  })
})

describe('a login that is optional', () => {
  it('has callers to tell apart on loopback, too', () => {
    const program = `${OPENING}
      app.get('/mcp', async (req, res) => {
        const token = req.headers.authorization
        if (token) {
          const who = await verifyToken(token)
          if (!who) return res.status(401).end()
        }
        await sessions.get(req.headers['mcp-session-id']).transport.handleRequest(req, res)
      })
      app.listen(3000, '127.0.0.1')`
    expect(outcomeOf('unbound-session', program)).toBe('fail')
  })
})

describe('code that is too large to follow', () => {
  it('is a gap in a tool as well', () => {
    const program = `
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      const server = new McpServer({ name: 'a', version: '1' })
      const large = () => {
        let count = 0
        ${'count = count + 1\n'.repeat(9_000)}
      }
      server.registerTool('t', {}, async () => large())`
    expect(gapsOf(program).map(({ reason, total }) => `${reason} ${total}`)).toEqual([
      'The tool at line 9007 is too large to follow to its end. true',
    ])
  })

  it('leaves something to what comes after it, where a handler does it for one path only', () => {
    const program = `
      import http from 'node:http'
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      http.createServer(async (req, res) => {
        let count = 0
        if (req.url === '/large') {
          ${'count = count + 1\n'.repeat(40_000)}
          return res.end()
        }
        if (req.url === '/mcp') {
          const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
          await new McpServer({}).connect(transport)
          await transport.handleRequest(req, res)
        }
      }).listen(3000)`
    expect(factsOf(program).endpoints).toHaveLength(1)
  })

  it('ends where functions call each other, each from several places', () => {
    const names = ['open', 'tell', 'list', 'offer', 'ask', 'renew']
    const each = names.map(
      (name) => `async function ${name}(req) {
        ${names.map((other) => `if (await ${other}Lacks(req)) await ${other}(req)`).join('\n')}
        let count = 0
        ${'count = count + 1\n'.repeat(100)}
        console.log(req.url)
      }`,
    )
    const program = `
      import http from 'node:http'
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      ${each.join('\n')}
      http.createServer(async (req, res) => {
        await open(req)
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
        await new McpServer({}).connect(transport)
        await transport.handleRequest(req, res)
      }).listen(3000)`
    expect(gapsOf(program)).toEqual([])
  })
})

describe('a method that calls the one it overrides', () => {
  it('hands on what that is given, where its class is not here', () => {
    const program = `
      import http from 'node:http'
      import { Base } from 'somewhere'
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      class Turns extends Base {
        run(task) { return super.run(async () => { await task() }) }
      }
      const turns = new Turns()
      http.createServer(async (req, res) => {
        await turns.run(async () => {
          const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
          await new McpServer({}).connect(transport)
          await transport.handleRequest(req, res)
        })
      }).listen(3000)`
    expect(factsOf(program).endpoints).toHaveLength(1)
  })
})
