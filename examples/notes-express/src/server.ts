import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { answerErrors, protect, visitOf } from '@sallyport/session/express'
import express from 'express'
import { guard } from './guard.ts'
import { createNotesServer, sessionFor, type Notes } from './notes.ts'

const app = express()
// A POST may open a session; whatever else comes has to have one.
app.use(protect(guard, { session: ({ method }) => (method === 'POST' ? 'optional' : 'required') }))
app.use(express.json())

app.post('/mcp', async (request, response) => {
  const session = await sessionFor(visitOf<Notes>(request), request.body)
  if (!session) {
    response.status(400).json({ error: 'a session begins with initialize' })
    return
  }
  // The session is the guard's; to the SDK each request is the first and the last.
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  await createNotesServer(session).connect(transport)
  await transport.handleRequest(request, response, request.body)
})

app.delete('/mcp', async (request, response) => {
  await visitOf(request).terminate()
  response.status(204).end()
})

app.use(answerErrors(guard))

export const server = app.listen(Number(process.env.PORT ?? 3000))
