/** The application, served by every adapter. */
import { createServer, type Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import express5 from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import * as onExpress from '../../src/adapters/express.ts'
import * as onFastify from '../../src/adapters/fastify.ts'
import * as onFetch from '../../src/adapters/fetch.ts'
import * as onHono from '../../src/adapters/hono.ts'
import * as onNode from '../../src/adapters/node-http.ts'
import type { Application, Count, Reply, Serve, Served } from './application.ts'

const express4 = (await import('express4' as string)).default as typeof express5

export const adapters: Readonly<Record<string, Serve>> = {
  'node:http': ({ guard, login, options, handle }) => {
    const listener = onNode.protect<Count>(
      guard,
      async (request, response, visit) => sendNode(response, await handle(pathOf(request.url), visit)),
      { ...options, onError: () => undefined },
    )
    return listen(
      createServer(async (request, response) => {
        if (!(await onNode.serveLogin(login, request, response))) listener(request, response)
      }),
    )
  },
  'express 5': (application) => serveExpress(express5, application),
  'express 4': (application) => serveExpress(express4, application),
  fastify: async ({ guard, login, options, handle }) => {
    const app = fastify()
    app.addHook('onRequest', onFastify.protect(guard, options))
    app.register(onFastify.serveLogin(login))
    app.setErrorHandler((error, request, reply) => {
      if (error instanceof Error && error.message.includes('s3cret')) return reply.code(500).send({ error: 'failed' })
      return onFastify.answerErrors(guard)(error, request, reply)
    })
    app.all('/*', async (request, reply) => {
      const {
        status = 200,
        headers = {},
        body,
        stream,
      } = await handle(pathOf(request.url), onFastify.visitOf<Count>(request))
      reply.code(status).headers(headers)
      if (!stream) return reply.send(body ?? '')
      return reply.type('text/event-stream').send(streamOf(stream))
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { port: portOf(app.server), close: () => app.close() }
  },
  'hono on Node': (application) => {
    const app = honoApp(application, {})
    return listen(createAdaptorServer({ fetch: app.fetch }) as Server)
  },
  'hono elsewhere': (application) => {
    const app = honoApp(application, { connectionOf })
    return listen(createAdaptorServer({ fetch: (request, env) => app.fetch(request, peerOf(env)) }) as Server)
  },
  'fetch on Node': (application) => {
    const handler = fetchHandler(application, {})
    return listen(createAdaptorServer({ fetch: (request, env) => handler(request, env) }) as Server)
  },
  'fetch elsewhere': (application) => {
    const handler = fetchHandler(application, { connectionOf })
    return listen(createAdaptorServer({ fetch: (request, env) => handler(request, peerOf(env)) }) as Server)
  },
}

function serveExpress(express: typeof express5, { guard, login, options, handle }: Application): Promise<Served> {
  const app = express()
  app.use(onExpress.serveLogin(login))
  app.use(onExpress.protect(guard, options))
  app.all(/.*/, (request, response, next) => {
    handle(pathOf(request.originalUrl), onExpress.visitOf<Count>(request)).then(({ stream, ...reply }) => {
      if (stream) return sendNode(response, { ...reply, stream })
      const { status = 200, headers = {}, body = '' } = reply
      if (headers['location']) return response.redirect(status, headers['location'])
      return response.status(status).set(headers).send(body)
    }, next)
  })
  app.use(onExpress.answerErrors(guard))
  app.use(((_error, _request, response, _next) => {
    response.status(500).json({ error: 'failed' })
  }) satisfies express5.ErrorRequestHandler)
  return listen(createServer(app))
}

function honoApp({ guard, login, options, handle }: Application, where: { connectionOf?: onHono.ConnectionOf }): Hono {
  const app = new Hono()
  app.onError((_error, c) => c.json({ error: 'failed' }, 500))
  app.use(onHono.serveLogin(login, where))
  app.use(onHono.protect<Count>(guard, { ...options, ...where }))
  app.all('*', async (c) => responseOf(await handle(c.req.path, onHono.visitOf<Count>(c))))
  return app
}

function fetchHandler(
  { guard, login, options, handle }: Application,
  where: { connectionOf?: onFetch.ConnectionOf },
): (request: Request, environment: unknown) => Promise<Response> {
  const handler = onFetch.protect<Count>(
    guard,
    async (request, visit) => responseOf(await handle(new URL(request.url).pathname, visit)),
    { ...options, ...where },
  )
  return async (request, environment) => {
    try {
      const answered = await onFetch.serveLogin(login, request, environment, where.connectionOf)
      return answered ?? (await handler(request, environment))
    } catch {
      return Response.json({ error: 'failed' }, { status: 500 })
    }
  }
}

/** A runtime of its own kind: all it says of a connection is the address. */
function peerOf(env: unknown): { readonly peer: string | undefined } {
  return { peer: (env as { incoming: { socket: { remoteAddress?: string } } }).incoming.socket.remoteAddress }
}

function connectionOf(_request: Request, environment: unknown) {
  return { encrypted: false, remoteAddress: (environment as { peer: string | undefined }).peer }
}

function responseOf({ status = 200, headers = {}, body = '', stream }: Reply): Response {
  if (headers['location']) return Response.redirect(new URL(headers['location'], 'http://app.test'), status as 302)
  if (!stream) return new Response(body, { status, headers })
  return new Response(streamOf(stream), { status, headers: { ...headers, 'content-type': 'text/event-stream' } })
}

function streamOf(stream: NonNullable<Reply['stream']>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      stream((text) => controller.enqueue(new TextEncoder().encode(text)))
    },
  })
}

function sendNode(
  response: import('node:http').ServerResponse,
  { status = 200, headers = {}, body = '', stream }: Reply,
): void {
  if (!stream) {
    response.writeHead(status, headers).end(body)
    return
  }
  response.writeHead(status, { ...headers, 'content-type': 'text/event-stream' })
  stream((text) => response.write(text))
}

function pathOf(url: string | undefined): string {
  return (url ?? '/').split('?')[0] as string
}

async function listen(server: Server): Promise<Served> {
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: portOf(server), close }
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port
}
