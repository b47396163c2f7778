import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { answerErrors, protect, visitOf } from '@sallyport/session/express'
import express from 'express'
import type { NextFunction, Request, Response } from 'express'
import { guard } from './guard.ts'
import { createNotesServer, parseError, sessionFor, type Notes } from './notes.ts'

const app = express()
// A POST may open a session; whatever else comes has to have one.
app.use(protect(guard, { session: ({ method }) => (method === 'POST' ? 'optional' : 'required') }))
app.use(express.json(), (error: { type?: string }, _request: Request, response: Response, next: NextFunction) => {
  if (error.type !== 'entity.parse.failed') return next(error)
  response.status(400).json(parseError)
})

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
