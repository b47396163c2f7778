import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createMcpRouter } from '@sallyport/session/mcp-v2'
import { guard } from './guard.ts'
import { createNotesServer } from './notes.ts'

/** The whole endpoint, of both eras: 2026-07-28 by each request's own credential, the revisions before in sessions. */
const mcp = createMcpRouter({ guard, createServer: createNotesServer })

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url !== '/mcp') return void response.writeHead(404).end()
  return mcp.handle(request, response)
}

export const server = createServer(handle).listen(Number(process.env.PORT ?? 3000))

process.once('SIGTERM', async () => {
  await mcp.close()
  server.close()
})
