import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { Lifecycle } from '../../src/finding/finding.ts'
import { lifecyclesOf } from '../../src/lifecycle/lifecycle.ts'
import { factsOf } from '../extract/programs.ts'

const examples = fileURLToPath(new URL('../../src/rules/', import.meta.url))

/** The lifecycles of an example server of a rule. */
function lifecyclesIn(path: string): readonly Lifecycle[] {
  return lifecyclesOf(factsOf({ 'server.ts': readFileSync(`${examples}${path}`, 'utf8') }))
}

/** `resume: missing`, for every transition. */
function presences({ transitions }: Lifecycle): Record<string, string> {
  return Object.fromEntries(transitions.map(({ name, presence }) => [name, presence]))
}

function only(path: string): Lifecycle {
  const all = lifecyclesIn(path)
  expect(all).toHaveLength(1)
  return all[0]!
}

describe('the life of a session', () => {
  test('of transports that are bound, limited and ended is whole', () => {
    expect(presences(only('missing-session-expiry/examples/safe-express-map.ts'))).toEqual({
      open: 'present',
      resume: 'present',
      'expire-idle': 'present',
      'expire-absolute': 'present',
      terminate: 'present',
      close: 'present',
    })
  })

  test('of a login that keeps the ID lacks the new one', () => {
    const lifecycle = only('session-fixation/examples/vulnerable-express-session-login.ts')
    expect(lifecycle.states).toEqual(['none', 'open', 'authenticated', 'ended'])
    expect(presences(lifecycle)).toMatchObject({ authenticate: 'present', regenerate: 'missing', terminate: 'present' })
  })

  test('of a login that regenerates has it, at the login', () => {
    const { transitions } = only('session-fixation/examples/safe-express-session-regenerate.ts')
    const regenerate = transitions.find(({ name }) => name === 'regenerate')!
    expect(regenerate).toMatchObject({ presence: 'present', from: 'open', to: 'authenticated' })
    expect(regenerate.places.length).toBeGreaterThan(0)
  })

  test('says where an idle timeout is put off', () => {
    const { transitions } = only('missing-session-expiry/examples/safe-hono-access.ts')
    const notes = transitions.find(({ name }) => name === 'expire-idle')!.places.map(({ note }) => note)
    expect(notes).toContain('a request puts it off')
  })
})

/** A router of transports; what a test is about is put in. */
function router(parts: { inside?: string; after?: string; guard?: string }): string {
  const { inside = '', after = '', guard = '' } = parts
  return `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    const transports = new Map()
    const app = express()
    app.all('/mcp', async (req, res) => {
      const id = req.header('mcp-session-id')
      const known = id && transports.get(id)
      if (known) {
        ${guard}
        return known.handleRequest(req, res, req.body)
      }
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (sid) => { transports.set(sid, transport) },
      })
      const server = new McpServer({ name: 'a', version: '1' })
      ${inside}
      await server.connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    ${after}
    app.listen(3000)
  `
}

function lifeOf(program: string): Record<string, string> {
  const all = lifecyclesOf(factsOf(program))
  expect(all).toHaveLength(1)
  return presences(all[0]!)
}

describe('a transition', () => {
  test('that nobody wrote is missing', () => {
    expect(lifeOf(router({}))).toEqual({
      open: 'present',
      resume: 'missing',
      'expire-idle': 'missing',
      'expire-absolute': 'missing',
      terminate: 'partial',
      close: 'missing',
    })
  })

  test('close is there once onclose removes the record', () => {
    const inside = 'transport.onclose = () => { if (transport.sessionId) transports.delete(transport.sessionId) }'
    expect(lifeOf(router({ inside }))).toMatchObject({
      terminate: 'present',
      close: 'present',
      'expire-idle': 'missing',
    })
  })

  test('a timer for every session is an absolute timeout, not an idle one', () => {
    const inside = 'setTimeout(() => { transports.delete(transport.sessionId); transport.close() }, 3600000)'
    expect(lifeOf(router({ inside }))).toMatchObject({ 'expire-absolute': 'present', 'expire-idle': 'missing' })
  })
})

test('a server without sessions has no lifecycle', () => {
  expect(lifecyclesOf(factsOf("import http from 'node:http'\nhttp.createServer((q, s) => s.end()).listen(1)"))).toEqual(
    [],
  )
})
