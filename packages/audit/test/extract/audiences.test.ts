/** Tokens that are made here are for here; those of others have to say whom they are for. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf } from './programs.ts'

const server = (signing: string): string => `
  import { createServer } from 'node:http'
  import { SignJWT, jwtVerify } from 'jose'
  const key = new TextEncoder().encode(process.env.TOKEN_SECRET)
  ${signing}
  createServer(async (req, res) => {
    const { payload } = await jwtVerify(req.headers.authorization.slice(7), key, { issuer: 'notes' })
    res.end(payload.sub)
  }).listen(3000, '127.0.0.1')
`

describe('a token without an audience', () => {
  it('is of somebody else', () => {
    expect(outcomeOf('unchecked-token-audience', server(''))).toBe('fail')
  })

  it('is our own, though nothing here is seen to ask for it', () => {
    const signing = `export async function issue(sub) {
      return new SignJWT({ sub }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(key)
    }`
    expect(outcomeOf('unchecked-token-audience', server(signing))).toBe('notApplicable')
  })
})

describe('an issuer that is asked about a token', () => {
  const asking = (path: string, check: string): string => `
    import express from 'express'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    const app = express()
    const auth = requireBearerAuth({ verifier: { async verifyAccessToken(token) {
      const response = await fetch(\`https://issuer.example/${path}\`, { headers: { authorization: \`Bearer \${token}\` } })
      if (!response.ok) throw new Error('no')
      const told = await response.json()
      ${check}
      return { token, clientId: told.sub, scopes: [] }
    } } })
    app.post('/mcp', auth, (req, res) => res.json({ jsonrpc: '2.0', id: req.body.id, result: {} }))
    app.listen(3000, '127.0.0.1')`

  it.each(['userinfo', 'oauth/introspect'])('knows all that it has issued: %s', (path) => {
    expect(outcomeOf('unchecked-token-audience', asking(path, ''))).toBe('fail')
  })

  it('says whom it was for, and that is compared', () => {
    const check = "if (told.aud !== 'https://notes.example/mcp') throw new Error('no')"
    expect(outcomeOf('unchecked-token-audience', asking('oauth/introspect', check))).not.toBe('fail')
  })

  it('is not one where the service that is called has keys of its own', () => {
    expect(outcomeOf('unchecked-token-audience', asking('v1/me', ''))).not.toBe('fail')
  })
})

describe('the audience of a token that others signed', () => {
  const verifying = (use: string): string => `
    import { createServer } from 'node:http'
    import { createRemoteJWKSet, jwtVerify } from 'jose'
    import { checkResourceAllowed } from '@modelcontextprotocol/sdk/shared/auth-utils.js'
    import { assertAudience } from './claims.js'
    const keys = createRemoteJWKSet(new URL(process.env.JWKS_URL))
    const here = process.env.RESOURCE_URL
    const allowed = new Set([here])
    const audiences = ({ aud }) => (typeof aud === 'string' ? [aud] : aud ?? [])
    createServer(async (req, res) => {
      const { payload } = await jwtVerify(req.headers.authorization.slice(7), keys)
      ${use}
      res.end(payload.sub)
    }).listen(3000, '127.0.0.1')`

  it.each([
    ['not read', ''],
    ['logged', 'console.log(payload.aud)'],
    ['kept', 'req.auth = { sub: payload.sub, resource: new URL(payload.aud) }'],
    ['there at all', "if (!payload.aud) throw new Error('no')"],
    ['a text', "if (typeof payload.aud !== 'string') throw new Error('no')"],
  ])('asks nothing where it is %s', (_name, use) => {
    expect(outcomeOf('unchecked-token-audience', verifying(use))).toBe('fail')
  })

  it.each([
    ['compared', "if (payload.aud !== here) throw new Error('no')"],
    ['looked for in a list', "if (![payload.aud].flat().includes(here)) throw new Error('no')"],
    ['looked for in what a helper makes of it', "if (!audiences(payload).includes(here)) throw new Error('no')"],
    ['one of several', "if (![].concat(payload.aud).some((one) => one === here)) throw new Error('no')"],
    ['in a set', "if (!allowed.has(payload.aud)) throw new Error('no')"],
    ['told apart', "switch (payload.aud) { case here: break; default: throw new Error('no') }"],
    [
      'given to the SDK',
      "if (!checkResourceAllowed({ requestedResource: payload.aud, configuredResource: here })) throw new Error('no')",
    ],
    ['given, with all else, to code that is asked about it', 'assertAudience(payload)'],
  ])('is asked about where it is %s', (_name, use) => {
    expect(outcomeOf('unchecked-token-audience', verifying(use))).toBe('pass')
  })
})

describe('middleware that asks an issuer', () => {
  const asking = (ask: string): string => `
    import express from 'express'
    const app = express()
    app.post('/mcp', async (req, res, next) => {
      const header = req.headers.authorization ?? ''
      const token = header.slice(7)
      ${ask}
      req.user = told.sub
      next()
    }, (req, res) => res.json({ jsonrpc: '2.0', id: req.body.id, result: {} }))
    app.listen(3000, '127.0.0.1')`
  const introspecting = `const told = await (await fetch(process.env.ISSUER + '/introspect', { method: 'POST', body: 'token=' + token })).json()
    if (!told.active) return res.status(401).end()`

  it('is told of all tokens', () => {
    expect(outcomeOf('unchecked-token-audience', asking(introspecting))).toBe('fail')
  })

  it('may compare whom this one was for', () => {
    const compared = `${introspecting}\nif (told.aud !== process.env.RESOURCE) return res.status(401).end()`
    expect(outcomeOf('unchecked-token-audience', asking(compared))).toBe('pass')
  })

  it('has nothing to ask about a token that the server has got for itself', () => {
    const exchanging = `
      const body = new URLSearchParams({ code: String(req.query.code), grant_type: 'authorization_code' })
      const got = await (await fetch(process.env.ISSUER + '/token', { method: 'POST', body })).json()
      const told = await (await fetch(process.env.ISSUER + '/userinfo', { headers: { authorization: got.access_token } })).json()`
    expect(outcomeOf('unchecked-token-audience', asking(exchanging))).toBe('notApplicable')
  })
})

describe('a token that is sent on as it came', () => {
  const passing = (guard: string, headers: string): string => `
    import { Hono } from 'hono'
    import { jwtVerify } from 'jose'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
    const app = new Hono()
    const ask = (token) => fetch('https://api.example/me', { headers: ${headers} })
    app.post('/mcp', async (c) => {
      const token = c.req.header('authorization')
      if (!token) return c.text('no', 401)
      ${guard}
      const server = new McpServer({ name: 'x', version: '1' })
      server.registerTool('me', {}, async () => ({ content: [{ type: 'text', text: await (await ask(token)).text() }] }))
      const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await server.connect(transport)
      return transport.handleRequest(c.req.raw)
    })
    export default app`

  it('is for whoever takes it, where nothing is verified here', () => {
    expect(findingsOf('unchecked-token-audience', passing('', '{ authorization: token }'))).toEqual([
      'server.ts:6: The token of the caller is sent to another service as it came, and nothing here asks whom it is for.',
    ])
  })

  it('is no finding where the server has a token of its own, or none is sent', () => {
    const own = '{ authorization: `Bearer ${process.env.API_TOKEN}` }'
    expect(findingsOf('unchecked-token-audience', passing('', own))).toEqual([])
    expect(findingsOf('unchecked-token-audience', passing('', "{ accept: 'text/plain' }"))).toEqual([])
  })

  it('is good at two services where it is verified with an audience', () => {
    const guard = "await jwtVerify(token.slice(7), new TextEncoder().encode(process.env.KEY), { audience: 'x' })"
    expect(findingsOf('unchecked-token-audience', passing(guard, '{ authorization: token }'))).toEqual([
      'server.ts:6: The token that the caller was let in by is sent to another service as it came: one of the two takes tokens that are meant for the other.',
    ])
  })
})

describe('whom a token is for, asked by middleware', () => {
  const asking = (verified: string, options: string): string => `
    import express from 'express'
    import { jwtVerify } from 'jose'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const verifier = { async verifyAccessToken(token) { ${verified} } }
    const app = express()
    app.post('/mcp', requireBearerAuth({ verifier, ${options} }), async (req, res) => {
      await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(req, res, req.body)
    })
    app.listen(3000)`
  const signed = (resource: string): string =>
    `const { payload } = await jwtVerify(token, keys); return { token, expiresAt: payload.exp, resource: ${resource} }`
  const asked = `const answer = await fetch(process.env.INTROSPECTION_URL, { method: 'POST', body: new URLSearchParams({ token }) })
    const told = await answer.json()
    if (!told.active) throw new Error('no')
    return { token, expiresAt: told.exp, resource: new URL(told.aud) }`

  it.each([
    ['a claim', signed('new URL(payload.aud)')],
    ['what the issuer says', asked],
  ])('is compared with the resource that it expects: %s', (_, verified) => {
    expect(outcomeOf('unchecked-token-audience', asking(verified, "expectedResource: new URL('https://us/mcp')"))).toBe(
      'pass',
    )
    expect(outcomeOf('unchecked-token-audience', asking(verified, ''))).toBe('fail')
  })

  it('is not compared with anything where the verifier says the same of all', () => {
    const same = asking(signed("new URL('https://us/mcp')"), "expectedResource: new URL('https://us/mcp')")
    expect(outcomeOf('unchecked-token-audience', same)).toBe('fail')
  })
})

describe('a token that goes on to another service', () => {
  const serving = (verified: string, tool: string): string => `
    import { FastMCP } from 'fastmcp'
    import { decodeJwt, jwtVerify } from 'jose'
    import { exchange } from './exchange.js'
    const server = new FastMCP({ name: 'x', version: '1.0.0', async authenticate(request) {
      const token = request.headers.authorization.slice(7)
      ${verified}
    } })
    server.addTool({ name: 'a', execute: async (args, { session }) => { ${tool} } })
    server.start({ transportType: 'httpStream' })`
  const verified =
    "const { payload } = await jwtVerify(token, keys, { audience: 'us' }); return { token, sub: payload.sub }"
  const forwards = 'return (await fetch(API, { headers: { authorization: `Bearer ${session.token}` } })).text()'

  it.each([
    ['was verified for this server', verified],
    ['was only taken apart', 'return { token, sub: decodeJwt(token).sub }'],
  ])('as it came: one that %s', (_, way) => {
    expect(outcomeOf('unchecked-token-audience', serving(way, forwards))).toBe('fail')
  })

  it.each([
    [
      'exchanged before',
      verified,
      'const own = await exchange(session.token); return (await fetch(API, { headers: { authorization: `Bearer ${own}` } })).text()',
    ],
    [
      'found for the caller',
      verified.replace('{ token,', '{ token: (await grants.findOne({ sub: payload.sub })).token,'),
      forwards,
    ],
    [
      'of this server',
      verified,
      'return (await fetch(API, { headers: { authorization: `Bearer ${process.env.API_TOKEN}` } })).text()',
    ],
  ])('is another: %s', (_, way, tool) => {
    expect(outcomeOf('unchecked-token-audience', serving(way, tool))).toBe('pass')
  })

  it('as it came, by a server that answers by hand', () => {
    const program = `
      import { createServer } from 'node:http'
      createServer(async (req, res) => {
        if (!req.headers.authorization) return res.writeHead(401).end()
        let raw = ''
        for await (const chunk of req) raw += chunk
        if (JSON.parse(raw).method !== 'tools/call') return res.writeHead(404).end()
        res.end(await (await fetch(API, { headers: { authorization: req.headers.authorization } })).text())
      }).listen(3000)`
    expect(outcomeOf('unchecked-token-audience', program)).toBe('fail')
  })
})

describe('a verifier of several issuers', () => {
  const program = (first: string, last = ''): string => `
    import * as jose from 'jose'
    import { ONE, OTHER, RESOURCE } from './constants.js'
    const one = jose.createRemoteJWKSet(new URL(ONE))
    const other = jose.createRemoteJWKSet(new URL(OTHER))
    export async function validate(token) {
      const claims = jose.decodeJwt(token)
      ${first}
      if (claims.iss === ONE) {
        if (claims.aud !== RESOURCE) return false
        await jose.jwtVerify(token, one, { issuer: ONE })
        return true
      }
      await jose.jwtVerify(token, other, { issuer: OTHER${last} })
      return true
    }`

  it('is asked on each way whom the token is for', () => {
    expect(findingsOf('unchecked-token-audience', program(''))).toHaveLength(1)
    expect(findingsOf('unchecked-token-audience', program('', ', audience: RESOURCE'))).toEqual([])
    expect(findingsOf('unchecked-token-audience', program('if (claims.aud !== RESOURCE) return false'))).toEqual([])
  })

  it('is asked also where nobody here calls it, of tokens of other issuers', () => {
    const helper = (key: string): string => `
      import { createRemoteJWKSet, jwtVerify } from 'jose'
      ${key}
      export async function verifyToken(token) { return (await jwtVerify(token, key, { issuer: process.env.ISSUER })).payload }`
    const foreign = 'const key = createRemoteJWKSet(new URL(process.env.JWKS))'
    const own = 'const key = new TextEncoder().encode(process.env.JWT_SECRET)'
    expect(findingsOf('unchecked-token-audience', helper(foreign))).toHaveLength(1)
    expect(findingsOf('unchecked-token-audience', helper(own).replace('createRemoteJWKSet, ', ''))).toEqual([])
  })
})

describe('introspection, whatever its address is called', () => {
  const introspecting = (check: string, asks = '', url = 'endpoint'): string => `
    import { createServer } from 'node:http'
    import axios from 'axios'
    const endpoint = process.env.AS_URL, resource = process.env.RESOURCE
    const basic = 'Basic ' + Buffer.from(process.env.ID + ':' + process.env.SECRET).toString('base64')
    const ask = async (token) => {
      ${
        asks ||
        `const res = await fetch(${url}, { method: 'POST', headers: { authorization: basic }, body: new URLSearchParams({ token }) })
      return res.ok ? await res.json() : { active: false }`
      }
    }
    createServer(async (req, res) => {
      const [, token = ''] = String(req.headers.authorization).split(' ')
      const data = await ask(token)
      ${check}
      res.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { sub: data.sub } }))
    }).listen(3000, '127.0.0.1')`
  const RULE = 'unchecked-token-audience'
  const active = 'if (!data.active) return res.writeHead(401).end()'

  it.each([
    ['active', introspecting(active)],
    [
      'a destructured answer',
      introspecting(
        'const { active, exp } = data; if (active !== true || exp < Date.now() / 1000) return res.writeHead(401).end()',
      ),
    ],
    [
      'a predicate',
      introspecting(
        "const usable = ({ active, exp, token_type: type = 'Bearer' }) => active === true && exp > Date.now() / 1000; if (!usable(data)) return res.writeHead(401).end()",
      ),
    ],
    [
      'axios',
      introspecting(
        active,
        'return (await axios.post(endpoint, new URLSearchParams({ token }), { headers: { authorization: basic } })).data',
      ),
    ],
    ['a setting', introspecting('if (!data.sub) return res.writeHead(401).end()', '', 'process.env.INTROSPECTION_URL')],
    [
      'an issuer alone',
      introspecting(`${active}; if (data.iss !== process.env.ISSUER) return res.writeHead(401).end()`),
    ],
  ])('takes any token of the issuer: %s', (_how, program) => {
    expect(outcomeOf(RULE, program)).toBe('fail')
  })

  it.each([
    ['compared', 'data.aud !== resource'],
    ['in a list', '![data.aud].flat().includes(resource)'],
    ['in a list, if any', '!([data.aud ?? []].flat()).includes(resource)'],
    ['one of several', '!(Array.isArray(data.aud) ? data.aud : [data.aud]).includes(resource)'],
    ['some', '![].concat(data.aud ?? []).some((aud) => aud === resource)'],
    ['a set', '!new Set([data.aud].flat()).has(resource)'],
    ['filtered', '[data.aud].flat().filter((aud) => aud === resource).length === 0'],
  ])('takes only its own: %s', (_how, foreign) => {
    expect(outcomeOf(RULE, introspecting(`if (!data.active || ${foreign}) return res.writeHead(401).end()`))).toBe(
      'pass',
    )
  })

  it('is not what a table of users is asked', () => {
    const table = 'return db.users.findUnique({ where: { token } })'
    expect(outcomeOf(RULE, introspecting(active, table))).toBe('notApplicable')
  })

  it.each([
    ['return (await axios.post(endpoint, { key: token })).data'],
    ["return (await fetch(endpoint, { method: 'POST', headers: { 'x-key': token } })).json()"],
  ])('is not what a service is asked that is sent something else: %s', (asks) => {
    expect(outcomeOf(RULE, introspecting(active, asks))).not.toBe('fail')
  })

  it.each([
    ['return (await axios.post(endpoint, { token })).data'],
    ["return (await fetch(endpoint, { method: 'POST', body: 'token=' + token })).json()"],
    ["return (await fetch(endpoint, { method: 'POST', body: JSON.stringify({ token }) })).json()"],
  ])('is what is sent the token: %s', (asks) => {
    expect(outcomeOf(RULE, introspecting(active, asks))).toBe('fail')
  })
})

describe('an audience that is read off a token which nobody has verified', () => {
  const program = (whoami: string, before = ''): string => `
    import { createServer } from 'node:http'
    import { createRemoteJWKSet, jwtVerify, decodeJwt } from 'jose'
    const keys = createRemoteJWKSet(new URL(process.env.JWKS_URL))
    createServer(async (req, res) => {
      const token = req.headers.authorization.slice(7)
      if (req.url === '/whoami') { ${whoami} }
      ${before}
      const { payload } = await jwtVerify(token, keys)
      res.end(payload.sub)
    }).listen(3000, '127.0.0.1')`
  const RULE = 'unchecked-token-audience'

  it('says nothing of those that are verified elsewhere', () => {
    expect(outcomeOf(RULE, program('return res.end(String(decodeJwt(token).aud === process.env.HERE))'))).toBe('fail')
  })

  it('says it of the one that is verified afterwards', () => {
    const before = "if (decodeJwt(token).aud !== process.env.HERE) throw new Error('no')"
    expect(outcomeOf(RULE, program('return res.end()', before))).toBe('pass')
  })
})

describe('options that name an audience on some ways only', () => {
  const verifyingWith = (options: string): string => `
    import { createServer } from 'node:http'
    import { createRemoteJWKSet, jwtVerify } from 'jose'
    const keys = createRemoteJWKSet(new URL(process.env.JWKS)), issuer = process.env.ISSUER, audience = process.env.RESOURCE
    const common = { issuer, algorithms: ['ES256'] }
    ${options}
    createServer(async (req, res) => {
      const { payload } = await jwtVerify(String(req.headers.authorization).slice(7), keys, options)
      res.end(payload.sub)
    }).listen(3000, '127.0.0.1')`

  it.each([
    [
      'strict ? { ...common, audience } : common',
      'const strict = process.env.STRICT; const options = strict ? { ...common, audience } : common',
    ],
    [
      'a builder',
      'const build = ({ strict = process.env.STRICT === "1" }) => (strict ? { ...common, audience } : common); const options = build({})',
    ],
    [
      'early return',
      'function build(strict) { if (!strict) return common; return { ...common, audience } } const options = build(process.env.STRICT)',
    ],
    ['undefined', "const options = { ...common, audience: process.env.STRICT ? 'https://notes.example' : undefined }"],
    ['never given', 'const build = ({ audience }) => ({ issuer, audience }); const options = build({})'],
  ])('%s', (_how, options) => {
    expect(outcomeOf('unchecked-token-audience', verifyingWith(options))).toBe('fail')
  })

  it.each([
    ['of the environment', 'const options = { ...common, audience }'],
    ['with a default', "const options = { ...common, audience: process.env.AUD ?? 'https://notes.example' }"],
    ['either', 'const options = process.env.STRICT ? { ...common, audience } : { issuer, audience: [audience] }'],
    ['a builder', 'const build = ({ audience }) => ({ issuer, audience }); const options = build({ audience })'],
    ['out of sight', "import { options as seen } from './nowhere.js'; const options = seen"],
  ])('not %s', (_how, options) => {
    expect(outcomeOf('unchecked-token-audience', verifyingWith(options))).not.toBe('fail')
  })
})
