import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { protect, type Visit } from '@sallyport/session/node-http'
import { guard } from './guard.ts'
import { createNotesServer, parseError, sessionFor, type Notes } from './notes.ts'

const json = { 'content-type': 'application/json' }

async function handle(request: IncomingMessage, response: ServerResponse, visit: Visit<Notes>): Promise<void> {
  if (request.url !== '/mcp') return void response.writeHead(404).end()
  switch (request.method) {
    case 'POST':
      return call(request, response, visit)
    case 'DELETE':
      await visit.terminate()
      return void response.writeHead(204).end()
    default:
      return void response.writeHead(405, { allow: 'POST, DELETE' }).end()
  }
}

async function call(request: IncomingMessage, response: ServerResponse, visit: Visit<Notes>): Promise<void> {
  const message = await readMessage(request)
  if (message === undefined) return void response.writeHead(400, json).end(JSON.stringify(parseError))
  const session = await sessionFor(visit, message)
  if (!session) return void response.writeHead(400).end('a session begins with initialize')
  // The session is the guard's; to the SDK each request is the first and the last.
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  await createNotesServer(session).connect(transport)
  return transport.handleRequest(request, response, message)
}

/** Undefined where it is no JSON. */
async function readMessage(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const part of request.setEncoding('utf8')) {
    text += String(part)
    if (text.length > 1_000_000) throw new Error('the message is too long')
  }
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// A POST may open a session; whatever else comes has to have one.
const protectedHandle = protect(guard, handle, {
  session: ({ method }) => (method === 'POST' ? 'optional' : 'required'),
})

export const server = createServer(protectedHandle).listen(Number(process.env.PORT ?? 3000))
