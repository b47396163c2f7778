/** Servers behind @sallyport/session: what its guard keeps counts, and only where it stands. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { audit } from '../../src/index.ts'
import { memoryHost } from '../source/memory-host.ts'

const examples = join(import.meta.dirname, '../../../../examples')
const frameworks = ['express', 'fastify', 'hono', 'fetch', 'node-http'] as const
type Framework = (typeof frameworks)[number]

/** The notes server in a framework, with some of its text replaced; each must be there. */
function source(
  framework: Framework | 'mcp-v1' | 'mcp-v2',
  ...changes: readonly (readonly [string, string])[]
): Record<string, string> {
  const files: Record<string, string> = {}
  const left = new Set(changes)
  for (const name of ['package.json', 'src/guard.ts', 'src/notes.ts', 'src/server.ts']) {
    let text = readFileSync(join(examples, `notes-${framework}`, name), 'utf8')
    for (const change of changes) {
      if (!text.includes(change[0])) continue
      left.delete(change)
      text = text.replace(change[0], change[1])
    }
    files[`/app/${name}`] = text
  }
  expect([...left]).toEqual([])
  return files
}

async function failing(files: Record<string, string>): Promise<readonly string[]> {
  const report = await audit('/app', { host: memoryHost(files) })
  return report.assessments
    .filter(({ outcome }) => outcome !== 'pass' && outcome !== 'notApplicable')
    .map(({ rule }) => rule)
}

const guardOf = (framework: Framework): string =>
  /^(?:app\.use|app\.addHook)\(.*protect\(guard.*$/m.exec(
    readFileSync(join(examples, `notes-${framework}/src/server.ts`), 'utf8'),
  )![0]

describe.each([...frameworks, 'mcp-v1', 'mcp-v2'])('the notes server in %s', (name) => {
  it('has grade A, on what was seen and not on what was not', async () => {
    const report = await audit(join(examples, `notes-${name}`))
    expect([report.grade, report.score, report.findings, report.gaps]).toEqual(['A', 100, [], []])
    const passed = report.assessments.filter(({ outcome }) => outcome === 'pass').map(({ rule }) => rule)
    expect(passed).toEqual(
      expect.arrayContaining([
        'missing-origin-check',
        'missing-session-expiry',
        'missing-session-invalidation',
        'plaintext-transport',
        'predictable-session-id',
        'session-as-authentication',
        'unbound-session',
        'unchecked-token-audience',
      ]),
    )
  })
})

describe.each(frameworks)('the notes server in %s', (framework) => {
  it('is weak where anybody is let in', async () => {
    const anonymous = [
      ['  if (scheme.toLowerCase()', "  if (token === '') return 'anonymous'\n  if (scheme.toLowerCase()"],
      ['createSessions()', 'createSessions({ public: true })'],
    ] as const
    expect(await failing(source(framework, ...anonymous))).toContain('unbound-session')
    const everybody = [
      'authenticate,\n',
      "authenticate: () => ({ principal: { issuer: 'i', subject: 's', client: 'c' } }),\n",
    ] as const
    expect(await failing(source(framework, everybody))).toContain('unbound-session')
  })

  it('is weak where every proxy is believed, and where a token for others will do', async () => {
    expect(await failing(source(framework, ["['10.0.0.0/8']", "['0.0.0.0/0']"]))).toEqual(['plaintext-transport'])
    expect(await failing(source(framework, ['{ issuer, audience }', '{ issuer }']))).toEqual([
      'unchecked-token-audience',
    ])
  })

  it('is weak where nothing ends a session', async () => {
    const end = ['express', 'fastify'].includes(framework) ? 'await visitOf(request).terminate()' : undefined
    const call = end ?? (framework === 'hono' ? 'await visitOf(c).terminate()' : 'await visit.terminate()')
    expect(await failing(source(framework, [call, '']))).toEqual(['missing-session-invalidation'])
  })
})

describe('a guard', () => {
  it.each(['express', 'hono'] as const)('that comes after the routes guards nothing: %s', async (framework) => {
    const guard = guardOf(framework)
    const last = framework === 'express' ? 'export const server = app' : 'export const server = serve'
    const moved = source(framework, [`${guard}\n`, ''], [last, `${guard}\n${last}`])
    expect(await failing(moved)).toEqual(expect.arrayContaining(['plaintext-transport', 'missing-origin-check']))
  })

  it.each(['express', 'hono'] as const)('of another path guards nothing: %s', async (framework) => {
    const guard = guardOf(framework)
    const elsewhere = source(framework, [guard, guard.replace('app.use(', "app.use('/admin', ")])
    expect(await failing(elsewhere)).toEqual(expect.arrayContaining(['plaintext-transport', 'missing-origin-check']))
  })

  it('as a hook of another context of Fastify guards nothing', async () => {
    const guard = guardOf('fastify')
    const apart = source('fastify', [guard, `app.register(async (app) => { ${guard} })`])
    expect(await failing(apart)).toEqual(expect.arrayContaining(['plaintext-transport', 'missing-origin-check']))
  })

  it.each(['node-http', 'fetch'] as const)('that is made and not used guards nothing: %s', async (framework) => {
    const used = framework === 'fetch' ? 'fetch: protectedHandle' : 'createServer(protectedHandle)'
    const bare = source(framework, [used, used.replace('protectedHandle', 'handle as never')])
    expect(await failing(bare)).toEqual(expect.arrayContaining(['plaintext-transport', 'missing-origin-check']))
  })

  it('binds its own sessions, and others only under the handle that it asked for', async () => {
    const own = (key: string): Record<string, string> =>
      source(
        'express',
        [
          'const app = express()',
          'const app = express()\nconst others = new Map<string, StreamableHTTPServerTransport>()',
        ],
        [
          "app.delete('/mcp'",
          `app.put('/mcp', async (request, response) => {
            const known = others.get(${key})
            if (known) return known.handleRequest(request, response, request.body)
            const transport = new StreamableHTTPServerTransport({
              sessionIdGenerator: () => crypto.randomUUID(),
              onsessioninitialized: (id) => void others.set(id, transport),
            })
            await transport.handleRequest(request, response, request.body)
          })

          app.delete('/mcp'`,
        ],
      )
    expect(await failing(own("request.headers['mcp-session-id'] as string"))).not.toContain('unbound-session')
    expect(await failing(own("request.headers['x-session'] as string"))).toContain('unbound-session')
  })

  it('by cookie rests on the login', async () => {
    const byCookie = (options: string): Record<string, string> =>
      source(
        'express',
        ['authenticate,\n', "authenticate: 'by-cookie',\n  carrier: { cookie: '__Host-notes' },\n"],
        ['createSessions()', `createSessions(${options})`],
        [
          "import express from 'express'",
          "import express from 'express'\nimport { createLoginRoutes } from '@sallyport/session'\nimport { serveLogin } from '@sallyport/session/express'",
        ],
        [
          'const app = express()',
          'const app = express()\napp.use(serveLogin(createLoginRoutes({ guard, verify: async () => undefined })))',
        ],
      )
    expect(await failing(byCookie(''))).toEqual([])
    expect(await failing(byCookie('{ public: true }'))).toContain('unbound-session')
  })

  it('keeps its keys as secret as any others', async () => {
    const written = source(
      'express',
      [
        'const app = express()',
        "const app = express()\nexport const keys = createKeyRing([{ id: 'k1', secret: 'correct-horse-battery-staple-battery' }])",
      ],
      [
        "import express from 'express'",
        "import express from 'express'\nimport { createKeyRing } from '@sallyport/session'",
      ],
    )
    expect(await failing(written)).toEqual(['weak-session-secret'])
  })
})

describe.each(['mcp-v1', 'mcp-v2'])('the router of %s', (adapter) => {
  const program = (authenticate: string): Record<string, string> => ({
    '/app/server.ts': `
      import { createGuard, createSessions } from '@sallyport/session'
      import { createMcpRouter } from '@sallyport/session/${adapter}'
      import express from 'express'
      import { McpServer } from '@modelcontextprotocol/server'
      import { jwtVerify } from 'jose'
      const guard = createGuard({ sessions: createSessions(), transport: { hosts: ['x'] }, authenticate: ${authenticate} })
      const mcp = createMcpRouter({ guard, createServer: () => new McpServer({ name: 'x', version: '1' }) })
      const app = express()
      app.all('/mcp', mcp.handle)
      app.listen(3000)`,
  })

  it('is a whole endpoint, as good as its verifier', async () => {
    const verified = `async (request) => {
      const [token = ''] = request.header('authorization')
      const { payload } = await jwtVerify(token, new URL('https://id.example'), { audience: 'x' })
      return { principal: { issuer: 'i', subject: payload.sub, client: payload.client_id } }
    }`
    const report = await audit('/app', { host: memoryHost(program(verified)) })
    expect([report.grade, report.findings]).toEqual(['A', []])
    const passed = report.assessments.filter(({ outcome }) => outcome === 'pass').map(({ rule }) => rule)
    expect(passed).toEqual(expect.arrayContaining(['unbound-session', 'missing-origin-check', 'plaintext-transport']))
    expect(await failing(program("() => ({ principal: { issuer: 'i', subject: 's', client: 'c' } })"))).toContain(
      'unbound-session',
    )
  })

  it('is no endpoint where something else answers beside it', async () => {
    const name = adapter as 'mcp-v1' | 'mcp-v2'
    const imported = "import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'\n"
    const bypass = [
      `${imported}import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'\nconst others = new Map<string, StreamableHTTPServerTransport>()\n`,
      `  const other = others.get(String(request.headers['mcp-session-id']))
  if (other) return other.handleRequest(request, response)
  return mcp.handle(request, response)`,
    ] as const
    const beside = source(name, [imported, bypass[0]], ['  return mcp.handle(request, response)', bypass[1]])
    expect(await failing(beside)).toEqual(expect.arrayContaining(['plaintext-transport', 'missing-origin-check']))
  })

  it('is as good as its guard', async () => {
    const name = adapter as 'mcp-v1' | 'mcp-v2'
    expect(await failing(source(name, ["['10.0.0.0/8']", "['0.0.0.0/0']"]))).toEqual(['plaintext-transport'])
    expect(await failing(source(name, ['{ issuer, audience }', '{ issuer }']))).toEqual(['unchecked-token-audience'])
    const everybody = [
      'authenticate,\n',
      "authenticate: () => ({ principal: { issuer: 'i', subject: 's', client: 'c' } }),\n",
    ] as const
    expect(await failing(source(name, everybody))).toContain('unbound-session')
  })
})

describe('what is sealed for SDK v2', () => {
  it('is nothing where the server is not told to open it', async () => {
    const unread = source('mcp-v2', [', { requestState: { verify: seal.verify } }', ''])
    expect(await failing(unread)).toContain('unsigned-request-state')
  })

  it('is good twice where it is said to be', async () => {
    const example = readFileSync(
      join(examples, '../packages/audit/src/rules/replayable-request-state/examples/vulnerable-codec.ts'),
      'utf8',
    )
    const sealed = (given: string): Record<string, string> => ({
      '/app/server.ts': example
        .replace(
          /createRequestStateCodec<Payment>\(\{[^}]*\}\)/,
          'createRequestStateSeal(createRequestStates({ sessions, keys, audience: AUDIENCE }))',
        )
        .replace('to, amount }, ctx))', `to, amount }, ctx${given}))`)
        .replace(
          'const AUDIENCE',
          `import { createKeyRing, createRequestStates, createSessions } from '@sallyport/session'
           import { createRequestStateSeal } from '@sallyport/session/mcp-v2'
           const sessions = createSessions()
           const keys = createKeyRing([{ id: 'k1', secret: randomBytes(32) }])
           const AUDIENCE`,
        ),
    })
    expect(await failing({ '/app/server.ts': example })).toContain('replayable-request-state')
    expect(await failing(sealed(''))).not.toContain('replayable-request-state')
    expect(await failing(sealed(', { once: false }'))).toContain('replayable-request-state')
  })
})
