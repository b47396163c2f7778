/** A request to a controller of NestJS: what it passes, and that all see the same request. */
import { describe, expect, it } from 'vitest'
import { authenticationOf, findingsOf, outcomeOf } from './programs.ts'

const HEAD = `
  import { All, Catch, Controller, createParamDecorator, Injectable, Module, NotFoundException, Req, Res, UnauthorizedException, UseGuards } from '@nestjs/common'
  import { NestFactory } from '@nestjs/core'
  import { randomUUID } from 'node:crypto'
  import { jwtVerify } from 'jose'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  async function userOf(req) {
    const { payload } = await jwtVerify(req.headers.authorization.slice(7), keys, { audience: 'mcp', issuer: 'us' })
    return payload.sub
  }`

const CALLER = 'const Caller = createParamDecorator((_, context) => context.switchToHttp().getRequest().caller)'

interface Parts {
  /** What stands before the controller. */
  readonly before: string
  readonly decorator?: string
  readonly routes?: string
  /** A parameter, and what sessions are compared with. */
  readonly given?: string
  readonly check?: string
}

function server({ before, decorator = '', routes = '', given = '', check = '' }: Parts): string {
  return `${HEAD}
  ${CALLER}
  ${before}
  @Controller('mcp') ${decorator}
  class Endpoint {
    sessions = new Map()
    @All() async handle(@Req() req, @Res() res ${given}) {
      const id = req.headers['mcp-session-id']
      if (id) {
        const found = this.sessions.get(id)
        if (!found ${check}) throw new NotFoundException()
        return found.transport.handleRequest(req, res, req.body)
      }
      const owner = ${given === '' ? 'req.caller' : 'caller'}
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => { this.sessions.set(id, { owner, transport }) },
      })
      await transport.handleRequest(req, res, req.body)
    }
  }
  @Module({ controllers: [Endpoint] }) class App { ${routes} }
  NestFactory.create(App).then((app) => app.listen(3000, '127.0.0.1'))`
}

const GUARD = `@Injectable() class Guard {
    async canActivate(context) {
      const request = context.switchToHttp().getRequest()
      try { request.caller = await userOf(request) } catch { throw new UnauthorizedException() }
      return true
    }
  }`
const MIDDLEWARE = `@Injectable() class Access {
    async use(req, res, next) {
      try { req.caller = await userOf(req) } catch { return res.status(401).end() }
      next()
    }
  }`

describe('who is found out before a controller', () => {
  const guarded = { before: GUARD, decorator: '@UseGuards(Guard)' }
  const standing = { before: MIDDLEWARE, routes: 'configure(consumer) { consumer.apply(Access).forRoutes(AT) }' }

  it.each([
    ['on the request, by a guard', { ...guarded, check: '|| found.owner !== req.caller' }],
    ['by a decorator', { ...guarded, given: ', @Caller() caller', check: '|| found.owner !== caller' }],
    ['on the request, by middleware', { ...standing, check: '|| found.owner !== req.caller' }],
  ])('is who the session is compared with: %s', (_, parts) => {
    expect(outcomeOf('unbound-session', server(parts).replace('AT', "'mcp'"))).toBe('pass')
  })

  it.each([
    ['a guard', guarded],
    ['middleware', standing],
  ])('is nobody where nothing is compared: %s', (_, parts) => {
    expect(outcomeOf('unbound-session', server(parts).replace('AT', "'mcp'"))).toBe('fail')
  })
})

describe('a caller whom a guard describes on the request', () => {
  const guard = (internal: string): string => `@Injectable() class Guard {
    async canActivate(context) {
      const request = context.switchToHttp().getRequest()
      if (isPublic(context.getHandler())) return true
      const own = this.internal(request)
      if (own) { request.auth = own; return true }
      request.auth = { known: true, user: await userOf(request) }
      return true
    }
    internal(request) {
      ${internal}
      return { known: true, user: 'internal' }
    }
  }`
  const asks = (internal: string): string =>
    server({ before: guard(internal), decorator: '@UseGuards(Guard)' }).replace(
      'const id = req',
      'if (!req.auth?.known) throw new UnauthorizedException()\n      const id = req',
    )

  it('is known where the handler asks for them', () => {
    const program = asks("if (request.header('x-internal-token') !== process.env.INTERNAL_TOKEN) return null")
    expect(authenticationOf(program).map((text) => text.split(' ').at(-1))).toEqual(['always'])
  })

  it('may be anybody where one way asks for nothing', () => {
    const program = asks("if (request.header('x-internal-token') === undefined) return null")
    expect(authenticationOf(program).map((text) => text.split(' ').at(-1))).not.toContain('always')
  })
})

describe('middleware that a module applies', () => {
  const outcome = (applied: string): string =>
    outcomeOf(
      'unbound-session',
      server({ before: MIDDLEWARE, routes: `configure(consumer) { consumer.apply(Access)${applied} }` }),
    )

  it.each([
    [".forRoutes('*')"],
    [".forRoutes('mcp')"],
    [".forRoutes({ path: '/mcp', method: RequestMethod.ALL })"],
    [".forRoutes({ path: 'mcp*', method: RequestMethod.POST })"],
    ['.forRoutes(Endpoint)'],
    [".exclude('health').forRoutes('*')"],
  ])('verifies: %s', (applied) => {
    expect(outcome(applied)).toBe('fail')
  })

  it.each([
    ['before other routes', ".forRoutes('admin')"],
    ['before all but this one', ".exclude('mcp').forRoutes('*')"],
  ])('is not asked: %s', (_, applied) => {
    expect(outcome(applied)).toBe('notApplicable')
  })
})

describe('what is called beside controllers', () => {
  const writing = (part: string): string => `
    import { Catch, Controller, All, Injectable, Logger, Req } from '@nestjs/common'
    import { tap } from 'rxjs'
    @Controller('mcp') class Endpoint { @All() handle(@Req() req) { return serve(req.headers['mcp-session-id']) } }
    ${part}`

  it.each([
    [
      'a filter',
      '@Catch() class Filter { catch(error, host) { console.error(error, host.switchToHttp().getRequest().WHAT) } }',
    ],
    [
      'a filter that takes the exchange apart',
      '@Catch() class Filter { catch(error, host) { const [req] = host.getArgs(); console.error(error, req.WHAT) } }',
    ],
    [
      'an interceptor',
      '@Injectable() class Trace { intercept(context, next) { const req = context.switchToHttp().getRequest(); return next.handle().pipe(tap(() => console.log(req.WHAT))) } }',
    ],
    [
      'middleware',
      '@Injectable() class Access { logger = new Logger(); use(req, res, next) { this.logger.log(JSON.stringify(req.WHAT)); next() } }',
    ],
  ])('writes down what it sees: %s', (_, part) => {
    expect(findingsOf('session-token-exposure', writing(part.replace('WHAT', 'headers')))).toHaveLength(1)
    expect(findingsOf('session-token-exposure', writing(part.replace('WHAT', 'path')))).toEqual([])
  })
})

describe('guards before a module that serves MCP by itself', () => {
  const program = (root: string, modules: string, started = ''): string => `
    import { Injectable, Module } from '@nestjs/common'
    import { APP_GUARD, NestFactory } from '@nestjs/core'
    import { McpModule, McpTransportType } from '@rekog/mcp-nest'
    @Injectable() class HostGuard {
      allowed = new Set(['localhost', '127.0.0.1'])
      canActivate(context) {
        const host = context.switchToHttp().getRequest().headers.host
        return host ? this.allowed.has(host.split(':')[0]) : false
      }
    }
    @Injectable() class OriginGuard {
      canActivate(context) {
        const { origin } = context.switchToHttp().getRequest().headers
        return origin ? ['http://localhost:3000'].includes(origin) : true
      }
    }
    @Injectable() class LogGuard { canActivate(context) { console.log('asked'); return true } }
    const mcp = (guards) => McpModule.forRoot({ name: 'notes', transport: McpTransportType.STREAMABLE_HTTP, guards })
    ${modules}
    async function start() {
      const app = await NestFactory.create(${root})
      ${started}
      await app.listen(3000)
    }
    start()`
  const plain = (guards: string, more = ''): string =>
    `@Module({ imports: [mcp(${more})], providers: [${guards}] }) class App {}`
  const dynamic = (guards: string): string =>
    `@Module({}) class App { static forHttp() { return { module: App, imports: [mcp()], providers: [${guards}] } } }`
  const asGuard = (name: string): string => `{ provide: APP_GUARD, useClass: ${name} }`

  it.each([
    ['of the app, by Host', program('App', plain(asGuard('HostGuard')))],
    ['of the app, by Origin', program('App', plain(asGuard('OriginGuard')))],
    ['of a module that is a record', program('App.forHttp()', dynamic(asGuard('HostGuard')))],
    ['that the app is told of', program('App.forHttp()', dynamic(''), 'app.useGlobalGuards(new HostGuard())')],
    ['that the module is given', program('App', plain('', '[HostGuard]'))],
  ])('keep foreign pages out: %s', (_, code) => {
    expect(outcomeOf('missing-origin-check', code)).toBe('pass')
  })

  it.each([
    ['none', program('App', plain(''))],
    ['of a module that is a record, and ask nothing', program('App.forHttp()', dynamic(asGuard('LogGuard')))],
  ])('let them in: %s', (_, code) => {
    expect(outcomeOf('missing-origin-check', code)).toBe('fail')
  })

  it('are asked for by nobody where the module has no transport', () => {
    const none = '@Module({ imports: [McpModule.forRoot({ transport: [] })] }) class App {}'
    expect(outcomeOf('missing-origin-check', program('App', none))).toBe('notApplicable')
  })
})
