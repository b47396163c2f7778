/** The notes server in each framework: the official client talks to it, and Mallory does not get in. */
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
  type ClientOptions,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { probe } from '../../../audit/src/probe.ts'
import { parseProbeConfig } from '../../../audit/src/wire/config.ts'

const root = join(import.meta.dirname, '../../../..')
const frameworks = ['express', 'fastify', 'hono', 'fetch', 'node-http'] as const
const issuer = 'https://id.example'
/** What a probe of any of them tries, and finds kept. */
const PROVEN = [
  'client-supplied-session-id',
  'missing-origin-check',
  'predictable-session-id',
  'session-as-authentication',
  'session-token-exposure',
  'session-token-in-url',
  'shared-session-state',
  'unbound-session',
  'unchecked-token-audience',
]

/** And what of 2026-07-28. */
const PROVEN_MODERN = [
  ...PROVEN,
  'header-body-mismatch',
  'missing-session-invalidation',
  'session-fixation',
  'unbound-state-handle',
]

interface Issuer {
  readonly server: Server
  tokenFor(subject: string, audience?: string): Promise<string>
}

let issuing: Issuer
const servers: Server[] = []

beforeAll(async () => {
  issuing = await startIssuer()
})

afterAll(async () => {
  for (const server of [issuing.server, ...servers]) {
    server.close()
    server.closeAllConnections()
  }
})

test('the tools and the guard are the same everywhere', () => {
  for (const name of ['guard.ts', 'notes.ts']) {
    const texts = frameworks.map((framework) =>
      readFileSync(join(root, `examples/notes-${framework}/src`, name), 'utf8'),
    )
    expect(new Set(texts).size).toBe(1)
  }
})

/** Starts an example on a port of its own. */
async function startExample(name: string): Promise<URL> {
  const port = await freePort()
  // Each has a name of its own in its settings, which are read when it is first imported.
  process.env['NOTES_ISSUER'] = issuer
  process.env['NOTES_AUDIENCE'] = `http://127.0.0.1:${port}/mcp`
  process.env['NOTES_KEYS'] = `http://127.0.0.1:${portOf(issuing.server)}/keys`
  process.env['NOTES_SEAL_KEY'] = Buffer.alloc(32, 1).toString('base64url')
  process.env['PORT'] = String(port)
  const { server } = (await import(`../../../../examples/notes-${name}/src/server.ts`)) as { server: Server }
  servers.push(server)
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  return new URL(`http://127.0.0.1:${portOf(server)}/mcp`)
}

describe.each([...frameworks, 'mcp-v1'] as const)('the notes server in %s', (framework) => {
  let url: URL
  beforeAll(async () => {
    url = await startExample(framework)
  })

  const audience = () => url.href

  async function connect(subject: string, sessionId?: string) {
    const authorization = `Bearer ${await issuing.tokenFor(subject, audience())}`
    const transport = new StreamableHTTPClientTransport(url, {
      requestInit: { headers: { authorization } },
      ...(sessionId !== undefined && { sessionId }),
    })
    const client = new Client({ name: 'test', version: '1' })
    await client.connect(transport as never)
    const call = async (name: string, given: Record<string, unknown> = {}) => {
      const { content } = await client.callTool({ name, arguments: given })
      return (content as { text: string }[])[0]?.text
    }
    return { client, transport, call }
  }

  test('keeps the notes of a session for its owner, until it is ended', async () => {
    const alice = await connect('alice')
    const bob = await connect('bob')
    expect(await alice.call('note_put', { text: 'milk' })).toBe('kept')
    await Promise.all(Array.from({ length: 5 }, (_, number) => alice.call('note_put', { text: `egg ${number}` })))
    expect((await alice.call('note_list'))?.split('\n')).toHaveLength(6)
    expect(await bob.call('note_list')).toBe('')

    const mallory = await connect('mallory', alice.transport.sessionId!)
    await expect(mallory.call('note_list')).rejects.toThrow(/Session not found/)
    await mallory.transport.terminateSession().catch(() => undefined)
    expect(await alice.call('note_list')).toContain('milk')

    const ended = alice.transport.sessionId!
    await alice.transport.terminateSession()
    const late = await connect('alice', ended)
    await expect(late.call('note_list')).rejects.toThrow(/Session not found/)
    await Promise.all([alice, bob, mallory, late].map(({ client }) => client.close()))
  })

  test('gives the prober nothing', { timeout: 90_000 }, async () => {
    const bearer = async (subject: string, forWhom = audience()) => ({
      headers: { authorization: `Bearer ${await issuing.tokenFor(subject, forWhom)}` },
    })
    const principals = {
      alice: await bearer('alice'),
      bob: await bearer('bob'),
      wrongAudience: await bearer('alice', 'https://elsewhere.example/mcp'),
    }
    const canary = { put: { tool: 'note_put', arguments: { text: '$CANARY' } }, get: { tool: 'note_list' } }
    const config = parseProbeConfig(JSON.stringify({ principals, canary }), 'probe.yaml')
    const { assessments, findings } = await probe(url.href, { config })
    const passed = assessments.filter(({ outcome }) => outcome === 'pass').map(({ rule }) => rule)
    expect(findings.map(({ rule, what }) => `${rule}: ${what}`)).toEqual([])
    expect(passed).toEqual(expect.arrayContaining(PROVEN))
  })

  test('refuses whoever has no token for it, and what does not begin with initialize', async () => {
    const send = async (headers: Record<string, string>) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })
      const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
      return (await fetch(url, { method: 'POST', body, headers: { ...json, ...headers } })).status
    }
    const bearer = async (subject: string, whom: string) => ({
      authorization: `Bearer ${await issuing.tokenFor(subject, whom)}`,
    })
    expect(await send({})).toBe(401)
    expect(await send(await bearer('alice', 'https://elsewhere.example'))).toBe(401)
    expect(await send(await bearer('alice', audience()))).toBe(400)
    expect(await send({ ...(await bearer('alice', audience())), origin: 'https://evil.example' })).toBe(403)
  })

  test('says so to a client whose message is no JSON', async () => {
    const authorization = `Bearer ${await issuing.tokenFor('alice', audience())}`
    const headers = { authorization, 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const answered = await fetch(url, { method: 'POST', body: '{no', headers })
    expect([answered.status, await answered.json()]).toMatchObject([400, { id: null, error: { code: -32700 } }])
  })
})

describe('the notes server behind the router for SDK v2', () => {
  let url: URL
  beforeAll(async () => {
    url = await startExample('mcp-v2')
  })

  async function connect(subject: string, options: ClientOptions) {
    const authorization = `Bearer ${await issuing.tokenFor(subject, url.href)}`
    const client = new ModernClient({ name: 'test', version: '1' }, { capabilities: { elicitation: {} }, ...options })
    await client.connect(new ModernTransport(url, { requestInit: { headers: { authorization } } }))
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { burn: true } }))
    const call = async (name: string, given: Record<string, unknown> = {}) => {
      const { content, isError } = await client.callTool({ name, arguments: given })
      return `${isError ? 'failed: ' : ''}${(content as { text: string }[])[0]?.text}`
    }
    return { client, call }
  }

  test.each([
    ['2026-07-28', { versionNegotiation: { mode: { pin: '2026-07-28' } } }],
    ['the revisions before', {}],
  ] as const)('keeps a notebook for its owner, until it is burnt: %s', async (_, options) => {
    const alice = await connect('alice', options)
    const mallory = await connect('mallory', options)
    const notebook = await alice.call('notebook_new')
    expect(await alice.call('note_put', { notebook, text: 'milk' })).toBe('kept')
    expect(await mallory.call('note_list', { notebook })).toMatch(/^failed: There is no such notebook/)
    expect(await mallory.call('notebook_burn', { notebook })).toMatch(/^failed: There is no such notebook/)
    expect(await alice.call('note_list', { notebook })).toBe('milk')
    expect(await alice.call('notebook_burn', { notebook })).toBe('burnt')
    expect(await alice.call('note_list', { notebook })).toMatch(/^failed: There is no such notebook/)
    await Promise.all([alice, mallory].map(({ client }) => client.close()))
  })

  test('gives the prober nothing', { timeout: 90_000 }, async () => {
    const bearer = async (subject: string, forWhom = url.href) => ({
      headers: { authorization: `Bearer ${await issuing.tokenFor(subject, forWhom)}` },
    })
    const principals = {
      alice: await bearer('alice'),
      bob: await bearer('bob'),
      wrongAudience: await bearer('alice', 'https://elsewhere.example/mcp'),
    }
    const within = { notebook: '$HANDLE' }
    const canary = {
      make: { tool: 'notebook_new', handle: 'notebook' },
      put: { tool: 'note_put', arguments: { ...within, text: '$CANARY' } },
      get: { tool: 'note_list', arguments: within },
    }
    const config = parseProbeConfig(JSON.stringify({ principals, canary }), 'probe.yaml')
    const { assessments, findings, subject } = await probe(url.href, { config })
    const passed = assessments.filter(({ outcome }) => outcome === 'pass').map(({ rule }) => rule)
    expect(findings.map(({ rule, what }) => `${rule}: ${what}`)).toEqual([])
    expect(subject).toMatchObject({ eras: ['legacy', 'modern'] })
    expect(passed).toEqual(expect.arrayContaining(PROVEN_MODERN))
  })
})

async function startIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const key = { ...(await exportJWK(publicKey)), alg: 'ES256', kid: '1' }
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [key] }))
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const tokenFor = (subject: string, audience = issuer): Promise<string> =>
    new SignJWT({ client_id: 'app' })
      .setProtectedHeader({ alg: 'ES256', kid: '1' })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(audience)
      .setExpirationTime('5 minutes')
      .sign(privateKey)
  return { server, tokenFor }
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => listener.once('listening', resolve))
  const port = portOf(listener)
  await new Promise((resolve) => listener.close(resolve))
  return port
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port
}
