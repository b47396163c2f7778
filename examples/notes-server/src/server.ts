import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import express from 'express'
import { authenticate, userOf } from './auth.ts'
import { createNotesServer } from './notes.ts'
import { newSessionId } from './session-id.ts'

const transports = new Map<string, StreamableHTTPServerTransport>()

const app = express()
app.use(express.json())
app.use('/mcp', authenticate)

app.post('/mcp', async (request, response) => {
  const sessionId = request.header('mcp-session-id')
  const known = sessionId === undefined ? undefined : transports.get(sessionId)
  if (known) {
    await known.handleRequest(request, response, request.body)
    return
  }
  if (!isInitializeRequest(request.body)) {
    response.status(404).json({ error: 'unknown session' })
    return
  }
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: newSessionId,
    onsessioninitialized: (id) => {
      transports.set(id, transport)
    },
  })
  await createNotesServer(userOf(request)).connect(transport)
  await transport.handleRequest(request, response, request.body)
})

app.get('/mcp', async (request, response) => {
  const transport = transports.get(request.header('mcp-session-id') ?? '')
  if (!transport) {
    response.status(404).end()
    return
  }
  await transport.handleRequest(request, response)
})

app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log('notes-server is ready')
})
