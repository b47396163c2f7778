/** A time that is only put in words, for a log or a metric, limits no session; a word that is looked at again may. */
import { describe, expect, it } from 'vitest'
import { factsOf } from './programs.ts'

/** A server that looks at the time of a session in `look`, in each request and before it is served. */
function server(beside: string, look: string): string {
  return `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const LIMIT = 60_000
    const sessions = new Map()
    ${beside}
    const app = express()
    app.all('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      const session = sessions.get(id)
      if (session) {
        ${look}
        session.usedAt = Date.now()
        return session.transport.handleRequest(req, res)
      }
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (sid) => sessions.set(sid, { transport, usedAt: Date.now() }),
      })
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
}

function limitsOf(beside: string, look: string): readonly string[] {
  return factsOf(server(beside, look)).stores.flatMap(({ limits }) => limits.map(({ kind }) => kind))
}

const BUCKET = `
    function bucket(ms) {
      if (ms < 1_000) return '<1s'
      if (ms < 60_000) return '1-60s'
      return '60s+'
    }`
const STATE = `
    function stateOf(session) {
      const age = Date.now() - session.usedAt
      if (age > LIMIT) return 'expired'
      return 'live'
    }`

describe('a time that is put in words', () => {
  it.each<[string, string, string]>([
    ['for a log', BUCKET, "console.log('used', bucket(Date.now() - session.usedAt))"],
    ['for a metric', BUCKET, 'durations.add(1, { age: bucket(Math.max(0, Date.now() - session.usedAt)) })'],
    [
      'by an arrow function',
      "const bucket = (ms) => (ms < 1_000 ? 'new' : ms < LIMIT ? 'used' : 'old')",
      'console.log(bucket(Date.now() - session.usedAt))',
    ],
    [
      'that has the numbers in it',
      'const told = (ms) => ms < LIMIT ? `${ms} ms` : `${Math.round(ms / 1000)} s`',
      'log(told(Date.now() - session.usedAt))',
    ],
    [
      'as a number',
      'function rank(ms) { if (ms < LIMIT) { return 0 } else { return 1 } }',
      'gauge.set(rank(Date.now() - session.usedAt))',
    ],
    ['where it stands', '', "console.log(Date.now() - session.usedAt > LIMIT ? 'old' : 'new')"],
    ['by a function that is given the session', STATE, 'console.log(stateOf(session))'],
  ])('is no limit: %s', (_name, beside, look) => {
    expect(limitsOf(beside, look)).toEqual([])
  })

  const refuse = 'return res.sendStatus(404)'
  it.each<[string, string, string]>([
    ['compared', STATE, `if (stateOf(session) === 'expired') ${refuse}`],
    [
      'compared later',
      STATE,
      `const state = stateOf(session)\nif (state !== 'live') { sessions.delete(id); ${refuse} }`,
    ],
    ['in a switch', STATE, `switch (stateOf(session)) { case 'expired': ${refuse} }`],
    ['among others', STATE, `if (['expired', 'closed'].includes(stateOf(session))) ${refuse}`],
    [
      'where it stands',
      '',
      `const state = Date.now() - session.usedAt > LIMIT ? 'old' : 'new'\nif (state === 'old') ${refuse}`,
    ],
    ['as a number', 'const rank = (ms) => ms < LIMIT ? 0 : 410', `if (rank(Date.now() - session.usedAt)) ${refuse}`],
    [
      'in a sweep',
      `${STATE}\nsetInterval(() => { for (const [id, session] of sessions) if (stateOf(session) === 'expired') { session.transport.close(); sessions.delete(id) } }, 1000)`,
      '',
    ],
  ])('is one where the word is looked at: %s', (_name, beside, look) => {
    expect(limitsOf(beside, look)).toEqual(['idle'])
  })

  it.each<[string, string, string]>([
    ['a comparison that refuses', '', `if (Date.now() - session.usedAt > LIMIT) ${refuse}`],
    [
      'a function that says yes or no',
      'const isOld = (s) => Date.now() - s.usedAt > LIMIT',
      `if (isOld(session)) ${refuse}`,
    ],
    [
      'one that throws',
      "function alive(s) { if (Date.now() - s.usedAt > LIMIT) throw new Error('old'); return 'ok' }",
      'alive(session)',
    ],
    [
      'one that gives nothing',
      'function live(s) { if (Date.now() - s.usedAt > LIMIT) return undefined; return s }',
      `if (!live(session)) ${refuse}`,
    ],
    [
      'one that removes',
      "function touch(s, id) { if (Date.now() - s.usedAt > LIMIT) { sessions.delete(id); return 'gone' } return 'ok' }",
      'touch(session, id)',
    ],
  ])('is told from %s', (_name, beside, look) => {
    expect(limitsOf(beside, look)).toEqual(['idle'])
  })
})
