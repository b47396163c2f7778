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
