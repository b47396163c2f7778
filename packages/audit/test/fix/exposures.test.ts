/** What logs say of sessions, before and after. */
import { describe, expect, test } from 'vitest'
import { mendedBy } from './mended.ts'

const serverThat = (logs: string): string => `import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';

const transports = {};
const app = express();
app.all('/mcp', async (req, res) => {
  const sessionId = req.headers['mcp-session-id'];
  ${logs}
  let transport = transports[sessionId];
  if (!transport) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => { transports[id] = transport; },
    });
    await new McpServer({ name: 'a', version: '1' }).connect(transport);
  }
  await transport.handleRequest(req, res);
});
app.listen(3000);
`
const mended = (logs: string) => mendedBy('session-token-exposure', { '/app/server.js': serverThat(logs) })

describe('a log', () => {
  test.each([
    [
      'in a template',
      'console.log(`Request in ${sessionId} by ${req.ip}`);',
      '`Request in ${sessionTag(sessionId)} by ${req.ip}`',
    ],
    [
      'in a template within one',
      'console.log(`A${sessionId ? ` in ${sessionId}` : ""}`);',
      '` in ${sessionTag(sessionId)}`',
    ],
    ['as it is', 'logger.info("In", sessionId);', '("In", sessionTag(sessionId))'],
    ['joined to a text', 'console.log("In " + sessionId + ".");', '"In " + sessionTag(sessionId) + "."'],
    ['in an object', 'logger.info({ sessionId, at: 1 }, "In");', '{ sessionId: sessionTag(sessionId), at: 1 }'],
    [
      'straight from the header',
      "console.log(req.headers['mcp-session-id'] ?? 'none');",
      "(sessionTag(req.headers['mcp-session-id']))",
    ],
  ])('says a tag instead of an ID %s', async (_, logs, expected) => {
    const { text, left } = await mended(logs)
    expect(left).toBe(0)
    expect(text).toContain(expected)
    expect(text).toContain("import { createHash, randomUUID } from 'node:crypto';")
    expect(
      text.endsWith(`
/** Finds what the log says of one session, and opens nothing. */
function sessionTag(id) {
  if (!id) return 'none';
  return createHash('sha256').update(String(id)).digest('hex').slice(0, 8);
}
`),
    ).toBe(true)
  })

  test('says the names of headers', async () => {
    const { text, left } = await mended('console.log(req.method, req.headers);')
    expect(left).toBe(0)
    expect(text).toContain('console.log(req.method, Object.keys(req.headers));')
  })

  test('is mended in all of its lines', async () => {
    const { text, left } = await mended('console.log(`A ${sessionId}`);\n  console.log("B", sessionId);')
    expect(left).toBe(0)
    expect(text.match(/sessionTag\(sessionId\)/g)).toHaveLength(2)
  })

  test.each([
    ['a text that has it in it', 'const message = `Request in ${sessionId}`;\n  console.log(message);'],
    ['what a call makes of it', 'console.log(describe(sessionId));'],
    ['a credential', 'console.log(req.headers.authorization);'],
    ['a list that is spread', 'const all = ["In", sessionId];\n  console.log(...all);'],
  ])('is left to a person where it says %s', async (_, logs) => {
    expect(await mended(logs)).toMatchObject({ isFixed: false, left: 1 })
  })
})
