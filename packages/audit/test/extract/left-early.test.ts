/** Code that sets up an app and stops where something is not configured: what it registers there stands before nothing else. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const router = (before: string): string => `
  import express, { Router } from 'express'
  import { randomBytes } from 'node:crypto'
  const sessions = new Map()
  function routes(config) {
    const router = Router()
    const refuse = (req, res) => { res.status(503).json({ error: 'not configured' }) }
    ${before}
    router.post('/login', (req, res) => {
      const id = randomBytes(16).toString('hex')
      sessions.set(id, { name: req.body.name })
      res.json({ id })
    })
    router.get('/notes', (req, res) => {
      const session = sessions.get(req.get('x-session-id'))
      if (!session) { res.status(404).end(); return }
      res.json(session.name)
    })
    return router
  }
  const app = express()
  app.use('/auth', routes(JSON.parse(process.env.CONFIG)))
  app.listen(3000, '127.0.0.1')`

describe('a router that is left early', () => {
  it.each([
    ['by a return', 'if (!config.id) { router.use(refuse); return router }', 'fail'],
    [
      'by a return, whatever stands beside it',
      'if (!config.id || !config.url) {\n console.warn("off")\n router.use(refuse)\n return router\n }',
      'fail',
    ],
    ['is not left where it goes on', 'router.use(refuse)', 'notApplicable'],
    [
      'is not left behind what stands before that',
      'router.use(refuse)\n if (!config.id) { router.get("/", refuse); return router }',
      'notApplicable',
    ],
  ])('%s', (_what, before, outcome) => {
    expect(outcomeOf('missing-session-expiry', router(before))).toBe(outcome)
  })
})

describe('a function that registers what it is told to', () => {
  const server = (install: string): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { parts, config } from './parts.js'
    const app = express()
    const path = '/mcp'
    const checks = (req, res, next) => {
      if (req.headers.origin !== 'https://me.example') return res.status(403).end()
      next()
    }
    const serve = async (req, res) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await new McpServer({ name: 'a', version: '1' }).connect(transport)
      await transport.handleRequest(req, res, req.body)
    }
    ${install}
    app.listen(3000, '127.0.0.1')`

  it.each([
    [
      'is called once for each',
      "const install = (part) => { if (part === 'checks') { app.use(checks); return } app.post(path, serve) }; install('checks'); install('routes')",
      'pass',
    ],
    [
      'goes round for each',
      'const install = (parts) => { for (const part of parts) { if (part.checks) { app.use(checks); continue } app.post(path, serve) } }; install(parts)',
      'pass',
    ],
    [
      'does either, over a helper',
      'const guard = () => app.use(checks); const install = (config) => { if (config.checks) { guard(); return } app.post(path, serve) }; install(config)',
      'fail',
    ],
  ])('%s', (_what, install, outcome) => {
    expect(outcomeOf('missing-origin-check', server(install))).toBe(outcome)
  })
})
