/** The sweep over sessions of the SDK's transports, in the shapes in which servers keep them. */
import { describe, expect, test } from 'vitest'
import { extract } from '../../src/extract/extract.ts'
import { mend } from '../../src/mend.ts'
import { rules } from '../../src/rules/index.ts'
import { readSources } from '../../src/source/read.ts'
import { memoryHost, type Files } from '../source/memory-host.ts'
import { mendedBy } from './mended.ts'

const mended = (text: string) => mendedBy('missing-session-expiry', { '/app/server.js': text })

const IMPORTS = `import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
`
const ROUTER = `${IMPORTS}
const transports = {};
const app = express();
app.post('/mcp', async (req, res) => {
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
app.listen(3000);
`
const ENTRIES = `${IMPORTS}
const app = express();

export function serve() {
  const sessions = new Map();
  app.all('/mcp', async (req, res) => {
    const id = req.headers['mcp-session-id'];
    const session = sessions.get(id);
    if (session) {
      return session.http.handleRequest(req, res);
    }
    const http = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (sid) => { sessions.set(sid, { http, openedAt: Date.now() }); },
    });
    await http.handleRequest(req, res);
  });
  app.listen(3000);
}
serve();
`

describe('the sweep', () => {
  test('stands below the record of transports, and every request renews', async () => {
    const { text, left } = await mended(ROUTER)
    expect(left).toBe(0)
    expect(text).toContain(`const transports = {};

// Sessions end 30 minutes after their last use and 4 hours after they were opened.
const openedAt = new WeakMap();
const usedAt = new WeakMap();
setInterval(() => {
  const now = Date.now();
  for (const [id, transport] of Object.entries(transports)) {
    const isIdle = now - (usedAt.get(transport) ?? 0) > 30 * 60 * 1000;
    const isOld = now - (openedAt.get(transport) ?? 0) > 4 * 60 * 60 * 1000;
    if (!isIdle && !isOld) continue;
    transport.close().catch(console.error);
    delete transports[id];
  }
}, 60 * 1000).unref();

const app`)
    expect(text).toContain(`    });
    openedAt.set(transport, Date.now());
    usedAt.set(transport, Date.now());
    await new McpServer`)
    expect(text).toContain(`  usedAt.set(transport, Date.now());
  await transport.handleRequest(req, res, req.body);`)
  })

  test('takes transports out of entries, within the function that keeps them', async () => {
    const { text, left } = await mended(ENTRIES)
    expect(left).toBe(0)
    expect(text).toContain(`  const sessions = new Map();

  // Sessions end`)
    expect(text).toContain('    for (const [id, { http: transport }] of sessions) {')
    expect(text).toContain(`      usedAt.set(session.http, Date.now());
      return session.http`)
    expect(text).not.toMatch(/[ \t]\n/)
  })

  test('adds but the limit that is missing', async () => {
    const sweep = `setInterval(() => {
    for (const [id, { http, openedAt }] of sessions) if (Date.now() - openedAt > 3600000) { http.close(); sessions.delete(id); }
  }, 60000);
  app.listen`
    const { text, left } = await mended(ENTRIES.replace('app.listen', sweep))
    expect(left).toBe(0)
    expect(text).toContain('// Sessions end 30 minutes after their last use.')
    expect(text).not.toContain('isOld')
  })

  test.each([
    [
      'a limit is there, but turned off',
      `app.listen(3000);\nif (process.env.IDLE) setInterval(() => { for (const [id, t] of Object.entries(transports)) if (Date.now() - t.at > 1) delete transports[id]; }, 9);`,
    ],
    [
      'somebody else fills the record too',
      'app.listen(3000);\nexport const add = (id, other) => { transports[id] = other; };\napp.put("/", (req, res) => add(req.query.id, req.app));',
    ],
  ])('is not offered where %s', async (_, end) => {
    expect(await mended(ROUTER.replace('app.listen(3000);', end))).toMatchObject({ isFixed: false, left: 1 })
  })
})

const SERVER = `${IMPORTS}
/** Serves MCP. */
export class Server {
  app = express();
  transports = {};

  // Of Express.
  listen(port) {
    this.app.post('/mcp', async (req, res) => {
      const sessionId = req.headers['mcp-session-id'];
      let transport;
      if (sessionId && this.transports[sessionId]) {
        transport = this.transports[sessionId];
      } else {
        transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (id) => { this.transports[id] = transport; },
        });
        await new McpServer({ name: 'a', version: '1' }).connect(transport);
      }
      await transport.handleRequest(req, res, req.body);
    });
    this.app.listen(port);
  }
}
new Server().listen(3000);
`

describe('the sweep of a field', () => {
  test('begins in a constructor of its own, with the times beside the class', async () => {
    const { text, left } = await mended(SERVER)
    expect(left).toBe(0)
    expect(text).toContain(`
// When sessions were opened and last used, by their transports.
const openedAt = new WeakMap();
const usedAt = new WeakMap();

/** Serves MCP. */
export class Server {
  app = express();
  transports = {};

  constructor() {
    // Sessions end 30 minutes after their last use and 4 hours after they were opened.
    setInterval(() => {
      const now = Date.now();
      for (const [id, transport] of Object.entries(this.transports)) {
        const isIdle = now - (usedAt.get(transport) ?? 0) > 30 * 60 * 1000;
        const isOld = now - (openedAt.get(transport) ?? 0) > 4 * 60 * 60 * 1000;
        if (!isIdle && !isOld) continue;
        transport.close().catch(console.error);
        delete this.transports[id];
      }
    }, 60 * 1000).unref();
  }

  // Of Express.
  listen(port) {`)
    expect(text).toContain('      usedAt.set(transport, Date.now());\n      await transport.handleRequest')
  })

  test.each([
    [
      'at the end of what its constructor does',
      'constructor(log) {\n    this.log = log;\n  }',
      'this.log = log;\n    // Sessions end',
    ],
    ['in a constructor that does nothing yet', 'constructor() {}', 'constructor() {\n    // Sessions end'],
    ['after a constructor on one line', 'constructor() { this.a = 1; }', 'this.a = 1;\n    // Sessions end'],
  ])('begins %s', async (_, maker, expected) => {
    const { text, left } = await mended(SERVER.replace('// Of Express.', `${maker}\n`))
    expect(left).toBe(0)
    expect(text).toContain(expected)
    expect(text).toContain('.unref();\n  }\n')
  })

  test.each([
    ['its class extends another and has no constructor', SERVER.replace('class Server', 'class Server extends Base')],
    [
      'it is filled later',
      SERVER.replace('transports = {};', 'transports;').replace(
        'listen(port) {',
        'listen(port) {\n    this.transports = {};',
      ),
    ],
  ])('is not offered where %s', async (_, text) => {
    expect(await mended(text)).toMatchObject({ isFixed: false, left: 1 })
  })
})

test('sessions that one file keeps and another serves are renewed where they are served', async () => {
  const manager = `import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
interface Session { server: McpServer; transport: StreamableHTTPServerTransport }
export class Manager {
  private readonly sessions = new Map<string, Session>();
  get(id: string): Session | undefined {
    return this.sessions.get(id);
  }
  async open(): Promise<Session> {
    const server = new McpServer({ name: 'a', version: '1' });
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => { this.sessions.set(id, { server, transport }); },
    });
    await server.connect(transport);
    return { server, transport };
  }
}
`
  const router = `import express from 'express';
import { Manager } from '../manager.js';
const manager = new Manager();
const app = express();
app.all('/mcp', async (req, res) => {
  const id = req.headers['mcp-session-id'] as string | undefined;
  const session = id ? manager.get(id) : await manager.open();
  if (!session) {
    res.status(404).end();
    return;
  }
  await session.transport.handleRequest(req, res, req.body);
});
app.listen(3000);
`
  const files = { '/app/src/manager.ts': manager, '/app/src/http/router.ts': router }
  const { texts, left } = await mendedBy('missing-session-expiry', files)
  expect(left).toBe(0)
  expect(texts['src/manager.ts']).toContain('const openedAt = new WeakMap<object, number>();\nexport const usedAt')
  expect(texts['src/manager.ts']).toContain('for (const [id, { transport }] of this.sessions) {')
  expect(texts['src/http/router.ts']).toContain("import { Manager, usedAt } from '../manager.js';")
  expect(texts['src/http/router.ts']).toContain(`  usedAt.set(session.transport, Date.now());
  await session.transport.handleRequest`)
})

describe('a request is handed over', () => {
  const OPENING = `  await (await open(req)).handleRequest(req, res, req.body);
});
async function open(req) {
  const id = req.headers['mcp-session-id'];
  if (transports[id]) return transports[id];
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (sid) => { transports[sid] = transport; },
  });
  await new McpServer({ name: 'a', version: '1' }).connect(transport);
  return transport;
}
app.listen(3000);
`
  const handing = (text: string): string => ROUTER.replace(/ {2}const sessionId = [^]*$/, text)

  test('to what is opened there, once, and gets a name first', async () => {
    const { text, left } = await mended(handing(OPENING))
    expect(left).toBe(0)
    expect(text).toContain(`  const sessionTransport = await open(req);
  usedAt.set(sessionTransport, Date.now());
  await sessionTransport.handleRequest(req, res, req.body);`)
  })

  test('and its answer looked at', async () => {
    const { text, left } = await mended(
      ROUTER.replace('  await transport.handle', '  const done = await transport.handle'),
    )
    expect(left).toBe(0)
    expect(text).toContain('  usedAt.set(transport, Date.now());\n  const done = await transport.handleRequest')
  })

  test('in a way that nobody follows, which matters only to what renews', async () => {
    const closing = 'if (await transport.handleRequest(req, res, req.body)) res.end();'
    const idle = `const seen = {};
setInterval(() => { for (const [id, transport] of Object.entries(transports)) if (Date.now() - seen[id] > 60000) { transport.close(); delete transports[id]; } }, 1000);
app.post`
    const odd = ROUTER.replace(
      'await transport.handleRequest(req, res, req.body);',
      `seen[sessionId] = Date.now();\n  ${closing}`,
    )
    expect(await mended(odd)).toMatchObject({ isFixed: false, left: 1 })
    const { text, left } = await mended(odd.replace('app.post', idle))
    expect(left).toBe(0)
    expect(text).toContain('// Sessions end 4 hours after they were opened.')
  })
})

test('a class that is handed transports notes them where it keeps them', async () => {
  const sessions = `export class Sessions {
  byId = new Map();
  add(id, transport) {
    this.byId.set(id, { transport, note: '' });
  }
  get(id) {
    return this.byId.get(id);
  }
}
`
  const router = ROUTER.replace(
    'const transports = {};',
    "import { Sessions } from './sessions.js';\nconst sessions = new Sessions();",
  )
    .replace(
      / {2}let transport;[^]*? {2}\} else \{/,
      `  const session = sessions.get(sessionId);
  if (session) {
    await session.transport.handleRequest(req, res, req.body);
    return;
  }
  let transport;
  {`,
    )
    .replace('{ transports[id] = transport; }', '{ sessions.add(id, transport); }')
  const files = { '/app/server.js': router, '/app/sessions.js': sessions }
  const { texts, left } = await mendedBy('missing-session-expiry', files)
  expect(left).toBe(0)
  expect(texts['sessions.js']).toContain(`    this.byId.set(id, { transport, note: '' });
    openedAt.set(transport, Date.now());
    usedAt.set(transport, Date.now());`)
  expect(texts['server.js']).toContain('    usedAt.set(session.transport, Date.now());')
})

const TYPED = `import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';

interface Session { transport: StreamableHTTPServerTransport }
type Sessions = Partial<Record<string, Session>>;
const sessions: Partial<Record<string, Session>> = {};

const app = express();
app.post('/mcp', async (req, res) => {
  const session = sessions[String(req.headers['mcp-session-id'])];
  if (session) {
    await session.transport.handleRequest(req, res, req.body);
    return;
  }
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => { sessions[id] = { transport }; },
  });
  await new McpServer({ name: 'a', version: '1' }).connect(transport);
  await transport.handleRequest(req, res, req.body);
});
app.listen(3000);
`
describe('a record whose entries may be undefined', () => {
  test.each([
    ['by its type', (text: string) => text],
    ['by the name of its type', (text: string) => text.replace(/sessions: .*?> =/, 'sessions: Sessions =')],
    [
      'by what is said of its keys',
      (text: string) => text.replace(/sessions: .*?> =/, 'sessions: { [id: string]: Session | undefined } ='),
    ],
  ])('is taken apart only where it is not, %s', async (_, change) => {
    const { text, left } = await mendedBy('missing-session-expiry', { '/app/server.ts': change(TYPED) })
    expect(left).toBe(0)
    expect(text).toContain(`  for (const [id, session] of Object.entries(sessions)) {
    if (session === undefined) continue;
    const { transport } = session;
    const isIdle`)
  })

  test('keeps transports without a part', async () => {
    const bare = TYPED.replace(
      '{ transport: StreamableHTTPServerTransport }',
      'extends StreamableHTTPServerTransport {}',
    )
      .replaceAll('session.transport', 'session')
      .replace('= { transport }', '= transport')
    const { text, left } = await mendedBy('missing-session-expiry', { '/app/server.ts': bare })
    expect(left).toBe(0)
    expect(text).toContain(`  for (const [id, transport] of Object.entries(sessions)) {
    if (transport === undefined) continue;
    const isIdle`)
  })

  test('is asked nothing where its type has an entry for every key', async () => {
    const whole = TYPED.replace('sessions: Partial<Record<string, Session>>', 'sessions: Record<string, Session>')
    const { text } = await mendedBy('missing-session-expiry', { '/app/server.ts': whole })
    expect(text).toContain('for (const [id, { transport }] of Object.entries(sessions)) {\n    const isIdle')
  })
})

test('a stranger does not renew a session, whichever fix comes first', async () => {
  const gate = `
const verifier = {
  async verifyAccessToken(token) {
    const claims = jwt.verify(token, process.env.KEY);
    return { token, clientId: claims.azp, scopes: [], expiresAt: claims.exp, extra: { userId: claims.sub } };
  },
};
app.post('/mcp', requireBearerAuth({ verifier }),`
  const program = `import jwt from 'jsonwebtoken';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
${ROUTER.replace("app.post('/mcp',", gate)}`
  const withRules = async (text: string, ...ids: readonly string[]): Promise<string> => {
    const files: Files = { '/app/server.js': text }
    const own = rules.filter(({ rule }) => ids.includes(rule.id))
    const { changes } = await mend(
      '/app',
      { kinds: 'all', host: memoryHost(files) },
      { read: readSources, extract, rules: own },
    )
    return changes[0]?.after ?? ''
  }
  const swept = await withRules(program, 'missing-session-expiry')
  for (const text of [
    await withRules(swept, 'unbound-session'),
    await withRules(program, 'unbound-session', 'missing-session-expiry'),
  ])
    expect(text).toContain(`  if (owners.get(transport) !== callerOf(req.auth)) {
    res.writeHead(404).end();
    return;
  }
  usedAt.set(transport, Date.now());
  await transport.handleRequest`)
})
