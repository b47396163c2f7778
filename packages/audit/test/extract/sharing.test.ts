/** What sessions share: state that outlives a request, and what an await lets in between a read and a write. */
import { describe, expect, it } from 'vitest'
import { claimsOf, detectAll } from '../../src/detect.ts'
import { primaryStep } from '../../src/finding/findings.ts'
import { rules } from '../../src/rules/index.ts'
import { factsOf, findingsOf, outcomeOf, place, type Program } from './programs.ts'

/** A server with a wallet per session; `body` is the tool that spends, `before` what stands beside it. */
function wallet(body: string, before = ''): string {
  return `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${before}
    const wallets = new Map()
    const app = express()
    app.post('/mcp', async (req, res) => {
      const server = new McpServer({})
      server.registerTool('spend', {}, async ({ amount }, extra) => {
        const wallet = wallets.get(extra.sessionId)
        ${body}
      })
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
      wallets.set(transport.sessionId, { balance: 100, queue: Promise.resolve() })
      await server.connect(transport)
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
}

const staleWrites = (program: Program): readonly string[] =>
  factsOf(program).staleWrites.map((fact) => `${fact.name} ${place(fact.written)}`)

describe('a read, an await, a write', () => {
  it.each([
    [
      'a value read before the await is written after it',
      'const before = wallet.balance; await pay(amount); wallet.balance = before - amount',
      ['balance server.ts:11'],
    ],
    [
      'a check before the await',
      'if (wallet.balance < amount) return; await pay(amount); wallet.balance -= amount',
      ['balance server.ts:11'],
    ],
    [
      'with then',
      'const before = wallet.balance; return pay(amount).then(() => { wallet.balance = before - amount })',
      ['balance server.ts:11'],
    ],
    [
      'a count of attempts',
      'if (wallet.attempts > 3) return; await pay(amount); wallet.attempts++',
      ['attempts server.ts:11'],
    ],
    [
      'through a helper',
      'const before = wallet.balance; await slow(); wallet.balance = before - amount; async function slow() { await pay(amount) }',
      ['balance server.ts:11'],
    ],
  ])('%s', (_, body, expected) => {
    expect(staleWrites(wallet(body))).toEqual(expected)
  })

  it.each([
    ['no await', 'if (wallet.balance < amount) return; wallet.balance -= amount; await pay(amount)'],
    ['read again after the await', 'await pay(amount); if (wallet.balance < amount) return; wallet.balance -= amount'],
    [
      'a value that does not depend on the old one',
      'if (wallet.closed) return; await pay(amount); wallet.paidAt = Date.now()',
    ],
    [
      'a count given back, never below zero, by the work that it let in',
      'if (wallet.running > 3) return; await pay(0); wallet.running++; pay(amount).then(async () => { await pay(1); wallet.running = Math.max(0, wallet.running - 1) })',
    ],
    [
      'a count of what is under way',
      'if (wallet.running > 3) await turn(); wallet.running++; try { await pay(amount) } finally { wallet.running-- }',
    ],
    [
      'an object of this request',
      'const mine = { balance: 100 }; const before = mine.balance; await pay(amount); mine.balance = before - amount',
    ],
  ])('is no danger: %s', (_, body) => {
    expect(staleWrites(wallet(body))).toEqual([])
  })

  const spending = 'const before = wallet.balance; await pay(amount); wallet.balance = before - amount'

  it.each([
    [
      'a mutex',
      `return mutex.runExclusive(async () => { ${spending} })`,
      "import { Mutex } from 'async-mutex'\nconst mutex = new Mutex()",
    ],
    [
      'an acquired mutex',
      `const release = await mutex.acquire(); try { ${spending} } finally { release() }`,
      "import { Mutex } from 'async-mutex'\nconst mutex = new Mutex()",
    ],
    [
      'a queue',
      `return queue.add(async () => { ${spending} })`,
      "import PQueue from 'p-queue'\nconst queue = new PQueue({ concurrency: 1 })",
    ],
  ])('is no danger under %s', (_, body, before) => {
    expect(staleWrites(wallet(body, before))).toEqual([])
  })

  it('is no danger in a chain of promises that the session keeps', () => {
    const turn = `wallet.queue = wallet.queue.then(async () => { ${spending} }); return wallet.queue`
    expect(staleWrites(wallet(turn))).toEqual([])
  })

  it.each([
    ['void pay(amount)', []],
    ['await pay(amount)', ['balance server.ts:11']],
  ])('%s: only who waits lets others in', (call, expected) => {
    const pay = 'const pay = async (amount) => { await fetch(`http://bank/${amount}`) }'
    const body = `const old = wallet.balance; ${call}; wallet.balance = old - amount`
    expect(staleWrites(wallet(body, pay))).toEqual(expected)
  })

  const chain = `
    const chains = new Map()
    function inTurn(key, run) {
      const next = (chains.get(key) ?? Promise.resolve()).then(run, run)
      chains.set(key, next)
      return next
    }`

  it('is no danger in a chain of promises per session, behind a helper', () => {
    expect(staleWrites(wallet(`return inTurn(extra.sessionId, async () => { ${spending} })`, chain))).toEqual([])
  })

  it('and the finding stands at the write', () => {
    expect(findingsOf('shared-session-state', wallet(spending))).toEqual([
      expect.stringMatching(/^server\.ts:11: balance is checked or read before an await/),
    ])
  })
})

describe('a count of attempts', () => {
  const limited = (key: string, counted: string) => `
    import express from 'express'
    const attempts = new Map()
    const isOver = (key) => attempts.get(key)?.count >= 5
    function track(key) {
      const entry = attempts.get(key)
      if (!entry) attempts.set(key, { count: 1 })
      else ${counted}
    }
    const app = express()
    const guard = async (req, res) => {
      const key = ${key}
      if (isOver(key)) return res.status(429).end()
      if (await verify(req.headers.authorization)) return res.json({})
      track(key)
      res.status(401).end()
    }
    app.get('/a', guard)
    app.post('/b', guard)
    app.listen(3000)`

  it('by an address is looked at before it goes up, and loses nothing', () => {
    expect(staleWrites(limited('req.ip', 'entry.count++'))).toEqual([])
    expect(staleWrites(limited('req.ip', 'entry.count += 1'))).toEqual([])
  })

  it('of a caller may be passed by two requests at once', () => {
    expect(staleWrites(limited('req.headers.authorization', 'entry.count++'))).toHaveLength(1)
  })

  it('that goes down is spent twice', () => {
    expect(staleWrites(limited('req.ip', 'entry.count--'))).toHaveLength(1)
  })
})

describe('a variable for everybody', () => {
  const server = (declared: string, body: string): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { AsyncLocalStorage } from 'node:async_hooks'
    ${declared}
    const app = express()
    app.post('/mcp', async (req, res) => {
      ${body}
    })
    app.listen(3000)`
  const shared = (declared: string, body: string): readonly string[] =>
    factsOf(server(declared, body)).sharedVariables.map((fact) => `${fact.name}: ${fact.holds} ${place(fact.written)}`)

  it.each([
    [
      'of the caller',
      'let user',
      'user = req.auth.clientId; await work(); res.json(user)',
      ['user: identity server.ts:8'],
    ],
    [
      'of the caller, in an object',
      'const current = {}',
      'current.user = req.auth.clientId; await work(); res.json(current.user)',
      ['user: identity server.ts:8'],
    ],
    [
      'of the caller, in a class',
      'class Context { user; set(u) { this.user = u }; get() { return this.user } }\nconst context = new Context()',
      'context.set(req.auth.clientId); await work(); res.json(context.get())',
      ['user: identity server.ts:5'],
    ],
    [
      'of the transport',
      'let transport',
      'transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() }); await transport.handleRequest(req, res)\n})\napp.get("/mcp", (req, res) => { transport.handleRequest(req, res)',
      ['transport: transport server.ts:8'],
    ],
    ['of the response', 'let out', 'out = res; await work(); out.end()', ['out: response server.ts:8']],
    [
      'of the caller, in a map',
      'const state = new Map()',
      "state.set('user', req.auth.clientId); await work(); res.json(state.get('user'))",
      ['state.user: identity server.ts:8'],
    ],
    [
      'of the caller, in what an app has for all',
      'const locals = express().locals',
      'locals.user = req.auth.clientId; await work(); res.json(locals.user)',
      ['user: identity server.ts:8'],
    ],
  ])('%s', (_, declared, body, expected) => {
    expect(shared(declared, body)).toEqual(expected)
  })

  it.each([
    ['a variable of the request', '', 'const user = req.auth.clientId; await work(); res.json(user)'],
    [
      'a Map by session',
      'const users = new Map()',
      "users.set(req.headers['mcp-session-id'], req.auth.clientId); await work(); res.json(users.get(req.headers['mcp-session-id']))",
    ],
    [
      'AsyncLocalStorage',
      'const context = new AsyncLocalStorage()',
      'context.run({ user: req.auth.clientId }, async () => { await work(); res.json(context.getStore().user) })',
    ],
    [
      'another entry of a map',
      'const state = new Map()',
      "state.set(req.auth.clientId, req.auth.clientId); await work(); res.json(state.get('motd'))",
    ],
    [
      'a map of the request',
      '',
      "const state = new Map(); state.set('user', req.auth.clientId); await work(); res.json(state.get('user'))",
    ],
    [
      'what everybody may have',
      'const state = new Map()',
      "state.set('news', await news()); await work(); res.json(state.get('news'))",
    ],
    ['a counter', 'let requests = 0', 'requests++; await work(); res.json(requests)'],
    ['a cached secret', 'let secret', 'secret ??= await readSecret(); res.json(secret)'],
  ])('is not: %s', (_, declared, body) => {
    expect(shared(declared, body)).toEqual([])
  })

  it('a server for everybody, and one for each session', () => {
    const servers = (declared: string, made: string): readonly string[] =>
      factsOf(
        server(
          declared,
          `const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
      await ${made}.connect(transport)
      await transport.handleRequest(req, res)`,
        ),
      ).sharedServers.map((fact) => `${fact.what} ${place(fact.created)} ${place(fact.used)}`)
    expect(servers('const mcp = new McpServer({})', 'mcp')).toEqual(['server server.ts:5 server.ts:9'])
    expect(servers('const make = () => new McpServer({})', 'make()')).toEqual([])
    expect(servers('let mcp; const one = () => (mcp ??= new McpServer({}))', 'one()')).toEqual([
      'server server.ts:5 server.ts:9',
    ])
  })

  const opened = `const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
      await mcp.connect(transport)
      await transport.handleRequest(req, res)`
  const serversOf = (program: string): readonly string[] =>
    factsOf(program).sharedServers.map((fact) => `${fact.what} ${fact.among} ${place(fact.created)}`)

  const factory = `
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    export const create = async () => { const server = new McpServer({}); return { server, close: () => {} } }
    export const shared = new McpServer({})`
  const entry = (imported: string, setUp: string, each: string): string => `
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { ${imported} } from './server.ts'
    async function main() {
      const app = express()
      ${setUp}
      app.post('/mcp', async (req, res) => {
        ${each}
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
        await server.connect(transport)
        await transport.handleRequest(req, res)
      })
      app.listen(3000)
    }
    main()`
  const once = entry('create', 'const { server } = await create()', '')
  const forEach = entry('create', '', 'const { server } = await create()')
  const common = entry('shared as server', '', '')
  it.each([
    ['each of two entries makes its own once', once, once, ['a.ts:10', 'b.ts:10']],
    ['one of two makes it once', once, forEach, ['a.ts:10']],
    ['the other of two makes it once', forEach, once, ['b.ts:10']],
    ['both make one for each session', forEach, forEach, []],
    ['both use the one that a module has made', common, common, ['a.ts:10 b.ts:10']],
  ])('a server of a factory: %s', (_, a, b, expected) => {
    const { sharedServers } = factsOf({ 'server.ts': factory, 'a.ts': a, 'b.ts': b })
    expect(sharedServers.map(({ used, alsoUsed = [] }) => [used, ...alsoUsed].map(place).join(' '))).toEqual(expected)
  })

  it('every place that connects one server is a step, and the finding stands at the first', () => {
    const connects = (path: string): string => `
      app.post('/${path}', async (req, res) => {
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
        await server.connect(transport)
        await transport.handleRequest(req, res)
      })`
    const of = (...paths: string[]): string => `
      import express from 'express'
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      const server = new McpServer({})
      const app = express()
      ${paths.map(connects).join('\n')}
      app.listen(3000)`
    const stepsOf = (program: string): readonly string[] => {
      const claims = claimsOf(detectAll(rules, factsOf(program))).filter(
        ({ rule }) => rule.id === 'shared-session-state',
      )
      return claims.flatMap(({ draft }) =>
        draft.trace.map((step) => `${step === primaryStep(draft) ? '*' : ''}${place(step.location)}`),
      )
    }
    expect(stepsOf(of('one'))).toEqual(['server.ts:4', '*server.ts:9'])
    expect(stepsOf(of('one', 'two'))).toEqual(['server.ts:4', '*server.ts:9', 'server.ts:15'])
    expect(stepsOf(of(...Array.from({ length: 20 }, (_, at) => `p${at}`)))).toHaveLength(8)
  })

  it('a server for all sessions of one credential', () => {
    const cached = (key: string): string => `
      const key = ${key}
      let mcp = servers.get(key)
      if (!mcp) {
        mcp = new McpServer({})
        servers.set(key, mcp)
      }
      ${opened}`
    const found = (key: string): readonly string[] => serversOf(server('const servers = new Map()', cached(key)))
    expect(found('req.headers.authorization')).toEqual(['server one-caller server.ts:12'])
    expect(found("req.headers['mcp-session-id']")).toEqual([])
  })

  it('a transport with sessions for everybody', () => {
    const one = `const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
    new McpServer({}).connect(transport)`
    expect(serversOf(server(one, 'await transport.handleRequest(req, res)'))).toEqual(['transport all server.ts:5'])
  })
})

describe('the connection of whoever came last, where one handler takes all requests', () => {
  const server = (kept: string, connect: string, post: string): string => `
    import { createServer } from 'node:http'
    import { Server } from '@modelcontextprotocol/sdk/server/index.js'
    import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
    ${kept}
    createServer((req, res) => {
      const [path] = req.url.split('?')
      if (req.method === 'GET' && path === '/sse') { ${connect} }
      if (req.method === 'POST' && path === '/message') { ${post} }
      res.writeHead(404).end()
    }).listen(6006, '127.0.0.1')`
  const fresh = "new SSEServerTransport('/message', res)"
  const holds = (program: Program): readonly string[] =>
    factsOf(program).sharedVariables.map((fact) => `${fact.name}: ${fact.holds} ${place(fact.written)}`)

  it.each([
    [
      'a variable',
      server(
        'let link',
        `link = ${fresh}; return new Server({}).connect(link)`,
        'return link?.handlePostMessage(req, res)',
      ),
      ['link: transport server.ts:7'],
    ],
    [
      'a private field',
      server(
        `class Bridge {
          #link = null
          connect(res) { this.#link = ${fresh}; return new Server({}).connect(this.#link) }
          post(req, res) { return this.#link.handlePostMessage(req, res) }
        }
        const bridge = new Bridge()`,
        'return bridge.connect(res)',
        'return bridge.post(req, res)',
      ),
      ['#link: transport server.ts:6'],
    ],
    [
      'the answer alone',
      server(
        'let out',
        "out = res; res.writeHead(200, { 'content-type': 'text/event-stream' }); return",
        'out.write(`data: ${answer(req)}\\n\\n`)',
      ),
      ['out: response server.ts:7'],
    ],
  ])('is found in %s', (_name, program, found) => {
    expect(holds(program)).toEqual(found)
  })

  it('is nobody else’s where it is kept under its ID', () => {
    const connect = `const link = ${fresh}; links.set(link.sessionId, link); return new Server({}).connect(link)`
    const named = "new URL(req.url, 'http://x').searchParams.get('sessionId')"
    const program = server(
      'const links = new Map()',
      connect,
      `return links.get(${named})?.handlePostMessage(req, res)`,
    )
    expect(holds(program)).toEqual([])
  })
})

describe('a client of everybody', () => {
  const server = (declared: string, login: string): string => `
    import express from 'express'
    import { google } from 'googleapis'
    import { createClient } from '@supabase/supabase-js'
    ${declared}
    const app = express()
    app.post('/login', async (req, res) => { ${login}; res.end() })
    app.get('/data', async (req, res) => { res.json(await ask()) })
    app.listen(3000)`
  const shared = (declared: string, login: string): readonly string[] =>
    factsOf(server(declared, login)).sharedVariables.map((fact) => `${fact.name}: ${fact.holds}`)
  const supabase = "const supabase = createClient(url, key)\nconst ask = () => supabase.from('notes').select()"
  const lazy = `let client
    function connect() { if (!client) client = createClient(url, key); return client }
    const ask = () => connect().from('notes').select()`
  const drive = `const oauth = new google.auth.OAuth2(id, secret)
    const ask = () => google.drive({ version: 'v3', auth: oauth }).files.list()`

  it.each([
    ['supabase', supabase, 'await supabase.auth.signInWithPassword({ password: req.body.password })', 'supabase'],
    [
      'supabase, made when it is first asked for',
      lazy,
      'await connect().auth.setSession({ token: req.body.token })',
      'client',
    ],
    [
      'googleapis',
      drive,
      'const { tokens } = await oauth.getToken(req.query.code); oauth.setCredentials(tokens)',
      'oauth',
    ],
  ])('speaks for whoever logged in last: %s', (_what, declared, login, name) => {
    expect(shared(declared, login)).toEqual([`${name}: identity`])
  })

  it.each([
    [
      'one for each login',
      supabase,
      'await createClient(url, key).auth.signInWithPassword({ password: req.body.password })',
    ],
    ['only asked who somebody is', supabase, 'await supabase.auth.getUser(req.headers.authorization)'],
    ['told by start-up', `${drive}\noauth.setCredentials({ refresh_token: process.env.REFRESH })`, ''],
    [
      'one for each code',
      drive,
      'const own = new google.auth.OAuth2(id, secret); const { tokens } = await own.getToken(req.query.code); own.setCredentials(tokens)',
    ],
  ])('is not: %s', (_what, declared, login) => {
    expect(shared(declared, login)).toEqual([])
  })
})

describe('what one caller asks a tool for', () => {
  const project = (tools: string, declared = 'let project = "default"'): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${declared}
    function serverOf() {
      const server = new McpServer({})
      ${tools}
      return server
    }`
  const overHttp = (program: string): string => `${program}
    const app = express()
    app.post('/mcp', async (req, res) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await serverOf().connect(transport)
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
  const overStdio = (program: string): string => `${program}
    serverOf().connect(new StdioServerTransport())`
  const choices = (program: string): readonly string[] =>
    factsOf(program).sharedVariables.map((fact) => `${fact.name}: ${fact.holds} ${place(fact.written)}`)
  const chosen = `server.registerTool('choose', {}, async ({ name }) => { project = name })
      server.registerTool('list', {}, async () => listFiles(project))`

  it('is what every other caller gets', () => {
    expect(choices(overHttp(project(chosen)))).toEqual(['project: choice server.ts:7'])
  })

  it.each([
    ['over the streams of one client', overStdio(project(chosen))],
    ['a variable of the session', overHttp(project(`let project\n${chosen}`, ''))],
    [
      'what was loaded once for all',
      overHttp(project("server.registerTool('list', {}, async ({ name }) => (project ??= await load()).files(name))")),
    ],
    [
      'how much is written down',
      overHttp(
        project(`server.setRequestHandler(SetLevelRequestSchema, async ({ params }) => { project = params.level; return {} })
      server.registerTool('list', {}, async () => listFiles(project))`).replace(
          'import express',
          "import { SetLevelRequestSchema } from '@modelcontextprotocol/sdk/types.js'\n    import express",
        ),
      ),
    ],
    [
      'kept, and never asked for',
      overHttp(project("server.registerTool('x', {}, async ({ name }) => { project = name })")),
    ],
  ])('is nobody else’s: %s', (_, program) => {
    expect(choices(program)).toEqual([])
  })
})

describe('a table of tools', () => {
  const names = Array.from({ length: 20 }, (_, at) => `tool${at}`)
  const tool = (name: string): string =>
    name === 'tool17'
      ? `const ${name} = { name: '${name}', run: async (caller) => { lastUser = caller; await pay(); return lastUser } }`
      : `const ${name} = { name: '${name}', run: async () => '${name}' }`
  const server = (dispatch: string): string => `
    import express from 'express'
    let lastUser
    ${names.map(tool).join('\n    ')}
    const app = express()
    app.post('/mcp', async (req, res) => {
      ${dispatch}
    })
    app.listen(3000)`

  it.each([
    [
      'a list that is searched',
      `const list = [${names.join(', ')}]; res.json(await list.find((t) => t.name === req.body.params.name).run(req.auth.clientId))`,
    ],
    [
      'a record by name',
      `const table = { ${names.join(', ')} }; res.json(await table[req.body.params.name].run(req.auth.clientId))`,
    ],
    [
      'a map by name',
      `const table = new Map([${names.join(', ')}].map((t) => [t.name, t])); res.json(await table.get(req.body.params.name).run(req.auth.clientId))`,
    ],
    [
      'a map of functions',
      `const table = new Map(); for (const t of [${names.join(', ')}]) table.set(t.name, t.run); res.json(await table.get(req.body.params.name)(req.auth.clientId))`,
    ],
  ])('%s is walked to its last entry', (_, dispatch) => {
    expect(factsOf(server(dispatch)).sharedVariables.map(({ name }) => name)).toEqual(['lastUser'])
  })
})

describe('answers that wait under an ID', () => {
  const bridge = (ask: string, before = ''): string => `
    import { spawn } from 'node:child_process'
    import express from 'express'
    ${before}
    const child = spawn('node', ['backend.js'])
    const waiting = new Map()
    child.stdout.on('data', (line) => {
      const answer = JSON.parse(line)
      waiting.get(answer.id)?.(answer)
      waiting.delete(answer.id)
    })
    const app = express()
    app.use(express.json())
    app.post('/mcp', async (req, res) => {
      const message = req.body
      ${ask}
      child.stdin.write(JSON.stringify(message))
    })
    app.listen(3000)`
  const collisions = (program: Program): readonly string[] =>
    factsOf(program).collisions.map((fact) => `${fact.store} ${place(fact.at)}`)

  it.each([
    ['the answer itself', 'waiting.set(message.id, (answer) => res.json(answer))'],
    ['the response', 'waiting.set(message.id, res)'],
    [
      'a promise',
      'const asked = new Promise((resolve) => waiting.set(message.id, resolve)); asked.then((a) => res.json(a))',
    ],
    ['a record', 'const asked = new Promise((resolve, reject) => waiting.set(message.id, { resolve, reject }))'],
  ])('collide where the client chose it: %s', (_, ask) => {
    expect(collisions(bridge(ask))).toEqual(['waiting server.ts:15'])
  })

  it.each([
    ['a number of our own', 'const id = next++; waiting.set(id, res); message.id = id', 'let next = 1'],
    ['with the session before it', "waiting.set(`${req.get('mcp-session-id')}:${message.id}`, res)", ''],
    [
      'refused while it is in use',
      'if (waiting.has(message.id)) return res.sendStatus(409); waiting.set(message.id, res)',
      '',
    ],
    ['one table for each request', 'const waiting = new Map(); waiting.set(message.id, res)', ''],
    ['nobody waits', 'waiting.set(message.id, Date.now())', ''],
  ])('do not collide: %s', (_, ask, before) => {
    expect(collisions(bridge(ask, before))).toEqual([])
  })
})

describe('connections under the ID of a message', () => {
  const relay = (keep: string, answer: string): string => `
    import { WebSocketServer } from 'ws'
    import { spawn } from 'node:child_process'
    const child = spawn('mcp-server')
    const waiting = new Map()
    let next = 1
    child.stdout.on('data', (data) => {
      const message = JSON.parse(String(data))
      ${answer}
    })
    setInterval(() => { for (const [id, socket] of waiting) if (socket.readyState !== 1) waiting.delete(id) }, 1000)
    new WebSocketServer({ port: 8080 }).on('connection', (socket) => {
      let name
      socket.on('message', (raw) => {
        const message = JSON.parse(String(raw))
        ${keep}
        child.stdin.write(JSON.stringify(message))
      })
      socket.on('close', () => { if (waiting.get(name) === socket) waiting.delete(name) })
    })`
  const ANSWER = 'waiting.get(message.id)?.send(JSON.stringify(message)); waiting.delete(message.id)'
  const collided = (program: Program): readonly string[] => factsOf(program).collisions.map((fact) => fact.store)

  it('wait for an answer, and get that to another', () => {
    expect(collided(relay('waiting.set(message.id, socket)', ANSWER))).toEqual(['waiting'])
  })

  it.each([
    ['a number of our own', 'const own = next++; waiting.set(own, socket); message.id = own', ANSWER],
    [
      'a name to be written to',
      'name = message.name; waiting.set(message.name, socket); waiting.get(message.to)?.send(message.text)',
      '',
    ],
  ])('do not: %s', (_, keep, answer) => {
    expect(collided(relay(keep, answer))).toEqual([])
  })
})

describe('records of two stores that one class makes', () => {
  it('are told by what the class calls them', () => {
    const program = `
      import express from 'express'
      class Users {
        users = new Map()
        async get(id) { return this.users.get(id) }
        async put(user) { this.users.set(user.id, user) }
      }
      const staff = new Users()
      const guests = new Users()
      const app = express()
      app.post('/callback', async (req, res) => {
        const { sub } = await identityOf(req.headers.authorization)
        const known = await guests.get(sub)
        const token = await exchange(req.body.code)
        await guests.put({ id: sub, count: known.count + 1, token })
        res.json(await staff.get(sub))
      })
      app.listen(3000)`
    for (const fact of staleWrites(program)) expect(fact).toMatch(/^users /)
    expect(staleWrites(program)).toHaveLength(1)
  })
})

describe('what each session puts into an object that all of them share', () => {
  const sink = 'class Sink { constructor(s) { this.s = s } log(m) { this.s.server.sendLoggingMessage({ data: m }) } }'
  const program = (declared: string, opened: string, used: string): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${declared}
    const app = express()
    app.post('/mcp', async (req, res) => {
      const server = new McpServer({})
      server.registerTool('hello', {}, async () => { ${used} })
      ${opened}
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await server.connect(transport)
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
  const held = (declared: string, opened: string, used: string): readonly string[] =>
    factsOf(program(declared, opened, used)).sharedVariables.map(({ name, holds }) => `${name}: ${holds}`)
  const all =
    'class All { sinks = []; set(...l) { this.sinks = [...l] } log(m) { for (const s of this.sinks) s.log(m) } }'

  it.each([
    ['a wrapper', `${sink}\nlet sink`, 'sink = new Sink(server)', 'sink.log("x")', 'sink: server'],
    ['a list', `${sink}\nlet sinks = []`, 'sinks = [new Sink(server)]', 'sinks[0].log("x")', 'sinks: server'],
    [
      'a list within, through a method',
      `${sink}\n${all}\nconst log = new All()`,
      'const mine = []; mine.push(new Sink(server)); log.set(...mine)',
      'log.log("x")',
      'sinks: server',
    ],
    [
      'several fields at once',
      'class Context { set(o) { Object.assign(this, o) } }\nconst context = new Context()',
      'context.set({ server, level: "info" })',
      'context.server.server.sendLoggingMessage({})',
      'server: server',
    ],
    [
      'a field of the one instance that the first request makes',
      'class Log { static get() { return (Log.one ??= new Log()) } }',
      'Log.get().server = server',
      'Log.get().server.server.sendLoggingMessage({})',
      'server: server',
    ],
    [
      'a function of the platform',
      '',
      'console.log = (m) => server.server.sendLoggingMessage({ data: m })',
      'console.log("x")',
      'console.log: server',
    ],
    [
      'any function of the platform',
      '',
      'for (const level of ["log", "warn"]) console[level] = (m) => server.server.sendLoggingMessage({ data: m })',
      'console.warn("x")',
      'console.*: server',
    ],
  ])('is the newest one’s: %s', (_, declared, opened, used, expected) => {
    expect(held(declared, opened, used)).toContain(expected)
  })

  it.each([
    ['an object of the session', `${sink}\n${all}`, 'const log = new All(); log.set(new Sink(server))', 'log.log("x")'],
    ['nothing of a session', `${all}\nconst log = new All()`, 'log.set(console)', 'log.log("x")'],
    [
      'one more of a list of all',
      `${sink}\nlet sinks = []`,
      'sinks = [...sinks, new Sink(server)]',
      'for (const s of sinks) s.log("x")',
    ],
    [
      'kept under a key',
      `${sink}\nconst sinks = new Map()`,
      'const key = crypto.randomUUID(); sinks.set(key, new Sink(server))',
      'sinks.get(key).log("x")',
    ],
    [
      'silence',
      '',
      'const log = console.log; console.log = () => {}; await work(); console.log = log',
      'console.log("x")',
    ],
  ])('is not: %s', (_, declared, opened, used) => {
    expect(held(declared, opened, used)).toEqual([])
  })
})

describe('what a client logs in elsewhere with', () => {
  const server = (kept: string, add: string, use: string): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { query } from './clusters.js'
    ${kept}
    const app = express()
    app.post('/mcp', async (req, res) => {
      const mine = new Map()
      const server = new McpServer({ name: 'x', version: '1' })
      server.registerTool('add', {}, async ({ name, host, password }, extra) => { ${add}; return { content: [] } })
      server.registerTool('ask', {}, async ({ name, sql }, extra) => ({ content: [await ${use}] }))
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
      await server.connect(transport)
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
  const kept = (program: string): readonly string[] =>
    factsOf(program).sharedVariables.map((fact) => `${fact.name}: ${fact.holds} ${place(fact.written)}`)

  it.each([
    [
      'in a map',
      'const all = new Map()',
      'all.set(name, { host, password })',
      'query(all.get(name), sql)',
      'all: logins server.ts:10',
    ],
    [
      'by a class',
      `class Clusters { all = {}; add(config) { this.all[config.name] = config } get(name) { return this.all[name] } }
       const clusters = new Clusters()`,
      'clusters.add({ name, host, password })',
      'query(clusters.get(name), sql)',
      'all: logins server.ts:5',
    ],
  ])('is used by whoever names it where it is kept for all %s', (_where, declared, add, use, found) => {
    expect(kept(server(declared, add, use))).toEqual([found])
  })

  const stores = `const stores = new Map()
      function storeOf(id) { if (!stores.has(id)) stores.set(id, new Map()); return stores.get(id) }
      storeOf('pipe')`

  it('is used by whoever names it in a container that its caller names', () => {
    const program = server(
      stores,
      'storeOf("all").set(name, { host, password })',
      'query(storeOf("all").get(name), sql)',
    )
    expect(kept(program)).toEqual(['sessions: logins server.ts:12'])
  })

  it.each([
    ['for each session', '', 'mine.set(name, { host, password })', 'query(mine.get(name), sql)'],
    [
      'in a container of the session, of which start-up has made one',
      stores,
      'storeOf(extra.sessionId).set(name, { host, password })',
      'query(storeOf(extra.sessionId).get(name), sql)',
    ],
    [
      'under the session',
      'const all = new Map()',
      'all.set(extra.sessionId, { host, password })',
      'query(all.get(extra.sessionId), sql)',
    ],
    ['without what lets in', 'const all = new Map()', 'all.set(name, { host })', 'query(all.get(name), sql)'],
  ])('is nobody else’s where it is kept %s', (_where, declared, add, use) => {
    expect(kept(server(declared, add, use))).toEqual([])
  })
})

describe('a number that Redis keeps for each caller', () => {
  const program = (work: string, client = 'await createClient({ url: process.env.REDIS_URL }).connect()'): string => `
    import { FastMCP } from 'fastmcp'
    import { createClient } from 'redis'
    import { jwtVerify } from 'jose'
    const redis = ${client}
    const left = async (key) => Number((await redis.get(\`credits:\${key}\`)) ?? 20)
    const keep = (key, count) => redis.set(\`credits:\${key}\`, String(count), { EX: 86400 })
    const server = new FastMCP({ authenticate: async ({ headers }) => {
      const token = (headers.authorization ?? '').slice(7)
      const { payload } = await jwtVerify(token, keys, { audience: 'here' })
      return { sub: payload.sub }
    } })
    server.addTool({ name: 'render', execute: async ({ frames }, { session }) => { ${work} } })
    server.start({ transportType: 'httpStream', httpStream: { host: '127.0.0.1', port: 7600 } })`

  it.each([
    [
      'before the work',
      'const before = await left(session.sub); await draw(frames); await keep(session.sub, before - frames)',
    ],
    [
      'before a look',
      'let count = await left(session.sub); if (count < frames) return; const made = await draw(frames); count -= frames; await keep(session.sub, count); return made',
    ],
  ])('is old where it was read %s', (_, work) => {
    expect(outcomeOf('shared-session-state', program(work))).toBe('fail')
  })

  it('is the same as a part of a record', () => {
    const work =
      'const before = await left(session.sub); await draw(frames); await redis.set(`credits:${session.sub}`, JSON.stringify({ count: before - frames }))'
    expect(outcomeOf('shared-session-state', program(work))).toBe('fail')
  })

  it('is the same by a client that connects later', () => {
    const work = 'const before = await left(session.sub); await draw(frames); await keep(session.sub, before - frames)'
    expect(outcomeOf('shared-session-state', program(work, 'createClient(); await redis.connect()'))).toBe('fail')
  })

  it.each([
    [
      'is reckoned at once',
      'const before = await left(session.sub); await keep(session.sub, before - frames); return draw(frames)',
    ],
    [
      'is lowered by Redis',
      'const now = await redis.decrBy(`credits:${session.sub}`, frames); if (now < 0) return; return draw(frames)',
    ],
    ['is only told', 'const before = await left(session.sub); await draw(frames); return String(before - frames)'],
    [
      'is of another',
      'const before = await left(session.sub); await draw(frames); await redis.set(`told:${session.sub}`, String(before - frames))',
    ],
    [
      'is a time that has passed since',
      'const before = await left(session.sub); await draw(frames); await redis.set(`credits:${session.sub}`, JSON.stringify({ lasts: before - Date.now() }))',
    ],
    ['is replaced', 'await left(session.sub); const next = await draw(frames); await keep(session.sub, next)'],
  ])('is no race where it %s', (_, work) => {
    expect(outcomeOf('shared-session-state', program(work))).toBe('pass')
  })
})

describe('a field that each request sets for itself', () => {
  const program = (methods: string, more = ''): string => `
    import express from 'express'
    class Endpoint {
      sessionId = null
      find(req) { this.sessionId = req.headers['mcp-session-id'] || 'none' }
      ${methods}
    }
    const endpoint = new Endpoint()
    const app = express()
    app.get('/mcp', async (req, res) => { await endpoint.handle(req, res) })
    app.post('/mcp', async (req, res) => { await endpoint.handle(req, res) })
    ${more}
    app.listen(3000)`
  const read = (methods: string, more?: string): readonly string[] =>
    factsOf(program(methods, more)).sharedVariables.map((fact) => `${fact.name} ${place(fact.read)}`)

  it.each([
    ['at once', 'async handle(req, res) { this.find(req); res.write(this.sessionId) }'],
    [
      'in another method, at once',
      'async handle(req, res) { this.find(req); await this.open(res) }\n async open(res) { res.write(this.sessionId) }',
    ],
  ])('is its own where it is read %s', (_, methods) => {
    expect(read(methods)).toEqual([])
  })

  it.each([
    [
      'after something else',
      'async handle(req, res) { this.find(req); await work(); res.write(this.sessionId) }',
      '',
      5,
    ],
    [
      'on a way that has not set it',
      'async handle(req, res) { if (req.query.first) this.find(req); res.write(this.sessionId) }',
      '',
      5,
    ],
    [
      'by another',
      'async handle(req, res) { this.find(req); res.end() }',
      "app.get('/who', (req, res) => res.send(endpoint.sessionId))",
      11,
    ],
  ])('is anybody’s where it is read %s', (_, methods, more, line) => {
    expect(read(methods, more)).toEqual([`sessionId server.ts:${line}`])
  })
})

describe('whether one is there', () => {
  const program = (route: string): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    let last
    const app = express()
    app.post('/mcp', async (req, res) => {
      const server = new McpServer({})
      last = server
      await server.connect(new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }))
    })
    app.post('/other', (req, res) => { ${route} })
    app.listen(3000)`

  it.each([
    ['null', 'res.json({ up: last !== null })'],
    ['nothing', 'res.json({ up: last != undefined })'],
    ['its type', "res.json({ up: typeof last === 'object' })"],
    ['!', 'res.json({ up: !!last })'],
    ['Boolean', 'res.json({ up: Boolean(last) })'],
    ['?:', "res.send(last ? 'up' : 'down')"],
    ['if', "if (!last) return res.status(503).end(); res.send('up')"],
    ['&&', 'res.json({ up: last && true })'],
  ])('is told of nobody: %s', (_, route) => {
    expect(findingsOf('shared-session-state', program(route))).toEqual([])
  })

  it.each([
    ['after a look', 'if (last !== null) last.sendLoggingMessage(req.body)'],
    ['on the right', 'const to = req.body && last; to.sendLoggingMessage(req.body)'],
    ['on the left of another', 'const to = last || fallback; to.sendLoggingMessage(req.body)'],
    ['where it is', 'last?.sendLoggingMessage(req.body)'],
  ])('is not all where it is used %s', (_, route) => {
    expect(findingsOf('shared-session-state', program(route))).toHaveLength(1)
  })
})

it('An ID of the program itself is made once, whatever plugins have to say of it', () => {
  const program = `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { randomUUID } from 'node:crypto'
    const plugins = new Map()
    const usage = {
      id: null,
      async begin() { if (!this.id) this.id = await idOf() },
      count(event) { this.begin().then(() => { if (this.id) void fetch('https://usage.example', { body: this.id + event }) }) },
    }
    async function idOf() {
      plugins.set('cluster', { said: await (await fetch('http://cluster')).json() })
      const plugin = plugins.get('cluster')
      return plugin.said.uid ? plugin.said.uid : randomUUID()
    }
    const app = express()
    app.post('/mcp', async (req, res) => {
      const server = new McpServer({})
      server.registerTool('count', {}, async () => { usage.count('called') })
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await server.connect(transport)
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
  expect(findingsOf('shared-session-state', program)).toEqual([])
})

describe('the session that initialize has made last', () => {
  const program = (init: string, rest: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    const sessions = new Map()
    let last
    const app = express()
    app.use(express.json())
    app.post('/mcp', async (req, res) => {
      const { method, id, params } = req.body
      if (method === 'initialize') {
        const made = { id: randomUUID(), client: params.clientInfo }
        sessions.set(made.id, made)
        ${init}
        res.setHeader('mcp-session-id', made.id)
        return res.json({ jsonrpc: '2.0', id, result: {} })
      }
      ${rest}
      if (method === 'tools/call') return res.json({ jsonrpc: '2.0', id, result: await call(params, session) })
      res.json({ jsonrpc: '2.0', id, result: {} })
    })
    app.get('/status', (req, res) => res.json({ last: last?.client }))
    app.listen(3000)`
  const found = "const session = sessions.get(req.headers['mcp-session-id'])"
  const what = 'last holds the session of whoever came last: each request overwrites it and others read it.'

  it.each([
    ['itself', 'last = made', 'const session = last; if (!session) return res.status(400).end()'],
    ['by its ID', 'last = made.id', 'const session = sessions.get(last)'],
    ['where another is not named', 'last = made', `${found} ?? last`],
  ])('is that of all who come after: %s', (_, init, rest) => {
    expect(findingsOf('shared-session-state', program(init, rest))).toEqual([`server.ts:12: ${what}`])
  })

  it.each([
    ['told of elsewhere', 'last = made', found],
    ['looked for', 'last = made', `if (!last) return res.status(400).end(); ${found}`],
    [
      'held against the ID that comes in',
      'last = made.id',
      `if (req.headers['mcp-session-id'] !== last) return res.status(404).end(); ${found}`,
    ],
    [
      'held against it by its field',
      'last = made',
      `if (req.headers['mcp-session-id'] !== last?.id) return res.status(404).end(); ${found}`,
    ],
  ])('is nobody else’s where it is only %s', (_, init, rest) => {
    expect(findingsOf('shared-session-state', program(init, rest))).toEqual([])
  })

  it('is the same in a class of its own, by a function that makes one where there is none', () => {
    const own = `
      import express from 'express'
      import { randomUUID } from 'node:crypto'
      class Server {
        current
        all = new Map()
        open() { const made = { id: randomUUID() }; this.all.set(made.id, made); return made }
        find() {
          if (this.current) return this.current
          const made = this.open()
          this.current = made
          return made
        }
        async handle(message) {
          if (message.method === 'initialize') { this.current = this.open(); return { id: message.id, result: {} } }
          const session = this.find()
          if (message.method === 'tools/call') return { id: message.id, result: await call(message.params, session) }
        }
      }
      const server = new Server()
      const app = express()
      app.post('/mcp', async (req, res) => { res.json(await server.handle(req.body)) })
      app.listen(3000)`
    expect(findingsOf('shared-session-state', own)).toEqual([
      'server.ts:14: current holds the session of whoever came last: each request overwrites it and others read it.',
    ])
  })
})

describe('a server that is kept by name', () => {
  const program = (key: string, make: string, path = '/mcp'): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const servers = new Map()
    function serverFor(name) {
      let server = servers.get(name)
      if (!server) { server = ${make}; servers.set(name, server) }
      return server
    }
    const app = express()
    app.post('${path}', async (req, res) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
      await serverFor(${key})${make.startsWith('()') ? '()' : ''}.connect(transport)
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
  const MADE = "new McpServer({ name: 'notes', version: '1' })"
  it.each([
    ['the name of the program', program("'notes'", MADE), 'fail'],
    ['a part of the path', program('req.params.app', MADE, '/:app/mcp'), 'fail'],
    ['the ID of the session', program("req.headers['mcp-session-id']", MADE), 'pass'],
    ['the session in the path', program('req.params.sessionId', MADE, '/:sessionId/mcp'), 'pass'],
    ['what a header says', program("req.headers['x-tenant']", MADE), 'pass'],
    ['the name of what makes one', program("'notes'", `() => ${MADE}`), 'pass'],
  ])('%s', (_, text, expected) => {
    expect(outcomeOf('shared-session-state', text)).toBe(expected)
  })

  it('serves all, not one mode of operation', () => {
    expect(findingsOf('shared-session-state', program("'notes'", MADE))).toEqual([
      expect.stringContaining('One server object serves all sessions: it is made once'),
    ])
  })
})

describe('one transport for all, in a mode of operation', () => {
  const program = (mode: string, test: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${mode}
    const sessions = new Map()
    const app = express()
    app.post('/mcp', async (req, res) => {
      if (${test}) {
        const session = sessions.get(req.headers['mcp-session-id'])
        if (session) return session.transport.handleRequest(req, res)
        const transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (id) => sessions.set(id, { transport }),
        })
        await new McpServer({}).connect(transport)
        return transport.handleRequest(req, res)
      }
      if (!sessions.has('one')) {
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
        await new McpServer({}).connect(transport)
        sessions.set('one', { transport })
      }
      await sessions.get('one').transport.handleRequest(req, res)
    })
    app.listen(3000)`
  const told = (mode: string, test: string): readonly string[] =>
    findingsOf('shared-session-state', program(mode, test)).map((text) =>
      text.replace(/^server.ts:\d+: |sessions.*$/g, ''),
    )

  it.each([
    ['that is chosen', "const mode = process.env.MODE || 'sessions'", "mode === 'sessions'"],
    ['that is switched on', 'const isStateless = Boolean(process.env.STATELESS)', '!isStateless'],
  ])('%s, is half a finding', (_, mode, test) => {
    expect(told(mode, test)).toEqual(['In one mode of operation, '])
  })

  it.each([
    ['by default', "const mode = process.env.MODE || 'stateless'", "mode === 'sessions'"],
    ['for requests that ask for it', '', "req.query.mode === 'sessions'"],
  ])('%s, is a whole one', (_, mode, test) => {
    expect(told(mode, test)).toEqual([''])
  })
})

describe('a program that all clients talk to', () => {
  const bridge = (said: string, before: string, asked = "child.stdin.write(message + '\\n')"): string => `
    import { WebSocketServer } from 'ws'
    import { spawn } from 'node:child_process'
    import { createInterface } from 'node:readline'
    const clients = new Set()
    const pending = new Map()
    const wss = new WebSocketServer({ port: 3000 })
    ${before}
    ${said}
    wss.on('connection', (ws) => {
      clients.add(ws)
      ws.on('message', (message) => { ${asked} })
    })`
  const CHILD = "const child = spawn('mcp', [])"
  const EACH = '{ for (const client of clients) client.send(String(line)) }'
  it.each([
    ['its output', bridge(`child.stdout.on('data', (line) => ${EACH})`, CHILD)],
    ['its lines', bridge(`createInterface({ input: child.stdout }).on('line', (line) => ${EACH})`, CHILD)],
    ['through pipes', bridge(`child.stdout.setEncoding('utf8').pipe(split()).on('data', (line) => ${EACH})`, CHILD)],
    [
      'to all connections',
      bridge("child.stdout.on('data', (line) => wss.clients.forEach((client) => client.send(line)))", CHILD),
    ],
  ])('answers everybody: %s', (_, program) => {
    expect(findingsOf('shared-session-state', program)).toEqual([
      expect.stringMatching(/Every message is sent to all sessions in clients/),
    ])
  })

  const numbered = `
    const asked = JSON.parse(message)
    pending.set(asked.id, ws)
    child.stdin.write(message)`
  it.each([
    [
      'the one who asked',
      bridge("child.stdout.on('data', (line) => pending.get(JSON.parse(line).id)?.send(line))", CHILD, numbered),
    ],
    [
      'the one who asked, and tells everybody what is no answer',
      bridge(
        `child.stdout.on('data', (line) => { const said = JSON.parse(line); if ('method' in said) ${EACH} else pending.get(said.id)?.send(line) })`,
        CHILD,
        numbered,
      ),
    ],
    ['nobody, as nobody asks it', bridge(`child.stdout.on('data', (line) => ${EACH})`, CHILD, '')],
    [
      'its own client',
      bridge(
        '',
        '',
        "const child = spawn('mcp', []); child.stdout.on('data', (line) => ws.send(line)); child.stdin.write(message)",
      ),
    ],
  ])('answers %s', (_, program) => {
    expect(factsOf(program).broadcasts).toEqual([])
  })
})
