/** Which library object a declared type stands for. Data only. */
import type { Site } from '../heap.ts'
import { LibraryObject } from '../heap.ts'

/** Contexts with the request in them. */
const CARRIERS = [
  '@adonisjs/core/http#HttpContext',
  '@ioc:Adonis/Core/HttpContext#HttpContextContract',
  '@feathersjs/feathers#HookContext',
  '@nocobase/actions#Context',
  '@nocobase/server#Context',
  'moleculer#Context',
  '@sveltejs/kit#RequestEvent',
  'astro#APIContext',
  '@trpc/server/adapters/next#CreateNextContextOptions',
  '@trpc/server/adapters/express#CreateExpressContextOptions',
  '@trpc/server/adapters/fastify#CreateFastifyContextOptions',
  '@trpc/server/adapters/fetch#FetchCreateContextFnOptions',
  '@trpc/server/adapters/standalone#CreateHTTPContextOptions',
] as const

const TYPES: Readonly<Record<string, string>> = {
  'express#Request': 'request',
  'express-serve-static-core#Request': 'request',
  'http#IncomingMessage': 'request',
  'node:http#IncomingMessage': 'request',
  'express#Response': 'response',
  'express-serve-static-core#Response': 'response',
  'node:http#ServerResponse': 'response',
  'express#NextFunction': 'next',
  'express#Express': 'express-app',
  'express#Application': 'express-app',
  'express#Router': 'express-app',
  'express#IRouter': 'express-app',
  'hono#Hono': 'hono-app',
  'hono#Context': 'hono-context',
  'hono#Next': 'next',
  'koa#Context': 'koa-context',
  'koa#ParameterizedContext': 'koa-context',
  'koa#Next': 'next',
  'koa#default': 'koa-app',
  'fastify#FastifyInstance': 'fastify-app',
  'fastify#FastifyRequest': 'fastify-request',
  'fastify#FastifyReply': 'response',
  '@nestjs/config#ConfigService': 'settings-service',
  '@nestjs/jwt#JwtService': 'nest-jwt',
  '@nestjs/core#Reflector': 'nest-reflector',
  '@nestjs/common#ExecutionContext': 'nest-context',
  '@nestjs/common#ArgumentsHost': 'nest-context',
  '@nestjs/common#CallHandler': 'nest-next',
  'global:Request': 'fetch-request',
  'node:http#Server': 'http-server',
  'next#NextApiRequest': 'request',
  'next#NextApiResponse': 'response',
  '@vercel/node#VercelRequest': 'request',
  '@vercel/node#VercelResponse': 'response',
  '@loopback/rest#Request': 'request',
  '@loopback/rest#Response': 'response',
  '@hapi/hapi#Server': 'hapi-app',
  '@hapi/hapi#Request': 'hapi-request',
  '@hapi/hapi#ResponseToolkit': 'hapi-toolkit',
  'payload#PayloadRequest': 'fetch-request',
  ...Object.fromEntries(CARRIERS.map((path) => [path, 'carrier'])),
  'uWebSockets.js#TemplatedApp': 'uws-app',
  'uWebSockets.js#HttpRequest': 'uws-request',
  'uWebSockets.js#HttpResponse': 'uws-response',
  'ws#WebSocketServer': 'socket-server',
  'ws#Server': 'socket-server',
  'ws#WebSocket': 'socket',
}

const SDK_TYPES: Readonly<Record<string, string>> = {
  McpServer: 'mcp-server',
  Server: 'mcp-server',
  StreamableHTTPServerTransport: 'mcp-transport',
  WebStandardStreamableHTTPServerTransport: 'mcp-transport',
  NodeStreamableHTTPServerTransport: 'mcp-transport',
  StreamableHTTPTransport: 'mcp-transport',
  SSEServerTransport: 'mcp-transport',
}

/** An object of the library type behind an import path, or undefined for types that say nothing to us. */
export function libraryOfType(path: string, site: Site, born: number): LibraryObject | undefined {
  const type = TYPES[path] ?? sdkType(path)
  return type === undefined ? undefined : new LibraryObject(type, site, born, { typed: true })
}

function sdkType(path: string): string | undefined {
  if (!path.startsWith('@modelcontextprotocol/') && !path.startsWith('@hono/mcp')) return undefined
  return SDK_TYPES[path.split('#').at(-1) ?? '']
}
