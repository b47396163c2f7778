/** Who verifies the caller, where the accounts are kept elsewhere: what each service gives, and how it says no. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

interface Way {
  readonly setup?: string
  /** Middleware before the handler. */
  readonly before?: string
  readonly check?: string
  readonly caller: string
}

const server = ({ setup = '', before = '', check = '' }: Way, owner: string, isOwner = 'true'): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${setup}
    const sessions = new Map()
    const app = express()
    app.all('/mcp', ${before} async (req, res) => {
      const token = req.headers.authorization?.slice(7)
      ${check}
      const id = req.headers['mcp-session-id']
      if (id) {
        const known = sessions.get(id)
        if (!known || !(${isOwner})) return res.status(404).end()
        return known.transport.handleRequest(req, res)
      }
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (sid) => { sessions.set(sid, { transport, owner: ${owner} }) },
      })
      await new McpServer({ name: 'x', version: '1' }).connect(transport)
      return transport.handleRequest(req, res)
    })
    app.listen(3000, '127.0.0.1')`

const orRefuse = (expression: string): string =>
  `let caller; try { caller = ${expression} } catch { return res.status(401).end() }`

const ways: Readonly<Record<string, Way>> = {
  'Supabase, user and error': {
    setup: `import { createClient } from '@supabase/supabase-js'; const supabase = createClient(process.env.URL, process.env.KEY)`,
    check: `const { data: { user }, error } = await supabase.auth.getUser(token); if (error || !user) return res.status(401).end()`,
    caller: 'user.id',
  },
  'Supabase, the error alone': {
    setup: `import { createClient } from '@supabase/supabase-js'; const supabase = createClient(process.env.URL, process.env.KEY)`,
    check: `const { data, error } = await supabase.auth.getUser(token); if (error) return res.status(401).end()`,
    caller: 'data.user.id',
  },
  'Firebase, which rejects': {
    setup: `import admin from 'firebase-admin'`,
    check: `const caller = await admin.auth().verifyIdToken(token)`,
    caller: 'caller.uid',
  },
  'Google, by a ticket': {
    setup: `import { OAuth2Client } from 'google-auth-library'; const client = new OAuth2Client()`,
    check: `const caller = (await client.verifyIdToken({ idToken: token, audience: 'me' })).getPayload()`,
    caller: 'caller.sub',
  },
  Cognito: {
    setup: `import { CognitoJwtVerifier } from 'aws-jwt-verify'; const verifier = CognitoJwtVerifier.create({ userPoolId: 'x' })`,
    check: orRefuse('await verifier.verify(token)'),
    caller: 'caller.sub',
  },
  Auth0: {
    setup: `import { ApiClient } from '@auth0/auth0-api-js'; const api = new ApiClient({ domain: 'x', audience: 'y' })`,
    check: orRefuse('await api.verifyAccessToken({ accessToken: token })'),
    caller: 'caller.sub',
  },
  Stytch: {
    setup: `import stytch from 'stytch'; const client = new stytch.Client({ project_id: 'x' })`,
    check: `const { user } = await client.sessions.authenticate({ session_token: token })`,
    caller: 'user.user_id',
  },
  'Clerk, as middleware': {
    setup: `import { getAuth, requireAuth } from '@clerk/express'`,
    before: 'requireAuth(),',
    check: 'const { userId } = getAuth(req)',
    caller: 'userId',
  },
  'Clerk, asked in the handler': {
    setup: `import { getAuth } from '@clerk/express'`,
    check: 'const { userId } = getAuth(req); if (!userId) return res.status(401).end()',
    caller: 'userId',
  },
  'Clerk, ready-made for MCP': {
    setup: `import { mcpAuthClerk } from '@clerk/mcp-tools/express'`,
    before: 'mcpAuthClerk,',
    caller: 'req.auth.userId',
  },
  'Auth.js 4': {
    setup: `import { getServerSession } from 'next-auth'; import { options } from './options'`,
    check: `const session = await getServerSession(req, res, options); if (!session) return res.status(401).end()`,
    caller: 'session.user.id',
  },
  'Auth.js 5': {
    setup: `import NextAuth from 'next-auth'; const { auth } = NextAuth({ providers: [] })`,
    check: `const session = await auth(); if (!session?.user) return res.status(401).end()`,
    caller: 'session.user.id',
  },
  'OpenID Connect, as middleware': {
    setup: `import { requiresAuth } from 'express-openid-connect'`,
    before: 'requiresAuth(),',
    caller: 'req.oidc.user.sub',
  },
  'Lucia, by a cookie': {
    setup: `import { Lucia } from 'lucia'; const lucia = new Lucia(adapter)`,
    check: `const { session, user } = await lucia.validateSession(lucia.readSessionCookie(req.headers.cookie)); if (!session) return res.status(401).end()`,
    caller: 'user.id',
  },
  'introspection with an authorization server': {
    check: `const answer = await fetch('https://as.example/introspect', { method: 'POST', body: new URLSearchParams({ token }) })
      const claims = await answer.json()
      if (!claims.active) return res.status(401).end()`,
    caller: 'claims.sub',
  },
}

describe('a caller verified elsewhere', () => {
  it.each(Object.entries(ways))('%s', (_, way) => {
    expect(outcomeOf('session-as-authentication', server(way, way.caller))).toBe('pass')
    expect(outcomeOf('unbound-session', server(way, way.caller))).toBe('fail')
    expect(outcomeOf('unbound-session', server(way, way.caller, `known.owner === ${way.caller}`))).toBe('pass')
  })
})

describe('nobody is verified', () => {
  const asked = ways['Clerk, asked in the handler']!
  const supabase = ways['Supabase, the error alone']!
  it.each<[string, Way]>([
    ['where who asks is not looked at', { ...asked, check: 'const { userId } = getAuth(req)' }],
    ['where the service is not asked', { ...supabase, check: '' }],
    [
      'where an error lets everybody pass',
      { ...supabase, check: supabase.check!.replace('if (error)', 'if (!error)') },
    ],
    [
      'by a form of our own',
      { check: `const form = new URLSearchParams({ page: '1' }); if (!form) return`, caller: '' },
    ],
  ])('%s', (_, way) => {
    expect(outcomeOf('unbound-session', server(way, "'somebody'"))).not.toBe('fail')
  })
})

describe('a record that is looked up under a credential', () => {
  const from = (users: string, found: string): Way => ({
    setup: `import { createHash } from 'node:crypto'
      import { readFileSync } from 'node:fs'
      const sha = (text) => createHash('sha256').update(text ?? '').digest('hex')
      ${users}`,
    check: `const user = ${found}; if (!user) return res.sendStatus(401)`,
    caller: 'user',
  })

  it.each([
    ["const users = JSON.parse(process.env.USERS ?? '{}')", 'users[sha(token)]'],
    ["const users = JSON.parse(process.env.USERS ?? '{}')", "users[req.headers['x-api-key']]"],
    ["const users = JSON.parse(readFileSync('users.json', 'utf8'))", 'users[sha(token)]'],
    ["import { users } from './users.js'", 'users[sha(token)]'],
    ["const users = { aa11: 'alice', bb22: 'bob' }", 'users[sha(token)]'],
  ])('says who it is: %s, %s', (users, found) => {
    const way = from(users, found)
    expect(outcomeOf('unbound-session', server(way, 'user'))).toBe('fail')
    expect(outcomeOf('unbound-session', server(way, 'user', 'known.owner === user'))).toBe('pass')
  })
})
