/** A notes server that gets most of it wrong: several files and rules, an example, a file that could not be read. */
import { finding, place, reportOf, type Sample, step } from './build.ts'

const sources = new Map([
  [
    'src/session-store.ts',
    `import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

export interface Session {
  id: string
  user?: string
  transport?: StreamableHTTPServerTransport
  createdAt: number
}

let counter = 0

/** Every open session, by its ID. */
const sessions = new Map<string, Session>()

export function createSession(): Session {
  const id = \`\${Date.now().toString(36)}-\${counter++}\`
  const session: Session = { id, createdAt: Date.now() }
  sessions.set(id, session)
  return session
}

export function findSession(id: string): Session | undefined {
  return sessions.get(id)
}

export function attach(id: string, transport: StreamableHTTPServerTransport) {
  const session = sessions.get(id)
  if (session) session.transport = transport
}
`,
  ],
  [
    'src/routes/auth.ts',
    `import { Router } from 'express'
import { verifyPassword } from '../users.ts'
import { createSession, findSession } from '../session-store.ts'

export const auth = Router()

auth.post('/session/init', (req, res) => {
  const session = createSession()
  res.cookie('sid', session.id)
  res.json({ ready: true })
})

auth.post('/session/login', async (req, res) => {
  const session = findSession(req.cookies.sid)
  if (!session) return res.status(404).end()

  const user = await verifyPassword(req.body.name, req.body.password)
  if (!user) return res.status(401).end()

  // From here on this is the session of a known user.
  session.user = user.id
  res.json({ welcome: user.name })
})
`,
  ],
  [
    'src/server.ts',
    `import express from 'express'
import { auth } from './routes/auth.ts'
import { findSession } from './session-store.ts'

const app = express()
app.use(express.json())
app.use(auth)

app.post('/mcp', async (req, res) => {
  const session = findSession(String(req.headers['mcp-session-id']))
  if (!session?.transport) return res.status(404).end()
  await session.transport.handleRequest(req, res, req.body)
})

app.listen(3000, '0.0.0.0')
`,
  ],
])

const at = (path: string, marked: string, within?: string) => place(sources, path, marked, within)

const fixation = finding({
  rule: 'session-fixation',
  severity: 'critical',
  what: 'POST /session/login writes the verified user into the session that POST /session/init opened, under the same ID.',
  why: 'Mallory opens a session, has Alice log in with its ID, and then uses that ID as Alice: he knew it before it was worth anything.',
  todo: 'Regenerate the session ID on every path from successful authentication to the first write of authenticated state, and destroy the old session.',
  trace: [
    step('the session is opened for anyone who asks', at('src/routes/auth.ts', 'createSession()', "'/session/init'")),
    step('it is stored under this ID', at('src/session-store.ts', 'sessions.set(id, session)')),
    step(
      'login looks the same session up by the ID in the cookie',
      at('src/routes/auth.ts', 'findSession(req.cookies.sid)'),
    ),
    step('authentication succeeds', at('src/routes/auth.ts', 'verifyPassword(req.body.name, req.body.password)')),
    step(
      'the authenticated user is written, and the ID is still the one from before',
      at('src/routes/auth.ts', 'session.user = user.id'),
    ),
  ],
})

const authentication = finding({
  rule: 'session-as-authentication',
  severity: 'critical',
  confidence: 'medium',
  what: 'POST /mcp is reachable from the network and serves whoever presents a session ID; no credential is verified.',
  why: "Mallory has no account and no token, only Alice's session ID from a log or a URL, and the server serves him.",
  todo: 'Verify the credential on every verb and side endpoint before any session is looked up, and take the user from the verified token of that very request.',
  trace: [
    step('the listener is open to the network', at('src/server.ts', "app.listen(3000, '0.0.0.0')")),
    step(
      'the session ID is all that is looked at',
      at('src/server.ts', "findSession(String(req.headers['mcp-session-id']))"),
    ),
    step('the request is served', at('src/server.ts', 'session.transport.handleRequest(req, res, req.body)')),
  ],
})

const predictable = finding({
  rule: 'predictable-session-id',
  severity: 'high',
  what: 'The session ID has at most 48 bits: a millisecond clock and a counter.',
  why: 'Mallory opens a few sessions of his own, sees how their IDs are made, and computes the one that Alice was given.',
  todo: "Make the ID with a cryptographically secure generator and at least 128 bits: randomBytes(32).toString('base64url'), or crypto.randomUUID().",
  trace: [
    step(
      'a millisecond clock: about 41 bits, all of them public',
      at('src/session-store.ts', 'Date.now().toString(36)'),
    ),
    step('a counter: 0 bits to whoever sees one ID', at('src/session-store.ts', 'counter++')),
    step('both become the session ID', at('src/session-store.ts', 'sessions.set(id, session)')),
  ],
  fixes: [
    {
      title: 'Make the ID with crypto.randomUUID()',
      kind: 'safe',
      edits: [{ path: 'src/session-store.ts', start: 361, end: 403, text: 'randomUUID()' }],
    },
  ],
})

const expiry = finding({
  rule: 'missing-session-expiry',
  severity: 'medium',
  partial: true,
  what: 'Sessions have an absolute timeout of 8 hours but no idle timeout.',
  why: "A session ID that Mallory finds within the day still opens Alice's session, though she left hours ago.",
  todo: 'Give every session an idle timeout, for example 30 minutes since its last authorized request.',
  trace: [step('sessions are kept here', at('src/session-store.ts', 'sessions = new Map<string, Session>()'))],
})

const example = finding({
  rule: 'unbound-session',
  severity: 'critical',
  surface: 'example',
  what: 'The example serves any principal.',
  why: 'Mallory logs in as himself.',
  todo: 'Compare the principal.',
  trace: [
    step('no comparison', {
      path: 'examples/minimal/server.ts',
      startLine: 12,
      startColumn: 5,
      endLine: 12,
      endColumn: 30,
    }),
  ],
})

export const notesServer: Sample = {
  sources,
  report: reportOf({
    root: 'examples/notes-server',
    score: 35.5,
    grade: 'F',
    files: { analysed: 4, skipped: 1 },
    findings: [expiry, predictable, example, authentication, fixation],
    gaps: [
      {
        path: 'src/legacy/upload.js',
        reason: 'Unexpected token at line 88; 61 of 88 lines were understood.',
        location: { path: 'src/legacy/upload.js', startLine: 88, startColumn: 14, endLine: 88, endColumn: 15 },
      },
      {
        path: 'src/limits.ts',
        reason: 'The middleware `guard` comes from the package @acme/guard, which is not part of this source.',
        rules: ['unbound-session', 'plaintext-transport'],
      },
    ],
    open: {
      'plaintext-transport': [
        'src/limits.ts: The middleware `guard` comes from the package @acme/guard, which is not part of this source.',
      ],
      'unbound-session': ['The comparison of owners may happen in `guard`, whose code is not part of this source.'],
    },
    notApplicable: { 'missing-session-invalidation': ['No route logs out, resets or closes.'] },
  }),
}
