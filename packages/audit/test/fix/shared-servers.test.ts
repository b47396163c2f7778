/** One server of the SDK for all sessions, and one for each. */
import { describe, expect, test } from 'vitest'
import { mendedBy } from './mended.ts'

const IMPORTS = `import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
import { addTools } from './tools.js';
`
const ROUTER = `
const transports = {};
const app = express();
app.all('/mcp', async (req, res) => {
  const id = req.headers['mcp-session-id'];
  let transport = transports[id];
  if (!transport) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (sid) => { transports[sid] = transport; },
    });
    await server.connect(transport);
  }
  await transport.handleRequest(req, res);
});
app.listen(3000);
`
const MADE = `
// Tells the time.
const server = new McpServer({ name: 'clock', version: '1' });
server.tool('now', async () => ({ content: [{ type: 'text', text: \`It is
\${new Date()}\` }] })); // UTC
// All others.
addTools(server, { admin: false });
`
const mended = (text: string) => mendedBy('shared-session-state', { '/app/server.js': text })

describe('a server that is made once', () => {
  test('is made in a function, with what fills it, and anew for each session', async () => {
    const { text, left } = await mended(`${IMPORTS}${MADE}${ROUTER}`)
    expect(left).toBe(0)
    expect(text).toContain(`
// Tells the time.
function createServer() {
  const server = new McpServer({ name: 'clock', version: '1' });
  server.tool('now', async () => ({ content: [{ type: 'text', text: \`It is
\${new Date()}\` }] })); // UTC
  // All others.
  addTools(server, { admin: false });
  return server;
}

const transports = {};`)
    expect(text).toContain('    await createServer().connect(transport);')
  })

  test('by a function is made by it each time', async () => {
    const maker = `
function makeServer() {
  return new McpServer({ name: 'clock', version: '1' });
}

const server = makeServer();
`
    const { text, left } = await mended(`${IMPORTS}${maker}${ROUTER}`)
    expect(left).toBe(0)
    expect(text).not.toContain('const server')
    expect(text).toContain('    await makeServer().connect(transport);')
    expect(text).not.toContain('\n\n\n')
  })

  test('is not closed before, and what was said of that is gone', async () => {
    const closed = ROUTER.replace(
      '    await server.connect',
      '    // Only one at a time.\n    if (server.isConnected()) await server.close();\n    await server.connect',
    )
    const { text, left } = await mended(`${IMPORTS}${MADE}${closed}`)
    expect(left).toBe(0)
    expect(text).toContain('    });\n    await createServer().connect(transport);')
  })

  test.each([
    ['is closed when the process ends', `${MADE}process.on('SIGINT', () => server.close());\n`],
    ['is exported', MADE.replace('const server', 'export const server')],
    ['is filled with what has to be waited for', MADE.replace('addTools(', 'await addTools(')],
    ['is filled further down', `${MADE}const more = 1;\nserver.tool('more', async () => more);\n`],
  ])('stays where it %s', async (_, made) => {
    expect(await mended(`${IMPORTS}${made}${ROUTER}`)).toMatchObject({ isFixed: false, left: 1 })
  })
})
