/** Classes that serve and that a host starts by what the module exports: a plugin, a widget, an extension. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const CLASS = `
  class NotesServer {
    constructor(settings) { this.settings = settings }
    async start() {
      const { port, host } = this.settings
      const app = express()
      CHECK
      app.post('/mcp', async (req, res) => {
        await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(req, res, req.body)
      })
      app.listen(port, host)
    }
  }`
const CHECK = "app.use((req, res, next) => (req.headers.host === 'localhost:1' ? next() : res.sendStatus(403)))"
const REQUIRED = `
  const express = require('express')
  const { StreamableHTTPServerTransport } = require('@modelcontextprotocol/sdk/server/streamableHttp.js')`
const IMPORTED = `
  import express from 'express'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'`
const RUN =
  'function run(settings) { const server = new NotesServer(settings)\n return { start: () => server.start() } }'

describe.each([
  ['exported', `${IMPORTED}${CLASS}\nexport { NotesServer }`],
  ['the export of a CommonJS module', `${REQUIRED}${CLASS}\nmodule.exports = NotesServer`],
  ['one of those exports', `${REQUIRED}${CLASS}\nmodule.exports = { NotesServer }`],
  ['put on its exports', `${REQUIRED}${CLASS}\nexports.NotesServer = NotesServer`],
  ['made by an exported function', `${IMPORTED}${CLASS}\n${RUN}\nexport { run }`],
  ['made by a function of a CommonJS module', `${REQUIRED}${CLASS}\n${RUN}\nmodule.exports = { run }`],
  [
    'made by an arrow of a CommonJS module',
    `${REQUIRED}${CLASS}\nexports.activate = (context) => { new NotesServer(context).start() }`,
  ],
])('a class that is %s', (_how, program) => {
  it('serves, and without a check of the origin', () => {
    expect(outcomeOf('missing-origin-check', { 'server.cts': program.replace('CHECK', '') })).toBe('fail')
  })

  it('serves behind the check that it has', () => {
    expect(outcomeOf('missing-origin-check', { 'server.cts': program.replace('CHECK', CHECK) })).toBe('pass')
  })
})

it('a class that nothing makes and that nobody can import serves nothing', () => {
  expect(outcomeOf('missing-origin-check', `${IMPORTED}${CLASS.replace('CHECK', '')}`)).toBe('notApplicable')
})

it('a function of a CommonJS module that takes a request and serves no MCP is no handler of its own', () => {
  const program = `${REQUIRED}\nexports.list = (req, res) => res.json(req.session.items)`
  expect(outcomeOf('missing-origin-check', { 'server.cts': program })).toBe('notApplicable')
})

describe('a class beside a program that serves otherwise', () => {
  const program = (more: Record<string, string>): Record<string, string> => ({
    'package.json': JSON.stringify({ name: 'notes', scripts: { start: 'node server.js' } }),
    'server.js': `${IMPORTED}
      import { randomUUID } from 'node:crypto'
      express().listen(3000, '127.0.0.1')`,
    'old/server.js': `${IMPORTED}
      export class OldServer {
        createTransport() {
          return new StreamableHTTPServerTransport({ sessionIdGenerator: () => String(Math.random()) })
        }
      }`,
    ...more,
  })

  it('is left alone where nobody imports it', () => {
    expect(outcomeOf('predictable-session-id', program({}))).not.toBe('fail')
  })

  it.each([
    ['a file imports it', { 'index.js': "export { OldServer } from './old/server.js'" }],
    ['the package exports it', { 'package.json': JSON.stringify({ name: 'notes', main: 'old/server.js' }) }],
  ])('is looked at where %s', (_how, more) => {
    expect(outcomeOf('predictable-session-id', program(more))).toBe('fail')
  })

  it('is filled by whoever calls its methods, be it nobody here', () => {
    const register = `
      export class Register {
        sessions = new Map()
        constructor() { setInterval(() => this.sweep(), 1000) }
        add(id, transport = new SSEServerTransport('/m', id.res)) { this.sessions.set(id, { transport, at: Date.now(), used: Date.now() }) }
        create(id) { this.sessions.set(id, { at: Date.now(), used: Date.now() }) }
        touch(id) { const one = this.sessions.get(id); if (one) one.used = Date.now(); return one }
        sweep() { for (const [id, one] of this.sessions) if (Date.now() - one.at > 9e6 || Date.now() - one.used > 9e5) this.sessions.delete(id) }
      }`
    const server = `${IMPORTED}
      import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
      import { randomUUID } from 'node:crypto'
      import { Register } from './register.js'
      const register = new Register()
      const app = express()
      app.post('/x', (req, res) => {
        if (register.touch(req.get('x-session-id'))) return res.json({ ok: true })
        const id = randomUUID(); register.create(id); res.set('x-session-id', id).json({})
      })
      app.listen(3000)`
    const made = { 'server.js': server, 'register.js': register }
    expect(outcomeOf('missing-session-expiry', program(made))).toBe('pass')
  })
})

it('a method under a symbol of the program may be what starts it', () => {
  const named = CLASS.replace('async start()', 'async [start]()').replace('CHECK', '')
  const exported = `${IMPORTED}\nimport { start } from 'elsewhere'${named}\nexport { NotesServer }`
  expect(outcomeOf('missing-origin-check', exported)).toBe('fail')
})
