// Better Auth with its bearer plug-in, and MCP behind what it says of a request: sessions belong to who opened them.
import { randomBytes } from 'node:crypto'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node'
import { bearer } from 'better-auth/plugins'
import express from 'express'
import { opened, sessions } from './owned-sessions.mjs'

const port = Number(process.env.TARGET_PORT)
const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: randomBytes(32).toString('hex'),
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
  plugins: [bearer()],
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
})
for (const user of ['alice', 'bob'])
  await auth.api.signUpEmail({ body: { name: user, email: `${user}@example.com`, password: `password of ${user}` } })

const app = express()
app.use((req, res, next) => {
  const isForeign = req.headers.origin !== undefined || req.headers.host !== `127.0.0.1:${port}`
  return isForeign && req.path === '/mcp' ? res.status(403).end() : next()
})
app.all('/api/auth/*path', toNodeHandler(auth))
app.use(express.json())
app.all('/mcp', async (req, res) => {
  const known = await auth.api.getSession({ headers: fromNodeHeaders(req.headers) })
  if (!known) return res.status(401).end()
  const id = req.headers['mcp-session-id']
  if (id === undefined) return (await opened(known.user.id)).handleRequest(req, res, req.body)
  const found = sessions.get(id)
  if (found?.user !== known.user.id) return res.status(404).end()
  return found.transport.handleRequest(req, res, req.body)
})

app.listen(port)
