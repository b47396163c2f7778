/** How each framework serves `ok` to a POST: bare, or to a request whose session has one value in it. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import express5 from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import * as onExpress from '../../packages/session/src/adapters/express.ts'
import * as onFastify from '../../packages/session/src/adapters/fastify.ts'
import * as onFetch from '../../packages/session/src/adapters/fetch.ts'
import * as onHono from '../../packages/session/src/adapters/hono.ts'
import * as onNode from '../../packages/session/src/adapters/node-http.ts'
import type { Guard } from '../../packages/session/src/index.ts'

/** Without a guard, the framework alone. */
export type Serve = (guard: Guard | undefined) => Promise<Server>

interface Views {
  readonly views: number
}

export const frameworks: Readonly<Record<string, Serve>> = {
  'node:http': (guard) => listen(createServer(guard ? protectedListener(guard) : (_, response) => response.end('ok'))),
  'express 5': (guard) => serveExpress(express5, guard),
  'express 4': async (guard) => serveExpress((await import('express4' as string)).default, guard),
  async fastify(guard) {
    const app = fastify()
    if (guard) app.addHook('onRequest', onFastify.protect(guard))
    app.post('/mcp', (request, reply) => {
      reply.send(guard ? verdict(onFastify.visitOf<Views>(request)) : 'ok')
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
  hono(guard) {
    const app = new Hono()
    if (guard) app.use(onHono.protect(guard))
    app.post('/mcp', (c) => c.text(guard ? verdict(onHono.visitOf<Views>(c)) : 'ok'))
    return listen(createAdaptorServer({ fetch: app.fetch }) as Server)
  },
  fetch(guard) {
    const handler = guard
      ? onFetch.protect<Views>(guard, (_request, visit) => new Response(verdict(visit)))
      : () => new Response('ok')
    return listen(createAdaptorServer({ fetch: handler }) as Server)
  },
}

function protectedListener(guard: Guard): RequestListener {
  return onNode.protect<Views>(guard, (_request, response, visit) => response.end(verdict(visit)))
}

function serveExpress(express: typeof express5, guard: Guard | undefined): Promise<Server> {
  const app = express()
  if (guard) app.use(onExpress.protect(guard))
  app.post('/mcp', (request, response) => {
    response.end(guard ? verdict(onExpress.visitOf<Views>(request)) : 'ok')
  })
  return listen(createServer(app))
}

function verdict({ session }: onNode.Visit<Views>): string {
  return session?.data.views === 1 ? 'ok' : 'no'
}

export async function listen(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return server
}
