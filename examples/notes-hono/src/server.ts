import { serve } from '@hono/node-server'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { protect, visitOf } from '@sallyport/session/hono'
import { Hono } from 'hono'
import { guard } from './guard.ts'
import { createNotesServer, parseError, sessionFor, type Notes } from './notes.ts'

const app = new Hono()
// A POST may open a session; whatever else comes has to have one.
app.use(protect(guard, { session: ({ method }) => (method === 'POST' ? 'optional' : 'required') }))

app.post('/mcp', async (c) => {
  const message: unknown = await c.req.json().catch(() => undefined)
  if (message === undefined) return c.json(parseError, 400)
  const session = await sessionFor(visitOf<Notes>(c), message)
  if (!session) return c.json({ error: 'a session begins with initialize' }, 400)
  // The session is the guard's; to the SDK each request is the first and the last.
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
  await createNotesServer(session).connect(transport)
  return transport.handleRequest(c.req.raw, { parsedBody: message })
})

app.delete('/mcp', async (c) => {
  await visitOf(c).terminate()
  return c.body(null, 204)
})

export const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) })
