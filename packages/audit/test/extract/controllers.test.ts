/** Controllers of NestJS: routes and parts of the request by decorators, services and settings by injection. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, listenersOf, outcomeOf, type Program } from './programs.ts'

const HEADER = `
    import { Body, Controller, Headers, Injectable, Module, Param, Post, Query, Res } from '@nestjs/common'
    import { ConfigService } from '@nestjs/config'
    import { NestFactory } from '@nestjs/core'
    import { randomUUID } from 'node:crypto'`

/** Answers MCP by hand; sessions are kept by tenant and ID in a service that is injected. */
function server(parameters: string, id: string, start = ''): string {
  return `${HEADER}
    @Injectable() class Sessions {
      private readonly byTenant = new Map<string, Map<string, { notes: string[] }>>()
      open(tenant: string) {
        const id = randomUUID()
        if (!this.byTenant.has(tenant)) this.byTenant.set(tenant, new Map())
        this.byTenant.get(tenant)!.set(id, { notes: [] })
        return id
      }
      find(tenant: string, id: string) { return this.byTenant.get(tenant)?.get(id) }
    }
    @Controller('mcp') class Endpoint {
      constructor(private readonly sessions: Sessions, private readonly config: ConfigService) {}
      @Post(':tenant') async post(@Param('tenant') tenant: string, ${parameters}) {
        if (body.method === 'initialize') return { sessionId: this.sessions.open(tenant) }
        if (body.method === 'tools/call') return this.sessions.find(tenant, ${id})?.notes
      }
    }
    @Module({ controllers: [Endpoint], providers: [Sessions] }) class App {}
    NestFactory.create(App).then(async (app) => {
      const settings = app.get(ConfigService)
      ${start}
      await app.listen(3000, settings.get('HOST') || '0.0.0.0')
    })`
}

describe('a controller', () => {
  it.each([
    ['the body', '@Body() body: any', 'body.params.sessionId'],
    ['a part of the body', "@Body('params') params: any, @Body() body: any", 'params.session_id'],
    ['a header', "@Body() body: any, @Headers('mcp-session-id') id: string", 'id'],
    ['all headers', '@Body() body: any, @Headers() all: any', "all['mcp-session-id']"],
    ['the query', "@Body() body: any, @Query('sessionId') id: string", 'id'],
  ])('is given the ID of the session in %s', (_, parameters, id) => {
    const program = server(parameters, id)
    expect(findingsOf('missing-session-expiry', program)).toHaveLength(1)
    expect(outcomeOf('missing-session-invalidation', program)).toBe('fail')
    expect(outcomeOf('client-supplied-session-id', program)).toBe('pass')
    expect(factsOf(program).dispatches.map(({ verb }) => verb)).toContain('POST')
  })

  it('serves MCP, once, to whatever page asks', () => {
    expect(findingsOf('missing-origin-check', server('@Body() body: any', 'body.params.sessionId'))).toHaveLength(1)
  })

  it('takes a key from the path', () => {
    const program = `${HEADER}
    import { accounts } from './accounts.ts'
    @Controller('things') class Things {
      @Post(':apiKey') list(@Param('apiKey') key: string) { return accounts.of(key) }
    }
    NestFactory.create(Things).then((app) => app.listen(3000))`
    expect(findingsOf('session-token-in-url', program)).toEqual([
      expect.stringContaining('A credential is accepted in the path parameter apiKey'),
    ])
  })

  it('is nobody’s route by decorators of the same name from elsewhere', () => {
    const program = server('@Body() body: any', 'body.params.sessionId').replaceAll('@nestjs/common', './decorators.ts')
    expect(factsOf(program).stores).toEqual([])
  })
})

describe('guards of NestJS', () => {
  const guarded = (guard: string, before = '', start = ''): string => `
    import { Body, Controller, Headers, Injectable, Module, Post, SetMetadata, UseGuards } from '@nestjs/common'
    import { APP_GUARD, NestFactory, Reflector } from '@nestjs/core'
    import { AuthGuard } from '@nestjs/passport'
    import { randomUUID } from 'node:crypto'
    import { verifyToken } from './tokens.ts'
    ${before}
    @Controller('mcp') ${guard} class Endpoint {
      private readonly sessions = new Map<string, { notes: string[] }>()
      @Post() post(@Body() body: any, @Headers('mcp-session-id') id: string) {
        if (body.method === 'initialize') {
          const made = randomUUID()
          this.sessions.set(made, { notes: [] })
          return { sessionId: made }
        }
        if (body.method === 'tools/call') return this.sessions.get(id)?.notes
      }
    }
    @Module({ controllers: [Endpoint], providers: [${start}] }) class App {}
    NestFactory.create(App).then((app) => app.listen(3000))`
  const own = (body: string): string => `
    class Guard extends AuthGuard('jwt') {
      constructor(private readonly reflector: Reflector) { super() }
      async canActivate(context) { ${body} }
    }`
  const isOpen = "if (this.reflector.getAllAndOverride('open', [context.getHandler(), context.getClass()])) return true"

  it.each([
    ['of passport', guarded("@UseGuards(AuthGuard('jwt'))"), 'always'],
    [
      'of one’s own, which asks that one',
      guarded('@UseGuards(Guard)', own('return super.canActivate(context)')),
      'always',
    ],
    [
      'of one’s own, which asks that one from another method',
      guarded(
        '@UseGuards(Guard)',
        own(
          'return this.ask(context)\n}\nasync ask(context) {\ntry { return await super.canActivate(context) } catch { throw new Error() }',
        ),
      ),
      'always',
    ],
    [
      'that lets pass what is declared open, which this is not',
      guarded('@UseGuards(Guard)', own(`${isOpen}\nreturn super.canActivate(context)`)),
      'always',
    ],
    [
      'that lets pass what is declared open, which this is',
      guarded("@UseGuards(Guard) @SetMetadata('open', true)", own(`${isOpen}\nreturn super.canActivate(context)`)),
      'never',
    ],
    [
      'that compares a key',
      guarded(
        '@UseGuards(Guard)',
        own("return context.switchToHttp().getRequest().headers['x-api-key'] === process.env.API_KEY"),
      ),
      'always',
    ],
    ['that lets everybody pass', guarded('@UseGuards(Guard)', own('console.log(context)\nreturn true')), 'never'],
    [
      'of the whole app',
      guarded('', own('return super.canActivate(context)'), '{ provide: APP_GUARD, useClass: Guard }'),
      'always',
    ],
    ['none', guarded(''), 'never'],
  ])('%s', (_, program, authenticated) => {
    expect([...new Set(factsOf(program).dispatches.map((fact) => fact.authenticated))]).toEqual([authenticated])
  })
})

describe('a module that serves MCP by itself', () => {
  const served = (options: string): string => `
    import { Module } from '@nestjs/common'
    import { NestFactory } from '@nestjs/core'
    import { McpModule, McpTransportType } from '@rekog/mcp-nest'
    @Module({ imports: [McpModule.forRoot({ name: 'notes', version: '1', ${options} })] }) export class App {}
    NestFactory.create(App).then((app) => app.listen(3000))`

  it.each([
    ['as it is', '', []],
    ['with options of its transport', 'streamableHttp: { enableJsonResponse: true }', ['record']],
    ['without sessions', 'streamableHttp: { statelessMode: true }', []],
    ['on standard input', 'transport: McpTransportType.STDIO, streamableHttp: { enableJsonResponse: true }', []],
  ])('keeps sessions, or none: %s', (_, options, stores) => {
    expect(factsOf(served(options)).stores.map(({ kind }) => kind)).toEqual(stores)
  })

  it('serves whoever has the ID of a session, for ever', () => {
    const program = served('streamableHttp: { enableJsonResponse: true }')
    expect(outcomeOf('unbound-session', program)).toBe('fail')
    expect(outcomeOf('missing-session-expiry', program)).toBe('fail')
    expect(outcomeOf('missing-session-invalidation', program)).toBe('pass')
    expect(outcomeOf('missing-origin-check', program)).toBe('fail')
  })

  it('behind guards that are not followed, of whom nothing is said', () => {
    const program = served('guards: [Guard], streamableHttp: { enableJsonResponse: true }')
    expect(factsOf(program).dispatches.map(({ behindUnknown }) => behindUnknown)).toEqual([true])
  })
})

describe('settings of @nestjs/config', () => {
  it.each([
    ["settings.get('HOST') || '0.0.0.0'", '0.0.0.0'],
    ["settings.get('HOST') ?? '127.0.0.1'", '127.0.0.1'],
    ["settings.get<string>('HOST', 'localhost')", 'localhost'],
    ["settings.get('HOST')", 'network'],
  ])('fall back to a default: %s', (host, reach) => {
    const program = server('@Body() body: any', '1').replace("settings.get('HOST') || '0.0.0.0'", host)
    expect(listenersOf(program)).toEqual([expect.stringContaining(` ${reach}`)])
  })

  it('are secrets that fall back to text', () => {
    const program = server('@Body() body: any', '1').replace(
      'async post(',
      "async sign(@Body() text: any) { return createHmac('sha256', this.config.get('SIGNING_PHRASE', 'sign-it')).update(text).digest('hex') }\n@Post('x') async post(",
    )
    const imported = program.replace('{ randomUUID }', '{ createHmac, randomUUID }')
    expect(outcomeOf('weak-session-secret', imported)).toBe('fail')
  })
})

describe('CORS of a NestJS app', () => {
  it.each([
    ['app.enableCors()', ['any']],
    ["app.enableCors({ origin: ['https://a.example'] })", ['listed']],
    ['app.enableCors({ origin: true, credentials: true })', ['reflected']],
  ])('%s', (start, allows) => {
    const program = server('@Body() body: any', '1', start)
    expect(factsOf(program).cors.map((fact) => fact.allows)).toEqual(allows)
  })
})

describe('CORS that refuses', () => {
  const answering = (answer: string): string =>
    server(
      '@Body() body: any',
      '1',
      `app.enableCors({
        origin: (origin, done) => {
          if (!origin || ['https://desk.example'].includes(origin)) return done(null, true)
          ${answer}
        },
      })`,
    )
  it.each([
    ['by an error', "done(new Error('who is that?'))", 'pass'],
    ['by leaving out a header', 'done(null, false)', 'fail'],
  ])('%s', (_, answer, outcome) => {
    expect(outcomeOf('missing-origin-check', answering(answer))).toBe(outcome)
  })
})

describe('a tool that is given the ID of what a caller calls a session', () => {
  it('makes no store of sessions of the protocol', () => {
    const program = `
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
      const games = new Map()
      const server = new McpServer({ name: 'games', version: '1' })
      server.tool('new', {}, () => { const id = crypto.randomUUID(); games.set(id, {}); return { content: [] } })
      server.tool('move', { sessionId: true }, ({ sessionId }) => ({ content: [games.get(sessionId)] }))
      server.connect(new StdioServerTransport())`
    expect(factsOf(program).stores).toEqual([])
  })
})

/** Of a tree that has not the file that starts the server. */
describe('a controller for a server that is elsewhere', () => {
  const controller = (id: string): string => `
    import { Controller, Get, Headers, Query } from '@nestjs/common'
    import { eq } from 'drizzle-orm'
    import { z } from 'zod'
    import { db, conversations } from './db.ts'
    const Wanted = z.object({ sessionId: z.string(), since: z.string().optional() })
    @Controller('chat')
    export class ChatController {
      @Get('messages')
      async list(@Query() raw: Record<string, string>, @Headers('x-session-id') header: string) {
        const parsed = Wanted.safeParse(raw)
        if (!parsed.success) throw new Error('invalid')
        return db.select().from(conversations).where(eq(conversations.session, ${id}))
      }
    }`

  it('is a server’s code', () => {
    expect(factsOf(controller('header')).hasServerCode).toBe(true)
  })

  it('takes an ID from the query string where all of that is taken', () => {
    const [found = '', ...more] = findingsOf('session-token-in-url', controller('parsed.data.sessionId'))
    expect(found).toMatch(/^server\.ts:10: .*sessionId/)
    expect(more).toEqual([])
    expect(findingsOf('session-token-in-url', controller('header'))).toEqual([])
  })
})

describe('a controller that a function makes', () => {
  const sessions = `
    import { Injectable } from '@nestjs/common'
    import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
    @Injectable() export class Sessions {
      private readonly byServer = new Map<string, Map<string, SSEServerTransport>>()
      add(name: string, transport: SSEServerTransport) {
        if (!this.byServer.has(name)) this.byServer.set(name, new Map())
        this.byServer.get(name)!.set(transport.sessionId, transport)
      }
      remove(name: string, id: string) { this.byServer.get(name)?.delete(id) }
      find(name: string, id: string) { return this.byServer.get(name)?.get(id) }
    }`
  const servers = (found: string): string => `
    import { Injectable } from '@nestjs/common'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    @Injectable() export class Servers {
      private readonly byName = new Map<string, McpServer>()
      private readonly makers = new Map<string, () => McpServer>()
      add(name: string) {
        this.byName.set(name, new McpServer({ name, version: '1.0.0' }))
        this.makers.set(name, () => new McpServer({ name, version: '1.0.0' }))
      }
      async connect(name: string, transport: unknown) { await ${found}.connect(transport) }
    }`
  const controller = `
    import { Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common'
    import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
    import type { Request, Response } from 'express'
    import { Servers } from './servers'
    import { Sessions } from './sessions'
    export function controllerAt(base: string, events = 'events') {
      @Controller(base)
      class Endpoint {
        constructor(private readonly sessions: Sessions, private readonly servers: Servers) {}
        @Get(\`:name/\${events}\`) async open(@Res() res: Response, @Param('name') name: string) {
          const transport = new SSEServerTransport('messages', res)
          this.sessions.add(name, transport)
          res.on('close', () => this.sessions.remove(name, transport.sessionId))
          await this.servers.connect(name, transport)
        }
        @Post(':name/messages')
        async post(@Req() req: Request, @Res() res: Response, @Param('name') name: string, @Query('sessionId') id: string) {
          const transport = this.sessions.find(name, id)
          if (!transport) return res.status(404).end()
          await transport.handlePostMessage(req, res)
        }
      }
      return Endpoint
    }`
  const module = (provider: string): string => `
    import { Module } from '@nestjs/common'
    import { controllerAt } from './controller'
    import { Servers } from './servers'
    import { Sessions } from './sessions'
    function make() { const made = new Servers(); made.add('notes'); return made }
    @Module({})
    export class McpModule {
      static forRoot(base: string) {
        return { module: McpModule, controllers: [controllerAt(base)], providers: [{ provide: Servers, ${provider} }, Sessions] }
      }
    }`
  const app = `
    import { Module } from '@nestjs/common'
    import { NestFactory } from '@nestjs/core'
    import { McpModule } from './mcp.module'
    @Module({ imports: [McpModule.forRoot('mcp')] }) class App {}
    NestFactory.create(App).then((made) => made.listen(3000, '0.0.0.0'))`
  const library = (found: string, provider: string): Program => ({
    'src/sessions.ts': sessions,
    'src/servers.ts': servers(found),
    'src/controller.ts': controller,
    'src/mcp.module.ts': module(provider),
    'src/index.ts': "export * from './mcp.module'\nexport * from './servers'\nexport * from './sessions'",
    'package.json': '{"name":"notes","main":"dist/index.js","dependencies":{"@modelcontextprotocol/sdk":"1.8.0"}}',
  })
  const ONE = 'this.byName.get(name)!'

  it.each(['useValue: make()', 'useFactory: () => make()'])(
    'serves the services of its module, made by %s',
    (provider) => {
      const program = { ...(library(ONE, provider) as object), 'src/main.ts': app }
      expect(outcomeOf('unbound-session', program)).toBe('fail')
      expect(outcomeOf('session-token-in-url', program)).toBe('fail')
      expect(outcomeOf('missing-origin-check', program)).toBe('fail')
      expect(findingsOf('missing-session-expiry', program)).toEqual([])
      expect(findingsOf('shared-session-state', program)).toEqual([
        'src/servers.ts:10: One server object serves all sessions: it is made once and connected again for every session.',
      ])
    },
  )

  it('makes a server for each session', () => {
    const program = { ...(library('this.makers.get(name)!()', 'useValue: make()') as object), 'src/main.ts': app }
    expect(findingsOf('shared-session-state', program)).toEqual([])
    expect(outcomeOf('unbound-session', program)).toBe('fail')
  })

  it('serves where nobody here asks for its module', () => {
    const program = library(ONE, 'useValue: make()')
    expect(outcomeOf('session-token-in-url', program)).toBe('fail')
    expect(outcomeOf('missing-origin-check', program)).toBe('fail')
    expect(findingsOf('missing-session-invalidation', program)).toEqual([])
  })
})
