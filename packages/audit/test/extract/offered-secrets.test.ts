/** Secrets that a request offers: wherever they stand in it, and whatever they are held against. */
import { describe, expect, it } from 'vitest'
import { authenticationOf, findingsOf, outcomeOf } from './programs.ts'

const timing = 'timing-unsafe-comparison'
const url = 'session-token-in-url'

function endpoint(body: string, before = ''): string {
  return `
    import express from 'express'
    import { createHash } from 'node:crypto'
    import { database } from './database'
    ${before}
    const app = express()
    app.all('/oauth/token', async (req, res) => {
      ${body}
      res.json({})
    })
    app.listen(3000, '127.0.0.1')`
}

describe('the secret of a client that was looked up', () => {
  it.each([
    ['in a database', 'const client = await database.client.findUnique({ where: { id: req.body.client_id } })'],
    ['by a method of a repository', 'const client = await database.getClient(req.body.client_id)'],
    ['in a map', 'const client = clients.get(req.body.client_id)'],
    ['in a store of texts', 'const client = JSON.parse(await database.get(`client:${req.body.client_id}`))'],
    [
      'by the name of Basic authentication',
      "const [id, client_secret] = Buffer.from(req.headers.authorization.slice(6), 'base64').toString().split(':')\n      req.body = { client_secret }\n      const client = await database.getClient(id)",
    ],
  ])('%s is compared', (_where, look) => {
    const program = endpoint(
      `${look}\n      const { client_secret } = req.body\n      if (client.clientSecret !== client_secret) return res.status(401).end()`,
      "const clients = new Map()\n    clients.set('a', { clientSecret: process.env.CLIENT_SECRET })",
    )
    expect(outcomeOf(timing, program)).toBe('fail')
  })

  it.each([
    ['what is no secret', 'client.redirectUri !== req.body.redirect_uri'],
    [
      'a proof of the code exchange',
      "client.codeChallenge !== createHash('sha256').update(req.body.code_verifier).digest('hex')",
    ],
    ['digests', "client.secretHash !== createHash('sha256').update(req.body.client_secret).digest('hex')"],
  ])('is told from %s', (_what, comparison) => {
    const look = 'const client = await database.client.findUnique({ where: { id: req.body.client_id } })'
    expect(outcomeOf(timing, endpoint(`${look}\n      if (${comparison}) return res.status(401).end()`))).toBe('pass')
  })
})

describe('a form', () => {
  const worker = (read: string): string => `
    export default {
      async fetch(request, env) {
        ${read}
        const client = await env.CLIENTS.getClient(form.get('client_id'))
        if (form.get('client_secret') !== client.client_secret) return new Response('', { status: 401 })
        return Response.json({})
      },
    }`

  it.each(['const form = await request.formData()', 'const form = new URLSearchParams(await request.text())'])(
    'is the body of its request: %s',
    (read) => {
      expect(outcomeOf(timing, worker(read))).toBe('fail')
      expect(outcomeOf(url, worker(read))).not.toBe('fail')
    },
  )
})

describe('a credential in the query', () => {
  it.each([
    ['of one object for both verbs', "const given = req.method === 'GET' ? req.query : req.body"],
    ['spread into an object', 'const given = { ...req.query, ...req.body }'],
    ['assigned to an object', 'const given = Object.assign({}, req.query)'],
    ['of entries', 'const given = Object.fromEntries(new URL(req.url, "http://x").searchParams)'],
  ])('%s is sent on', (_how, read) => {
    const send =
      "await fetch('https://issuer.example/token', { method: 'POST', body: new URLSearchParams({ refresh_token: given.refresh_token }) })"
    expect(outcomeOf(url, endpoint(`${read}\n      ${send}`))).toBe('fail')
  })

  it('that only a body brings is none', () => {
    const send = "await fetch('https://issuer.example/token', { body: new URLSearchParams({ token: given.token }) })"
    expect(outcomeOf(url, endpoint(`const given = { ...req.body }\n      ${send}`))).not.toBe('fail')
  })
})

describe('taking a header apart', () => {
  const program = (take: string): string => `
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const transports = {}
    const app = express()
    app.post('/mcp', async (req, res) => {
      const token = ${take}
      if (!token) return res.status(401).end()
      await transports[req.headers['mcp-session-id']].handleRequest(req, res)
    })
    transports.a = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
    app.listen(3000)`

  it.each(['/^Bearer (.+)$/.exec(req.headers.authorization)', 'new TextDecoder().decode(req.headers.authorization)'])(
    'verifies nothing: %s',
    (take) => {
      expect(authenticationOf(program(take))).toEqual(['POST server.ts:8 never'])
    },
  )

  it('is not what code does that we cannot see', () => {
    expect(authenticationOf(program('await guard.check(req.headers.authorization)'))).toEqual([
      'POST server.ts:8 always',
    ])
  })

  it('leaves a secret to be compared', () => {
    const compare = '/^Bearer (.+)$/.exec(req.headers.authorization)?.[1] === process.env.API_TOKEN'
    expect(findingsOf(timing, program(compare))).toHaveLength(1)
  })
})

describe('a signature that a library checks', () => {
  const library = (check: string): string => `
    import { createHmac } from 'node:crypto'
    import { createServer } from 'node:http'
    export class Issuer {
      constructor(private readonly key: string) {}
      sign(text: string): string {
        return createHmac('sha256', this.key).update(text).digest('base64url')
      }
      verify(token: string): boolean {
        const [payload, signature] = token.split('.')
        ${check}
      }
    }
    createServer((req, res) => res.end()).listen(3000, '127.0.0.1')`

  it('is compared, whoever calls it', () => {
    expect(findingsOf(timing, library('return this.sign(payload) === signature'))).toEqual([
      expect.stringContaining('server.ts:10: A MAC that was computed here'),
    ])
  })

  it('is not where only its length is', () => {
    expect(outcomeOf(timing, library('return this.sign(payload).length === 43'))).toBe('pass')
  })
})

describe('a token in the address to which the caller is sent', () => {
  const program = (answer: string): string => `
    import { SignJWT } from 'jose'
    export default {
      async fetch(request) {
        const token = await new SignJWT({ sub: 'alice' }).sign(process.env.KEY)
        const to = new URL(request.url).origin
        ${answer}
      },
    }`

  it.each([
    ['by Response.redirect', 'return Response.redirect(`${to}/done?token=${token}`, 302)', 'fail'],
    [
      'by a Location',
      'return new Response(null, { status: 302, headers: { Location: `${to}/done?token=${token}` } })',
      'fail',
    ],
    [
      'in a fragment, which no server is told',
      'return Response.redirect(`${to}/done#token=${token}`, 302)',
      'notApplicable',
    ],
  ])('%s', (_, answer, outcome) => {
    expect(outcomeOf('session-token-in-url', program(answer))).toBe(outcome)
  })
})

describe('a digest of a secret', () => {
  const made = `const SECRET = process.env.AUTH_SECRET ?? ''
    const derived = (what) => createHash('sha256').update(\`\${SECRET}|\${what}\`).digest('hex')
    const TOKEN = SECRET ? derived('refresh') : ''`

  it.each([
    ['that is given out as a token', 'req.body.refresh_token !== TOKEN'],
    [
      'that a cookie has to hold',
      "req.headers.cookie !== createHash('sha256').update(process.env.PASSWORD).digest('hex')",
    ],
  ])('%s is a secret itself', (_which, comparison) => {
    expect(outcomeOf(timing, endpoint(`if (${comparison}) return res.status(401).end()`, made))).toBe('fail')
  })

  it.each([
    ['by a digest of what is offered', "createHash('sha256').update(req.body.token).digest('hex') !== TOKEN"],
    [
      'unless it is one of no secret',
      "req.headers['if-none-match'] !== createHash('sha256').update(process.env.VERSION).digest('hex')",
    ],
  ])('is not found out %s', (_which, comparison) => {
    expect(outcomeOf(timing, endpoint(`if (${comparison}) return res.status(401).end()`, made))).toBe('pass')
  })
})

describe('what is no secret', () => {
  it.each([
    ["'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'", 'pass'],
    ["process.env.TOKENS ?? 'token-one-1,token-two-2'", 'fail'],
  ])('is a list of characters: %s', (text, expected) => {
    const program = `
      import express from 'express'
      const KNOWN = ${text}
      const app = express()
      app.post('/pair', (req, res) => {
        for (const each of [req.headers['x-api-key']]) if (!KNOWN.includes(each)) return res.status(400).end()
        res.json({})
      })
      app.listen(3000)`
    expect(outcomeOf('weak-session-secret', program) === 'fail' ? 'fail' : 'pass').toBe(expected)
  })

  const compared = (body: string, before = ''): readonly string[] => findingsOf(timing, endpoint(body, before))

  it.each([
    ['a code that is held against a sign', "if (req.query.code === 'DEVICE_FLOW_COMPLETE') return res.end()"],
    ['the name of a setting', "if (req.body.key === 'telegram.bot_token') return res.end()"],
    [
      'the ID of a client',
      "const [id] = Buffer.from(req.headers.authorization.slice(6), 'base64').toString().split(':')\n      if (id === process.env.CLI_CLIENT_ID) return res.end()",
    ],
  ])('%s', (_, body) => {
    expect(compared(body)).toEqual([])
  })

  it('is told from what is one', () => {
    expect(
      compared('if (req.headers.authorization !== process.env.CLI_SECRET) return res.status(401).end()'),
    ).toHaveLength(1)
    expect(
      compared("if (req.headers['x-api-key'] !== 'a-key-in-the-source') return res.status(401).end()"),
    ).toHaveLength(1)
  })
})

describe('a layer that is given to code that we cannot see', () => {
  const guarded = (layer: string): string => `
    import { make } from 'rpc-of-somebody'
    const api = make()
    const guard = api.middleware(${layer})
    export const procedure = api.procedure.use(guard)`

  it.each([
    ['what it takes apart', "({ ctx, next }) => ctx.req.headers['x-api-key'] === process.env.API_KEY && next()"],
    ['its one argument', "(opts) => opts.ctx.headers.get('x-api-key') === process.env.API_KEY && opts.next()"],
    ['a context by its whole name', '({ context }) => context.headers.authorization === process.env.TOKEN'],
  ])('finds the request in %s', (_, layer) => {
    expect(findingsOf(timing, guarded(layer))).toHaveLength(1)
  })

  it('compares nothing where only lengths are held against each other', () => {
    const layer = "({ ctx }) => ctx.headers['x-api-key'].length === process.env.API_KEY.length"
    expect(findingsOf(timing, guarded(layer))).toEqual([])
  })
})

describe('a secret whose default is empty', () => {
  it.each([
    ['and that a file fills', "const config = { token: '', ...JSON.parse(readFileSync('config.json', 'utf8')) }"],
    [
      'and that the environment fills, name by name',
      "const config = { token: '' }\n    for (const [variable, name] of Object.entries({ APP_TOKEN: 'token', APP_KEY: 'key' })) { const value = process.env[variable]; if (value) config[name] = value }",
    ],
  ])('%s is compared', (_, made) => {
    const program = endpoint(
      'if (config.token && req.headers.authorization !== config.token) return res.status(401).end()',
      made,
    )
    expect(outcomeOf(timing, program)).toBe('fail')
  })
})

it('what became of a promise is no secret', () => {
  const program = endpoint(
    "const [found] = await Promise.allSettled([search(req.headers['x-api-key'])])\n      if (found.status === 'fulfilled') return res.json(found.value)\n      if (found.reason.name === 'TimeoutError') return res.status(504).end()",
  )
  expect(outcomeOf(timing, program)).not.toBe('fail')
})

describe('the configuration that a server of Nitro runs with', () => {
  const served = (config: string): Record<string, string> => ({
    'nitro.config.ts': `
    import { defineNitroConfig } from 'nitropack/config'
    export default defineNitroConfig({ srcDir: 'server', runtimeConfig: { ${config} } })`,
    'server/routes/mcp.post.ts': `
    import { defineEventHandler, readBody, useSession } from 'h3'
    import { useRuntimeConfig } from 'nitropack/runtime'
    export default defineEventHandler(async (event) => {
      const config = useRuntimeConfig(event)
      const session = await useSession(event, { name: 'seat', password: config.session.password })
      const message = await readBody(event)
      return { jsonrpc: '2.0', id: message.id, result: { user: session.data.user } }
    })`,
  })

  it('may have a secret that everybody knows', () => {
    const known = served(`session: { password: 'local-notes-session-password-0123456789' }`)
    expect(findingsOf('weak-session-secret', known).map((found) => found.split(':')[0])).toEqual(['nitro.config.ts'])
    expect(outcomeOf('weak-session-secret', served(`session: { password: '' }`))).not.toBe('fail')
    expect(outcomeOf('weak-session-secret', served(`session: { password: process.env.SECRET }`))).not.toBe('fail')
  })

  it('may have it from a compose file, by the name that Nitro has for it', () => {
    const composed = (name: string): Record<string, string> => ({
      ...served(`session: { password: '' }`),
      'compose.yaml': `services:\n  web:\n    environment:\n      ${name}: local-notes-session-password-0123456789\n`,
    })
    expect(outcomeOf('weak-session-secret', composed('NITRO_SESSION_PASSWORD'))).toBe('fail')
    expect(outcomeOf('weak-session-secret', composed('OTHER_SESSION_PASSWORD'))).not.toBe('fail')
  })
})

describe('a secret from a file', () => {
  it.each([
    ['where the setting is called after secrets', "`${process.env.SECRETS_DIR ?? '/run/secrets'}/key`"],
    ['where the setting is called otherwise', '`${process.env.BASE}/key`'],
  ])('is what lies there, and not made of the setting: %s', (_, path) => {
    const program = endpoint(
      `const offered = String(req.headers.authorization).replace(/^Bearer /, '')
       switch (offered) { case key: break; default: return res.status(401).end() }`,
      `import { readFileSync } from 'node:fs'\n    const key = readFileSync(${path}, 'utf8').trim()`,
    )
    expect(outcomeOf(timing, program)).toBe('fail')
  })
})
