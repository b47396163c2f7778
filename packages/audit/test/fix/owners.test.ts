/** The owner check, in the shapes in which routers for the SDK's transports are written. */
import { describe, expect, test } from 'vitest'
import type { Files } from '../source/memory-host.ts'
import { mendedBy } from './mended.ts'

const mended = (files: Files) => mendedBy('unbound-session', files)

const IMPORTS = `import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import express from 'express';
import jwt from 'jsonwebtoken';
`
const VERIFIER = `
const verifier = {
  async verifyAccessToken(token) {
    const claims = jwt.verify(token, process.env.KEY);
    return { token, clientId: claims.azp, scopes: [], expiresAt: claims.exp, extra: { userId: claims.sub } };
  },
};
`
const TRANSPORTS = `
const transports = {};
const app = express();
app.post('/mcp', GATE, async (req, res) => {
  const sessionId = req.headers['mcp-session-id'];
  let transport;
  if (sessionId && transports[sessionId]) {
    transport = transports[sessionId];
  } else {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => { transports[id] = transport; },
    });
    await new McpServer({ name: 'a', version: '1' }).connect(transport);
  }
  await transport.handleRequest(req, res, req.body);
});
const resume = async (req, res) => {
  const sessionId = req.headers['mcp-session-id'];
  if (!sessionId || !transports[sessionId]) {
    res.status(400).send('no session');
    return;
  }
  await transports[sessionId].handleRequest(req, res);
};
app.get('/mcp', GATE, resume);
app.delete('/mcp', GATE, resume);
app.listen(3000);
`
const ENTRIES = `
class Sessions {
  sessions = new Map();
  async open(req, res) {
    const server = new McpServer({ name: 'a', version: '1' });
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => { this.sessions.set(id, { server, transport, usedAt: Date.now() }); },
    });
    await server.connect(transport);
    await transport.handleRequest(req, res, req.body);
  }
  async handle(req, res) {
    const id = req.headers['mcp-session-id'];
    if (!id) return this.open(req, res);
    const session = this.sessions.get(id);
    if (!session) {
      res.status(404).end();
      return;
    }
    session.usedAt = Date.now();
    return session.transport.handleRequest(req, res, req.body);
  }
}
const sessions = new Sessions();
const app = express();
app.all('/mcp', GATE, (req, res) => sessions.handle(req, res));
app.listen(3000);
`
const BEARER = 'requireBearerAuth({ verifier })'
const OWN_GATE = `
function gate(req, res, next) {
  try {
    req.user = jwt.verify(req.headers.authorization ?? '', process.env.KEY);
    next();
  } catch {
    res.status(401).end();
  }
}
`
const program = (...parts: readonly string[]) => IMPORTS + parts.join('')

describe('the owner check', () => {
  test('stands before every verb, and the transport is remembered where it is made', async () => {
    const { text, left } = await mended({ '/app/server.js': program(VERIFIER, TRANSPORTS.replaceAll('GATE', BEARER)) })
    expect(left).toBe(0)
    expect(text).toContain(`    });
    owners.set(transport, callerOf(req.auth));
    await new McpServer`)
    expect(text).toContain(`  if (owners.get(transport) !== callerOf(req.auth)) {
    res.status(404).end();
    return;
  }
  await transport.handleRequest`)
    expect(text).toContain(`  if (owners.get(transports[sessionId]) !== callerOf(req.auth)) {`)
    expect(text).toContain('return JSON.stringify([clientId, extra?.userId]);')
  })

  test('takes entries of an own class, and asks before the entry is touched', async () => {
    const { text, left } = await mended({ '/app/server.js': program(VERIFIER, ENTRIES.replace('GATE', BEARER)) })
    expect(left).toBe(0)
    expect(text).toContain(`    // For anybody but its owner a session does not exist.
    if (owners.get(session.transport) !== callerOf(req.auth)) {
      res.status(404).end();
      return;
    }
    session.usedAt = Date.now();`)
    expect(text.indexOf('const owners')).toBeLessThan(text.indexOf('class Sessions'))
  })

  test('knows callers by their client where that is all that verifiers say', async () => {
    const verifier = VERIFIER.replace(', extra: { userId: claims.sub }', '')
    const { text, left } = await mended({ '/app/server.js': program(verifier, TRANSPORTS.replaceAll('GATE', BEARER)) })
    expect(left).toBe(0)
    expect(text).toContain('owners.set(transport, req.auth.clientId);')
  })

  test('finds the verifier in another file', async () => {
    const own = program("import { verifier } from './verifier.js';\n", TRANSPORTS.replaceAll('GATE', BEARER))
    const { text, left } = await mended({
      '/app/server.js': own,
      '/app/verifier.js': `import jwt from 'jsonwebtoken';\nexport ${VERIFIER.trim()}\n`,
    })
    expect(left).toBe(0)
    expect(text).toContain('extra?.userId')
  })

  test('names callers as the handlers do', async () => {
    const logged = TRANSPORTS.replaceAll('GATE', 'gate').replaceAll(
      "const sessionId = req.headers['mcp-session-id'];",
      "const sessionId = req.headers['mcp-session-id'];\n  audit.write(req.user.sub);",
    )
    const { text, left } = await mended({
      '/app/server.js': program("import { audit } from './audit.js';\n", OWN_GATE, logged),
    })
    expect(left).toBe(0)
    expect(text).toContain('if (owners.get(transport) !== req.user.sub) {')
  })
})

/** Who has come is held in a variable, as a verifier gives it. */
const held = (verified: string, use = '') =>
  TRANSPORTS.replaceAll('GATE, ', '').replaceAll(
    "const sessionId = req.headers['mcp-session-id'];",
    `let claims;
  try {
    claims = jwt.verify(req.headers.authorization ?? '', process.env.KEY);
  } catch {
    return res.status(401).end();
  }
  const ${verified};
  ${use}
  const sessionId = req.headers['mcp-session-id'];`,
  )

describe('whoever is held in a variable', () => {
  test.each([
    ['is known by what is read of him', 'user = claims', 'console.log(user.sub);', 'user.sub'],
    [
      'is known by what lies one deeper',
      'session = { user: claims }',
      'console.log(session.user.sub);',
      'session.user.sub',
    ],
    ['is known by what a variable was made of', 'caller = claims.sub', '', 'claims.sub'],
    ['is known by a name taken out of his claims', '{ sub } = claims', '', 'sub'],
  ])('%s', async (_, verified, use, code) => {
    const { text, left } = await mended({ '/app/server.js': program(held(verified, use)) })
    expect(left).toBe(0)
    expect(text).toContain(`owners.set(transport, ${code});`)
    expect(text).toContain(`if (owners.get(transport) !== ${code}) {`)
  })
})

/** Who has come is held by no more than a name of his. */
const named = (variable: string, use = '') => `
function subjectOf(req) {
  try {
    return jwt.verify(req.headers.authorization ?? '', process.env.KEY).sub;
  } catch {
    return undefined;
  }
}
${held('').replace(/let claims;[^]*?const ;\n/g, `const ${variable} = subjectOf(req);\n  if (!${variable}) return res.status(401).end();\n  ${use}`)}`

describe('whoever is held by a name of his', () => {
  test.each([
    ['is known by it', 'userId', ''],
    ['is known by it, though it is cut for a log', 'userId', 'console.log(userId.slice(0, 4));'],
  ])('%s', async (_, variable, use) => {
    const { text, left } = await mended({ '/app/server.js': program(named(variable, use)) })
    expect(left).toBe(0)
    expect(text).toContain('owners.set(transport, userId);')
  })

  test('is known by it where it is said to be a text, and else not', async () => {
    const typed = program(named('caller')).replaceAll('const caller =', 'const caller: string | undefined =')
    const { text } = await mended({ '/app/server.ts': typed })
    expect(text).toContain('owners.set(transport, caller);')
    expect(await mended({ '/app/server.js': program(named('caller')) })).toMatchObject({ isFixed: false, left: 1 })
  })
})

describe('no owner check is offered', () => {
  test.each([
    ['where the caller may be an object that every request makes anew', program(held('user = claims'))],
    [
      'where what is read of him may be an object too',
      program(held('session = { user: claims }', 'console.log(session.user);')),
    ],
    [
      'where a verifier puts an object there for the user',
      program(
        VERIFIER.replace('extra: { userId: claims.sub }', 'extra: { user: claims }'),
        TRANSPORTS.replaceAll('GATE', BEARER),
      ),
    ],
    [
      'where no verifier of the tree says who somebody is',
      program("import { verifier } from 'some-auth';\n", TRANSPORTS.replaceAll('GATE', BEARER)),
    ],
    [
      'where nothing tells which part of a credential names a person',
      program(OWN_GATE, TRANSPORTS.replaceAll('GATE', 'gate')),
    ],
    ['where nobody is authenticated', program(TRANSPORTS.replaceAll('GATE, ', ''))],
    [
      'where the transport is made by what does not know the caller, and never held by who does',
      program(
        VERIFIER,
        ENTRIES.replace('GATE', BEARER)
          .replace('async open(req, res) {', 'async make() {')
          .replace('await transport.handleRequest(req, res, req.body);', 'return transport;')
          .replace('return this.open(req, res)', 'return (await this.make()).handleRequest(req, res, req.body)'),
      ),
    ],
    [
      'where the transport may not be there',
      program(
        VERIFIER,
        ENTRIES.replace('GATE', BEARER)
          .replace(/if \(!session\) \{[^]*?\n {4}\}\n/, '')
          .replace('return session.transport', 'return session && session.transport')
          .replace('session.usedAt = Date.now();', ''),
      ),
    ],
  ])('%s', async (_, text) => {
    expect(await mended({ '/app/server.js': text })).toMatchObject({ isFixed: false, left: 1 })
  })
})

const HONO = `import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import jwt from 'jsonwebtoken';

const transports = new Map();
const app = new Hono();
app.use('/mcp', async (c, next) => {
  const claims = jwt.verify((c.req.header('authorization') ?? '').slice(7), process.env.KEY);
  c.set(WHO);
  return next();
});
app.get('/me', (c) => c.text(READ));
app.all('/mcp', async (c) => {
  const known = transports.get(c.req.header('mcp-session-id'));
  if (known) {
    return known.handleRequest(c.req.raw);
  }
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => { transports.set(id, transport); },
  });
  await new McpServer({ name: 'a', version: '1' }).connect(transport);
  return transport.handleRequest(c.req.raw);
});
serve({ fetch: app.fetch, port: 3000 });
`

describe('a caller that Hono keeps', () => {
  test.each([
    ['as a text', "'userId', claims.sub", '""', "c.get('userId')"],
    ['as an object whose parts are read', "'user', claims", "c.get('user').sub", "c.get('user').sub"],
    ['as an object whose parts are read from `var`', "'user', claims", 'c.var.user.sub', 'c.var.user.sub'],
  ])('%s is the owner', async (_, who, read, code) => {
    const { text, left } = await mended({ '/app/server.js': HONO.replace('WHO', who).replace('READ', read) })
    expect(left).toBe(0)
    expect(text).toContain(`    if (owners.get(known) !== ${code}) {
      return new Response(null, { status: 404 });
    }
    return known`)
    expect(text).toContain(`owners.set(transport, ${code});`)
  })

  test('as an object of which nobody reads a part is none', async () => {
    const unread = HONO.replace('WHO', "'user', claims").replace('READ', '""')
    expect(await mended({ '/app/server.js': unread })).toMatchObject({ isFixed: false, left: 1 })
  })
})
