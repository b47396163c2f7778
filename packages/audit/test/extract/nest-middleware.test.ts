/** What stands before controllers of NestJS by the modules that apply it, and what their methods are given of the request. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, outcomeOf } from './programs.ts'

describe('middleware that a module applies', () => {
  const CHECK = `if (req.headers.origin && !['http://localhost:3000'].includes(req.headers.origin)) throw new ForbiddenException()`
  const program = (applied: string, body = `${CHECK}\nnext()`, more = ''): string => `
    import { Controller, Injectable, Module, Post, Req, Res, ForbiddenException, RequestMethod } from '@nestjs/common'
    import { NestFactory } from '@nestjs/core'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    @Injectable() class OriginMiddleware { use(req, res, next) { ${body} } }
    const own = (req, res, next) => { ${body} }
    @Controller('admin') class Admin { @Post() post() { return 'done' } }
    @Controller('mcp') class Endpoint {
      @Post() async post(@Req() req, @Res() res) {
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
        const server = new McpServer({ name: 'notes', version: '1' })
        await server.connect(transport)
        await transport.handleRequest(req, res, req.body)
      }
    }
    @Module({ controllers: [Endpoint, Admin] })
    class App { configure(consumer) { ${applied} } }
    NestFactory.create(App).then((app) => { ${more} return app.listen(3000, '127.0.0.1') })`
  const rule = 'missing-origin-check'

  it.each([
    ['everywhere', "consumer.apply(OriginMiddleware).forRoutes('*')"],
    ['everywhere, as later versions say it', "consumer.apply(OriginMiddleware).forRoutes('{*splat}')"],
    ['to its path', "consumer.apply(OriginMiddleware).forRoutes('mcp')"],
    ['to its class', 'consumer.apply(OriginMiddleware).forRoutes(Endpoint)'],
    [
      'to its path and verb',
      "consumer.apply(OriginMiddleware).forRoutes({ path: '/mcp', method: RequestMethod.POST })",
    ],
    ['except to others', "consumer.apply(OriginMiddleware).exclude('admin', '.well-known/x').forRoutes('*')"],
    ['as a function', "consumer.apply(own).forRoutes('*')"],
  ])('stands before a controller that it is applied to: %s', (_, applied) => {
    expect(findingsOf(rule, program(applied))).toEqual([])
  })

  it.each([
    ['to another path', "consumer.apply(OriginMiddleware).forRoutes('admin')"],
    ['to another class', 'consumer.apply(OriginMiddleware).forRoutes(Admin)'],
    ['to another verb', "consumer.apply(OriginMiddleware).forRoutes({ path: 'mcp', method: RequestMethod.GET })"],
    ['to all but this', "consumer.apply(OriginMiddleware).exclude('mcp').forRoutes('*')"],
    ['nowhere', ''],
  ])('does not where it is applied %s', (_, applied) => {
    expect(findingsOf(rule, program(applied))).toHaveLength(1)
  })

  it('helps nothing where it only looks', () => {
    const applied = "consumer.apply(OriginMiddleware).forRoutes('*')"
    expect(findingsOf(rule, program(applied, 'console.log(req.headers.origin)\nnext()'))).toHaveLength(1)
  })
})

describe('the session of the request of a controller', () => {
  const program = (parameters: string, login: string, more = ''): string => `
    import { Controller, Get, Req, Res, Session, createParamDecorator } from '@nestjs/common'
    import { NestFactory } from '@nestjs/core'
    import session from 'express-session'
    const Box = createParamDecorator((data, context) => context.switchToHttp().getRequest().session)
    class Identity {
      async redeem(code) {
        const token = await (await fetch('https://idp.test/token', { method: 'POST', body: new URLSearchParams({ code }) })).json()
        return (await fetch('https://idp.test/me', { headers: { authorization: 'Bearer ' + token.access_token } })).json()
      }
    }
    @Controller('auth') class Login {
      constructor(private readonly identity: Identity) {}
      @Get('callback') async callback(${parameters}) {
        const account = await this.identity.redeem(String(req.query.code))
        ${login}
        return 'welcome'
      }
      ${more}
    }
    NestFactory.create(Login).then((app) => {
      app.use(session({ secret: process.env.SECRET, store }))
      return app.listen(3000, '127.0.0.1')
    })`

  it.each([
    ['of a decorator', '@Req() req, @Session() box', 'box.account = { sub: account.sub }'],
    ['of the request', '@Req() req', 'req.session.account = { sub: account.sub }'],
    ['of a decorator of its own', '@Req() req, @Box() box', 'box.account = { sub: account.sub }'],
  ])('is the one from before a login: %s', (_, parameters, login) => {
    expect(findingsOf('session-fixation', program(parameters, login))).toHaveLength(1)
  })

  it('is another where it is made anew', () => {
    const login = `await new Promise((done) => req.session.regenerate(done))
        req.session.account = { sub: account.sub }`
    expect(outcomeOf('session-fixation', program('@Req() req, @Session() box', login))).toBe('pass')
  })

  it('is written to by others without a login', () => {
    expect(outcomeOf('session-fixation', program('@Req() req, @Session() box', 'box.lastSeen = Date.now()'))).toBe(
      'pass',
    )
  })
})

describe('a decorator of a parameter', () => {
  it('gives what its code takes of the request', () => {
    const program = (taken: string): string => `
    import { Controller, Post, Body, createParamDecorator } from '@nestjs/common'
    import { NestFactory } from '@nestjs/core'
    import { randomUUID } from 'node:crypto'
    const Sid = createParamDecorator((data, context) => ${taken})
    const sessions = new Map()
    @Controller('mcp') class Endpoint {
      @Post() post(@Body() body, @Sid('x') id) {
        if (body.method === 'initialize') { const made = randomUUID(); sessions.set(made, { notes: [] }); return { sessionId: made } }
        if (body.method === 'tools/call') return sessions.get(id)?.notes
      }
    }
    NestFactory.create(Endpoint).then((app) => app.listen(3000))`
    const stores = (taken: string) => factsOf(program(taken)).stores.length
    expect(stores("context.switchToHttp().getRequest().headers['mcp-session-id']")).toBe(1)
    expect(stores('context.switchToHttp().getRequest().query.page')).toBe(0)
  })
})
