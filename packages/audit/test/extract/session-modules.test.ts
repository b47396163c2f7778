/** Files that keep sessions, without those who call them: a part of a server is all that is there. */
import { describe, expect, it } from 'vitest'
import type { Program } from './programs.ts'
import { factsOf, outcomeOf } from './programs.ts'

const expiry = 'missing-session-expiry'
const invalidation = 'missing-session-invalidation'

/** How its sessions are kept, told by what they are asked for and how they end. */
interface Parts {
  readonly found?: string
  readonly ends?: string
  readonly more?: string
}

const functions = ({ found = 'return sessions.get(sessionId)', ends = '', more = '' }: Parts): string => `
    import { randomUUID } from 'node:crypto'
    const sessions = new Map<string, { userId: string; createdAt: number }>()
    export function createSession(userId: string): string {
      const id = randomUUID()
      sessions.set(id, { userId, createdAt: Date.now() })
      return id
    }
    export function getSession(sessionId: string) { ${found} }
    ${ends}
    ${more}`

const manager = ({ found = 'return this.sessions.get(id)', ends = '', more = '' }: Parts): string => `
    import { randomUUID } from 'node:crypto'
    export class SessionManager {
      private readonly sessions = new Map<string, { userId: string; createdAt: number }>()
      ${more}
      create(userId: string): string {
        const id = randomUUID()
        this.sessions.set(id, { userId, createdAt: Date.now() })
        return id
      }
      get(id: string) { ${found} }
      ${ends}
    }`

const registry = ({ found = 'return this.byId.get(sessionId)', ends = '', more = '' }: Parts): string => `
    import type { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    export class SessionRegistry {
      private readonly byId = new Map<string, { transport: StreamableHTTPServerTransport; createdAt: number }>()
      ${more}
      register(sessionId: string, transport: StreamableHTTPServerTransport) {
        this.byId.set(sessionId, { transport, createdAt: Date.now() })
      }
      find(sessionId: string) { ${found} }
      ${ends}
    }`

const object = ({ found = 'return sessions[id]', ends = '', more = '' }: Parts): string => `
    const crypto = require('crypto')
    const sessions = {}
    ${more}
    module.exports = {
      openSession(userId) {
        const id = crypto.randomUUID()
        sessions[id] = { userId, createdAt: Date.now() }
        return id
      },
      findSession(id) { ${found} },
      ${ends}
    }`

describe('a file of functions that keep sessions', () => {
  it.each([
    ['functions', functions({})],
    ['a class', manager({})],
    ['a class of transports', registry({})],
    ['an object', object({})],
  ])('keeps them for ever: %s', (_, program) => {
    expect(outcomeOf(expiry, program)).toBe('fail')
    expect(outcomeOf(invalidation, program)).toBe('fail')
  })

  const old = (found: string): string =>
    `const found = ${found}\nif (!found || Date.now() - found.createdAt > 3600e3) return undefined\nreturn found`
  const sweep = (map: string): string => `setInterval(() => {
      for (const [id, session] of ${map}) if (Date.now() - session.createdAt > 3600e3) ${map}.delete(id)
    }, 60_000)`

  it.each([
    ['functions, by a look at the time', functions({ found: old('sessions.get(sessionId)') })],
    ['functions, by a sweep', functions({ more: sweep('sessions') })],
    ['a class, by a look at the time', manager({ found: old('this.sessions.get(id)') })],
    ['a class, by a sweep of its own', manager({ more: `constructor() { ${sweep('this.sessions')} }` })],
    [
      'a class of transports, by a sweep that others start',
      registry({ more: `startSweep() { ${sweep('this.byId')} }` }),
    ],
    ['an object, by a look at the time', object({ found: old('sessions[id]') })],
  ])('ends them in time: %s', (_, program) => {
    expect(factsOf(program).stores.flatMap(({ limits }) => limits.map(({ kind }) => kind))).toEqual(['absolute'])
  })

  it.each([
    ['functions', functions({ ends: 'export function endSession(sessionId: string) { sessions.delete(sessionId) }' })],
    ['a class', manager({ ends: 'destroy(id: string) { return this.sessions.delete(id) }' })],
    ['an object', object({ ends: 'endSession(id) { delete sessions[id] },' })],
  ])('ends them when it is told to: %s', (_, program) => {
    expect(outcomeOf(invalidation, program)).toBe('pass')
  })

  it('makes their IDs as it will', () => {
    const program = manager({}).replace('randomUUID()', '`s-${Date.now()}`')
    expect(outcomeOf('predictable-session-id', program)).toBe('fail')
    expect(outcomeOf('predictable-session-id', manager({}))).toBe('pass')
  })

  it.each<[string, Program]>([
    ['pages that are kept', manager({}).replaceAll(/session/gi, 'page')],
    ['browsers', { 'browser-session.ts': manager({}).replaceAll('SessionManager', 'BrowserSessionManager') }],
    ['talks', { 'chat-sessions.ts': functions({}) }],
    ['jobs', manager({}).replaceAll('Session', 'Job').replaceAll('sessions', 'jobs')],
  ])('is none that keeps %s', (_, program) => {
    expect(factsOf(program).stores).toEqual([])
  })

  it('is left alone where the server is there and does without', () => {
    const server = `
    import express from 'express'
    import { createSession } from './session.js'
    const app = express()
    app.get('/', (req, res) => res.end())
    app.listen(3000, '127.0.0.1')`
    expect(factsOf({ 'session.ts': functions({}), 'server.ts': server }).stores).toEqual([])
  })
})

describe('sessions that requests look up and nobody is seen to open', () => {
  const server = (logout: string, session: string): Program => ({
    'app/api/mcp/route.ts': `
    import { read } from '../../../lib/session'
    export async function POST(req: Request) {
      const session = await read()
      if (!session) return new Response('unauthorized', { status: 401 })
      const { id } = await req.json()
      return Response.json({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: session.userId }] } })
    }`,
    'app/logout/route.ts': `
    import { signOut } from '../../lib/session'
    export async function POST() {
      await signOut()
      return new Response(null, { status: 303, headers: { location: '/' } })
    }`,
    'lib/session.ts': `
    import { cookies } from 'next/headers'
    import { randomBytes } from 'node:crypto'
    import { PrismaClient } from '@prisma/client'
    const prisma = new PrismaClient()
    const NAME = '__Host-ops'
    export async function create(userId: string) {
      const id = randomBytes(32).toString('base64url')
      await prisma.session.create({ data: { id, userId, until: new Date(Date.now() + 3600e3) } })
      ;(await cookies()).set(NAME, id, { httpOnly: true, secure: true, sameSite: 'strict' })
    }
    export async function read() {
      const id = (await cookies()).get(NAME)?.value
      if (!id) return null
      ${session}
    }
    export async function signOut() {
      const jar = await cookies()
      ${logout}
      jar.set(NAME, '', { maxAge: 0 })
    }`,
  })
  const timed = 'return prisma.session.findFirst({ where: { id, until: { gt: new Date() } } })'
  const removal = 'await prisma.session.deleteMany({ where: { id: jar.get(NAME)?.value } })'

  it('are opened by what makes their IDs', () => {
    const program = server('', timed)
    expect(outcomeOf(invalidation, program)).toBe('fail')
    expect(factsOf(program).stores.flatMap(({ limits }) => limits.map(({ kind }) => kind))).toEqual(['absolute'])
  })

  it('end at a logout that removes them', () => {
    expect(outcomeOf(invalidation, server(removal, timed))).toBe('pass')
  })

  it('may last for ever', () => {
    const program = server(removal, 'return prisma.session.findUnique({ where: { id } })')
    expect(outcomeOf(expiry, program)).toBe('fail')
  })
})
