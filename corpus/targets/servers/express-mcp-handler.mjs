// express-mcp-handler as its example mounts it, behind a middleware that asks for a bearer token.
import { randomUUID } from 'node:crypto'
import express from 'express'
import { statefulHandlers } from 'express-mcp-handler'
import { callerOf, createNotes } from './notes.mjs'

const app = express()
app.use((req, res, next) => (callerOf(req.headers.authorization) === undefined ? res.status(401).end() : next()))
app.use(express.json())
const handlers = statefulHandlers(createNotes, { sessionIdGenerator: () => randomUUID() })
app.post('/mcp', handlers.postHandler)
app.get('/mcp', handlers.getHandler)
app.delete('/mcp', handlers.deleteHandler)
app.listen(Number(process.env.TARGET_PORT))
