// A login with a password and express-session, and MCP behind it. REGENERATE=1: the session is another one after the login.
import { randomUUID } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import { opened, sessions } from './owned-sessions.mjs'

const port = Number(process.env.TARGET_PORT)
const app = express()
app.use((req, res, next) => {
  const isForeign = req.headers.origin !== undefined || req.headers.host !== `127.0.0.1:${port}`
  return isForeign ? res.status(403).end() : next()
})
app.use(express.json())
app.use(
  session({
    secret: randomUUID(),
    resave: false,
    saveUninitialized: true,
    cookie: { httpOnly: true, sameSite: 'lax' },
  }),
)
app.get('/login', (req, res) => res.json({ loggedIn: req.session.user !== undefined }))
app.post('/login', (req, res) => {
  if (req.body.password !== `password of ${req.body.user}`) return res.status(401).end()
  const raise = () => {
    req.session.user = req.body.user
    res.json({ user: req.body.user })
  }
  if (process.env.REGENERATE !== '1') return raise()
  req.session.regenerate(raise)
})
app.use('/mcp', (req, res, next) => (req.session.user === undefined ? res.status(401).end() : next()))
app.all('/mcp', async (req, res) => {
  const id = req.headers['mcp-session-id']
  if (id === undefined) return (await opened(req.session.user)).handleRequest(req, res, req.body)
  const found = sessions.get(id)
  if (found?.user !== req.session.user) return res.status(404).end()
  return found.transport.handleRequest(req, res, req.body)
})

app.listen(port)
