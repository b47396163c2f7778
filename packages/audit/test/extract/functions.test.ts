/** Functions that a platform calls: with an event, with a request, by name; and handlers that nobody is seen to call. */
import { describe, expect, it } from 'vitest'
import { dispatchesOf, factsOf, findingsOf, outcomeOf } from './programs.ts'

/** What a handler does with `id` and `open`: opens a session without an ID and serves the one that is named. */
const serve = (id: string, answer: (body: string) => string) => `
  const id = ${id}
  if (!id) {
    const fresh = crypto.randomUUID()
    sessions.set(fresh, { notes: [] })
    return ${answer('fresh')}
  }
  const session = sessions.get(id)
  return ${answer('session.notes')}`

const ofEvent = (body: string) => `{ statusCode: 200, body: JSON.stringify(${body}) }`

describe('a function that is called with the parts of a request', () => {
  it.each([
    ['by the name of its export', 'export const handler = async (event) => {%}', "event.headers['mcp-session-id']"],
    [
      'by the type of its event',
      'export async function serveMcp(e: APIGatewayProxyEventV2) {%}',
      "e.headers['mcp-session-id']",
    ],
    ['as CommonJS', 'exports.handler = async (event) => {%}', "event.headers['Mcp-Session-Id']"],
    ['taken apart', 'export const handler = async ({ headers }) => {%}', "headers['mcp-session-id']"],
    [
      'in a wrapper',
      "import middy from '@middy/core'\nexport const handler = middy(async (event) => {%})",
      "event.headers['mcp-session-id']",
    ],
  ])('is found %s', (_how, shape, id) => {
    const program = `const sessions = new Map()\n${shape.replace('%', serve(id, ofEvent))}`
    expect(findingsOf('missing-session-expiry', program)).toHaveLength(1)
  })

  it('is no handler of requests where its event is of a queue', () => {
    const program = `const sessions = new Map()\nexport const handler = async (event: SQSEvent) => {${serve("event.headers['mcp-session-id']", ofEvent)}}`
    expect(factsOf(program).stores).toEqual([])
  })

  const signed = (event: string) => `
    import { createHmac } from 'node:crypto'
    const sign = (text) => createHmac('sha256', process.env.TOKEN_SECRET).update(text).digest('base64')
    const check = (token) => {
      const [payload, signature] = token.split('.')
      return sign(payload) !== signature ? null : JSON.parse(payload)
    }
    export const handler = async (event) => {
      ${event}
      return check(token) === null ? { statusCode: 401 } : { statusCode: 200 }
    }`

  it.each([
    ['a header', 'const token = event.headers.authorization'],
    ['a query', 'const token = event.queryStringParameters.token'],
    ['JSON', 'const { refresh_token: token } = JSON.parse(event.body)'],
    ['a form', "const token = new URLSearchParams(event.body).get('refresh_token')"],
    [
      'a form in base64',
      `const text = event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString('utf8') : event.body
       const form = Object.fromEntries(new URLSearchParams(text))
       const token = form.refresh_token`,
    ],
  ])('takes its token from %s', (_where, event) => {
    expect(findingsOf('timing-unsafe-comparison', signed(event))).toHaveLength(1)
  })

  it('is told by its gateway who was verified', () => {
    const program = (owner: string) => `
      const sessions = new Map()
      export const handler = async (event) => {
        const caller = event.requestContext.authorizer?.principalId
        if (!caller) return { statusCode: 401 }
        const id = event.headers['mcp-session-id']
        if (!id) {
          sessions.set(crypto.randomUUID(), { caller, notes: [] })
          return { statusCode: 200 }
        }
        const session = sessions.get(id)
        if (!session ${owner}) return { statusCode: 404 }
        return { statusCode: 200, body: JSON.stringify(session.notes) }
      }`
    expect(outcomeOf('unbound-session', program(''))).toBe('fail')
    expect(outcomeOf('unbound-session', program('|| session.caller !== caller'))).toBe('pass')
  })
})

describe('a function that is registered with its platform', () => {
  const onExpress = serve("req.headers['mcp-session-id']", (body) => `res.json(${body})`)
  const onFetch = serve("request.headers.get('mcp-session-id')", (body) => `{ jsonBody: ${body} }`)
  it.each([
    [
      'Firebase',
      `import { onRequest } from 'firebase-functions/v2/https'\nexport const mcp = onRequest({ cors: false }, (req, res) => {${onExpress}})`,
    ],
    [
      'Firebase of old',
      `import * as functions from 'firebase-functions'\nexport const mcp = functions.https.onRequest((req, res) => {${onExpress}})`,
    ],
    [
      'Google Cloud',
      `import { http } from '@google-cloud/functions-framework'\nhttp('mcp', (req, res) => {${onExpress}})`,
    ],
    [
      'Azure',
      `import { app } from '@azure/functions'\napp.http('mcp', { methods: ['POST'], handler: async (request) => {${onFetch}} })`,
    ],
  ])('%s', (_platform, program) => {
    expect(factsOf(`const sessions = new Map()\n${program}`).stores).toHaveLength(1)
  })
})

describe('a handler that is hung on an object for a host to find', () => {
  const program = (owner: string) => `
    import { randomUUID } from 'node:crypto'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
    import { api } from 'some-framework'
    import { verify } from 'some-tokens'
    const sessions = new Map()
    api.mcp.handle = async (req: Request) => {
      let caller
      const header = req.headers.get('authorization')
      if (header?.startsWith('Bearer ')) {
        const found = await verify(header.slice(7))
        if (found) caller = { subject: found.sub, scopes: found.scopes }
      }
      if (!caller) return new Response(null, { status: 401 })
      const id = req.headers.get('mcp-session-id')
      if (!id) {
        const transport = new WebStandardStreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (fresh) => { sessions.set(fresh, { transport, subject: caller.subject }) },
        })
        await new McpServer({ name: 'n', version: '1' }).connect(transport)
        return transport.handleRequest(req)
      }
      const session = sessions.get(id)
      if (!session ${owner}) return new Response(null, { status: 404 })
      return session.transport.handleRequest(req)
    }`

  it('is followed, and what filled the caller is known where the caller is there', () => {
    expect(outcomeOf('unbound-session', program(''))).toBe('fail')
    expect(outcomeOf('session-as-authentication', program(''))).toBe('pass')
    expect(dispatchesOf(program('|| session.subject !== caller.subject'))).toEqual(['* server.ts:26 bound'])
  })
})

describe('middleware that stands before requests only where a setting is on', () => {
  const program = (before: string, check: string) => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    const app = express()
    const sessions = new Map()
    ${before}
    ${check}
    app.post('/mcp', (req, res) => {
      const id = req.headers['mcp-session-id']
      if (!id) {
        const fresh = randomUUID()
        sessions.set(fresh, { notes: [] })
        return res.setHeader('mcp-session-id', fresh).end()
      }
      const session = sessions.get(id)
      if (!session) return res.status(404).end()
      res.json(session.notes)
    })
    app.listen(3000, '0.0.0.0')`
  const guard = "(req, res, next) => (req.headers.authorization === 'Bearer ' + token ? next() : res.status(401).end())"

  it.each([
    ['a setting', 'const token = process.env.TOKEN', `if (token) app.use(${guard})`, 'optional'],
    [
      'one of two settings',
      'const token = process.env.TOKEN || process.env.OLD_TOKEN',
      `if (token) app.use(${guard})`,
      'optional',
    ],
    [
      'a file or a setting',
      "import { readFileSync } from 'node:fs'\nconst config = JSON.parse(readFileSync('config.json', 'utf8'))\nconst token = config.auth?.token || process.env.TOKEN",
      `if (token) app.use(${guard})`,
      'optional',
    ],
    [
      'a setting, else a secret that is made',
      "import { tokenOf } from 'some-tokens'\nconst token = process.env.TOKEN || tokenOf()",
      `if (token) app.use(${guard})`,
      'always',
    ],
    [
      'a setting, else another',
      'const token = process.env.TOKEN',
      `app.use(token ? ${guard} : (req, res, next) => next())`,
      'optional',
    ],
    [
      'a setting that must be there',
      "const token = process.env.TOKEN\nif (!token) throw new Error('TOKEN')",
      `if (token) app.use(${guard})`,
      'always',
    ],
    [
      'a mode that is the default',
      "const token = process.env.TOKEN\nconst mode = process.env.MODE ?? 'token'",
      `if (mode === 'token') app.use(${guard})`,
      'always',
    ],
    ['nothing', 'const token = process.env.TOKEN', `app.use(${guard})`, 'always'],
  ])('%s', (_what, before, check, expected) => {
    expect(factsOf(program(before, check)).dispatches.map(({ authenticated }) => authenticated)).toEqual([expected])
  })

  it('counts for what is mounted under the same setting', () => {
    const router = `
      import express from 'express'
      import { randomUUID } from 'node:crypto'
      const sessions = new Map()
      const token = process.env.TOKEN
      const router = express.Router()
      router.post('/', (req, res) => {
        const session = sessions.get(req.headers['mcp-session-id'])
        if (!session) {
          sessions.set(randomUUID(), { notes: [] })
          return res.status(202).end()
        }
        res.json(session.notes)
      })
      const app = express()
      if (process.env.TRANSPORT === 'http') {
        app.use(${guard})
        app.use('/mcp', router)
        app.listen(3000, '0.0.0.0')
      }`
    expect(factsOf(router).dispatches.map(({ authenticated }) => authenticated)).toEqual(['always'])
  })
})

describe('modules that are loaded by a path that is put together', () => {
  const server = (load: string) => `
    import express from 'express'
    import path from 'node:path'
    import { randomUUID } from 'node:crypto'
    ${load}
    const transports = {}
    const app = express()
    app.post('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      if (id) return transports[id].handleRequest(req, res, req.body)
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (sid) => { transports[sid] = transport } })
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '0.0.0.0')`
  const inModules = "'..', 'node_modules', '@modelcontextprotocol', 'sdk', 'dist', 'cjs', 'server'"

  it.each([
    [
      'from the folder of the file',
      `const dir = path.join(__dirname, ${inModules})\nconst { StreamableHTTPServerTransport } = require(path.join(dir, 'streamableHttp.js'))`,
    ],
    [
      'resolved',
      `const { StreamableHTTPServerTransport } = require(path.resolve(__dirname, ${inModules}, 'streamableHttp.js'))`,
    ],
    [
      'with a require of its own',
      `import { createRequire } from 'node:module'\nconst load = createRequire(import.meta.url)\nconst { StreamableHTTPServerTransport } = load('@modelcontextprotocol/sdk/server/streamableHttp.js')`,
    ],
    [
      'named in a constant',
      `const name = '@modelcontextprotocol/sdk/server/streamableHttp.js'\nconst { StreamableHTTPServerTransport } = await import(name)`,
    ],
  ])('%s', (_how, load) => {
    expect(outcomeOf('missing-session-expiry', server(load))).toBe('fail')
  })

  it('is a file of the tree, seen from the folder of another module', () => {
    const program = {
      'src/server.ts': server(
        "import { fileURLToPath } from 'node:url'\nconst here = path.dirname(fileURLToPath(import.meta.url))\nconst { StreamableHTTPServerTransport } = await import(path.join(here, 'parts/transport.js'))",
      ),
      'src/parts/transport.ts':
        "export { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'",
    }
    expect(outcomeOf('missing-session-expiry', program)).toBe('fail')
  })
})

describe('a variable that holds the session of whoever calls', () => {
  const program = (current: string) => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    const app = express()
    const sessions = new Map()
    let current
    app.post('/mcp', async (req, res) => {
      const session = sessions.get(req.headers['mcp-session-id'])
      if (!session) {
        const id = randomUUID()
        sessions.set(id, { id, label: 'new', notes: [] })
        return res.setHeader('mcp-session-id', id).end()
      }
      current = ${current}
      await new Promise((done) => setTimeout(done, 5))
      res.json(sessions.get(current)?.notes ?? [])
    })
    app.listen(3000)`

  it('is shared, though its value was read off the session', () => {
    expect(findingsOf('shared-session-state', program('session.id'))).toEqual([
      expect.stringContaining('current holds the identity of whoever called last'),
    ])
    expect(findingsOf('shared-session-state', program('session.label'))).toEqual([])
  })
})

describe('a cookie that a function gives its gateway', () => {
  const login = (answer: string): string => `
    import { randomBytes } from 'node:crypto'
    const weak = (id) => [\`sid=\${id}\`, 'Path=/', 'HttpOnly', 'SameSite=Lax'].join('; ')
    const safe = (id) => [\`sid=\${id}\`, 'Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax'].join('; ')
    export async function handler(event) {
      const user = await checkPassword(JSON.parse(event.body))
      if (!user) return { statusCode: 401 }
      const id = randomBytes(32).toString('hex')
      await sessions.set(id, { user })
      return { statusCode: 204, ${answer} }
    }`

  it.each([
    ['cookies: [OF(id)]'],
    ["multiValueHeaders: { 'Set-Cookie': [OF(id)] }"],
    ["headers: { 'set-cookie': OF(id) }"],
  ])('is looked at: %s', (answer) => {
    expect(findingsOf('insecure-session-cookie', login(answer.replace('OF', 'weak')))).toEqual([
      'server.ts:9: The cookie of a session (the cookie sid) is set without Secure.',
    ])
    expect(outcomeOf('insecure-session-cookie', login(answer.replace('OF', 'safe')))).toBe('pass')
  })
})
