/** Servers that answer by code which is in no file of the tree: a gap that leaves every rule open. */
import { describe, expect, it } from 'vitest'
import type { Program } from './programs.ts'
import { gapsOf, outcomeOf } from './programs.ts'

/** `server.ts:4`, where the gap hides everything. */
function hidden(program: Program): readonly string[] {
  return gapsOf(program)
    .filter(({ total }) => total)
    .map(({ path, location }) => `${path}:${location?.startLine}`)
}

describe('a handler that nobody can see', () => {
  it.each([
    [
      'given to node:http',
      `
      import { createServer } from 'node:http'
      import { handlerFor } from 'notes-backend'
      createServer(handlerFor({ tools: [] })).listen(3000)`,
      ['server.ts:3'],
    ],
    [
      'put on an event of the server',
      `
      import http from 'node:http'
      import { handle } from 'notes-backend'
      const server = http.createServer()
      server.on('request', handle)
      server.listen(3000)`,
      ['server.ts:4'],
    ],
    [
      'given to Bun',
      `
      import { handle } from 'notes-backend'
      Bun.serve({ port: 3000, fetch: handle })`,
      ['server.ts:2'],
    ],
    [
      'mounted where MCP is served',
      `
      import express from 'express'
      import { notes } from 'notes-backend'
      const app = express()
      app.get('/health', (req, res) => res.send('ok'))
      app.use('/mcp', notes())
      app.listen(3000)`,
      ['server.ts:5'],
    ],
    [
      'that is all that an app has',
      `
      import express from 'express'
      import { notes } from 'notes-backend'
      const app = express()
      app.use(notes())
      app.listen(3000)`,
      ['server.ts:4'],
    ],
  ])('%s', (_what, program, places) => {
    expect(hidden(program)).toEqual(places)
  })
})

describe('what is seen beside what is not', () => {
  it.each([
    [
      'middleware before routes that are seen',
      `
      import express from 'express'
      import { traced } from 'tracing'
      const app = express()
      app.use(traced())
      app.get('/', (req, res) => res.send('hello'))
      app.listen(3000)`,
    ],
    [
      'middleware before a router that is seen',
      `
      import express from 'express'
      import { traced } from 'tracing'
      const app = express()
      const router = express.Router()
      router.get('/', (req, res) => res.send('hello'))
      app.use(traced())
      app.use('/pages', router)
      app.listen(3000)`,
    ],
    [
      'an app that a library wraps',
      `
      import { createServer } from 'node:http'
      import express from 'express'
      import { wrap } from 'tracing'
      const app = express()
      app.get('/', (req, res) => res.send('hello'))
      createServer(wrap({}), app).listen(3000)`,
    ],
    [
      'the handler of an app, taken out of it',
      `
      import { serve } from '@hono/node-server'
      import { Hono } from 'hono'
      const app = new Hono()
      app.get('/', (c) => c.text('hello'))
      serve({ fetch: app.fetch, port: 3000 })`,
    ],
    [
      'a limiter before MCP',
      `
      import express from 'express'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      import { limited } from 'mcp-limits'
      const app = express()
      app.use('/mcp', limited())
      app.post('/mcp', async (req, res) => {
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
        await transport.handleRequest(req, res, req.body)
      })
      app.listen(3000)`,
    ],
    [
      'options of a server whose handler is added later',
      `
      import https from 'node:https'
      import { options } from 'certificates'
      const server = https.createServer(options())
      server.on('request', (req, res) => res.end('hello'))
      server.listen(3000)`,
    ],
  ])('%s', (_what, program) => {
    expect(hidden(program)).toEqual([])
  })
})

describe('a part whose handler of MCP is in a file that is not here', () => {
  const CHECK =
    "if (!['localhost'].includes((req.headers.host ?? '').replace(/:\\d+$/, ''))) return res.writeHead(403).end()"
  const app = (check: string, path = '/mcp', from = './handler.js'): string => `
    import express from 'express'
    import { serve } from '${from}'
    export function createApp() {
      const app = express()
      app.use((req, res, next) => { ${check}; next() })
      app.post('${path}', serve)
      return app
    }`
  const plain = (check: string): string => `
    import http from 'node:http'
    import { Handler } from './handler.js'
    export class Server {
      handler = new Handler()
      constructor() {
        this.http = http.createServer(async (req, res) => {
          ${check}
          if (new URL(req.url, 'http://localhost').pathname === '/mcp') return this.handler.handle(req, res)
          res.writeHead(404).end()
        })
      }
      listen(port) { this.http.listen(port, '127.0.0.1') }
    }`

  it.each([
    ['registered', app('')],
    ['called', plain('')],
  ])('serves it unchecked: %s', (_how, program) => {
    expect(outcomeOf('missing-origin-check', program)).toBe('fail')
  })

  it.each([
    ['behind a check', app(CHECK)],
    ['behind a check of its own', plain(CHECK)],
    ['something else', app('', '/pay')],
    ['in a package', app('', '/mcp', 'mcp-handler')],
  ])('and is left alone: %s', (_how, program) => {
    expect(outcomeOf('missing-origin-check', program)).not.toBe('fail')
  })
})
