import { serve } from '@hono/node-server'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { protect, type Visit } from '@sallyport/session/fetch'
import { guard } from './guard.ts'
import { createNotesServer, parseError, sessionFor, type Notes } from './notes.ts'

async function handle(request: Request, visit: Visit<Notes>): Promise<Response> {
  if (new URL(request.url).pathname !== '/mcp') return new Response(null, { status: 404 })
  switch (request.method) {
    case 'POST':
      return call(request, visit)
    case 'DELETE':
      await visit.terminate()
      return new Response(null, { status: 204 })
    default:
      return new Response(null, { status: 405, headers: { allow: 'POST, DELETE' } })
  }
}

async function call(request: Request, visit: Visit<Notes>): Promise<Response> {
  const message: unknown = await request.json().catch(() => undefined)
  if (message === undefined) return Response.json(parseError, { status: 400 })
  const session = await sessionFor(visit, message)
  if (!session) return Response.json({ error: 'a session begins with initialize' }, { status: 400 })
  // The session is the guard's; to the SDK each request is the first and the last.
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
  await createNotesServer(session).connect(transport)
  return transport.handleRequest(request, { parsedBody: message })
}

// A POST may open a session; whatever else comes has to have one.
const protectedHandle = protect(guard, handle, {
  session: ({ method }) => (method === 'POST' ? 'optional' : 'required'),
})

export const server = serve({ fetch: protectedHandle, port: Number(process.env.PORT ?? 3000) })
