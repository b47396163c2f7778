import { describe, expect, test } from 'vitest'
import { Machine } from '../../src/extract/machine.ts'
import { authenticationOf, dispatchesOf, factsOf, findingsOf } from './programs.ts'

const MANY = 24

/** Statements that cost something to follow, and leave something each time. */
const work = Array.from(
  { length: 120 },
  (_, index) => `given.prepare('INSERT INTO t${index} (a) VALUES (?)').run(String(${index}));`,
).join('\n')

/** A server with so many routes that ask for what `made` makes. */
function server(made: string, routes: number): string {
  return `
import express from 'express'
import Database from 'better-sqlite3'
const app = express()
${made}
${Array.from({ length: routes }, (_, index) => `app.get('/r${index}', async (req, res) => { res.json((await database()).prepare('SELECT ${index}').all()) })`).join('\n')}
app.listen(3000, '127.0.0.1')`
}

function stepsOf(text: string): number {
  let steps = 0
  const original = Machine.prototype.step
  Machine.prototype.step = function (this: Machine) {
    steps += 1
    return original.call(this)
  }
  try {
    factsOf(text)
  } finally {
    Machine.prototype.step = original
  }
  return steps
}

const migrate = `function migrate(given) { ${work}; setInterval(() => { ${work} }, 1000) }`

describe('what the first request makes for all is not followed in each', () => {
  test.each<[string, string]>([
    [
      'a variable that is asked for',
      'let db = null\nfunction database() { if (!db) { db = new Database("a"); migrate(db) } return db }',
    ],
    [
      'held against null',
      'let db = null\nfunction database() { if (db === null) { db = new Database("a"); migrate(db) } return db }',
    ],
    [
      'of a closure',
      'function keep() { let db; return () => { if (db == undefined) { db = new Database("a"); migrate(db) } return db } }\nconst database = keep()',
    ],
    [
      'marked as done',
      'const db = new Database("a")\nlet done = false\nfunction database() { if (!done) { done = true; migrate(db) } return db }',
    ],
  ])('%s', (_, made) => {
    const costs = (routes: number): number => stepsOf(server(`${migrate}\n${made}`, routes))
    const few = costs(4)
    expect(costs(MANY) - few).toBeLessThan(few)
  })
})

const sessions = (made: string): string => `
import express from 'express'
import { randomUUID } from 'node:crypto'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import Database from 'better-sqlite3'
const app = express()
let state = null
const given = new Database('a')
function prepare() { ${work} }
${made}
${[1, 2, 3, 4, 5, 6].map((at) => `app.post('/mcp${at}', async (req, res) => { await serve(req, res) })`).join('\n')}
app.listen(3000, '127.0.0.1')`

test('what is made with the first request serves all the same in the sixth', () => {
  const program = sessions(`
    async function serve(req, res) {
      if (!state) { state = new Map(); prepare() }
      const transport = state.get(req.headers['mcp-session-id'])
      if (transport) return transport.handleRequest(req, res, req.body)
      const made = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID(), onsessioninitialized: (id) => { state.set(id, made) } })
      await new McpServer({ name: 'a', version: '1' }).connect(made)
      await made.handleRequest(req, res, req.body)
    }`)
  const seen = dispatchesOf(program)
  expect(seen.length).toBeGreaterThan(0)
  expect(seen).toEqual(dispatchesOf(program.replace('prepare() }', '}')))
})

test('what a request has to show before it is asked of each', () => {
  const program = sessions(`
    const kept = new Map()
    async function serve(req, res) {
      if (!state) {
        prepare()
        if (req.headers.authorization !== process.env.TOKEN) return res.status(401).end()
        state = 1
      }
      await kept.get(req.headers['mcp-session-id']).handleRequest(req, res, req.body)
    }
    app.post('/open', async (req, res) => {
      const made = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID(), onsessioninitialized: (id) => { kept.set(id, made) } })
      await new McpServer({ name: 'a', version: '1' }).connect(made)
      await made.handleRequest(req, res, req.body)
    })`)
  const seen = authenticationOf(program)
  expect(seen).toHaveLength(6)
  expect(seen).toEqual(authenticationOf(program.replace('prepare()\n', '\n')))
})

test('a transport that the first request connects is followed in each', () => {
  const program = sessions(`
    async function serve(req, res) {
      if (!state) {
        prepare()
        state = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() })
        await new McpServer({ name: 'a', version: '1' }).connect(state)
      }
      await state.handleRequest(req, res, req.body)
    }`)
  const plain = program.replace('prepare()\n', '\n')
  for (const rule of ['shared-session-state', 'missing-origin-check', 'unauthenticated-session'])
    expect(findingsOf(rule, program)).toEqual(findingsOf(rule, plain))
  expect(factsOf(program).endpoints.length).toBe(factsOf(plain).endpoints.length)
})

test('what a request keeps of itself for all is seen in each', () => {
  const program = sessions(`
    function serve(req, res) {
      if (!state) { prepare(); state = req.headers['authorization'] }
      res.json({ token: state })
    }`)
  expect(factsOf(program).sharedVariables).toEqual(factsOf(program.replace('prepare();', '          ')).sharedVariables)
})
