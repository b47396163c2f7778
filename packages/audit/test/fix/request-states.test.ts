/** The codec of the SDK for requestState, in the shapes in which tools ask their clients. */
import { describe, expect, test } from 'vitest'
import { mendedBy } from './mended.ts'

const SERVED = `
const app = express();
app.post("/mcp", async (req, res) => {
  const authInfo = await gate(req);
  return toNodeHandler(createMcpHandler(createServer))(req, res, req.body, { authInfo });
});
app.listen(3000);
`
const IMPORTS = `import { McpServer, createMcpHandler, inputRequired, requireBearerAuth } from "@modelcontextprotocol/server";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { z } from "zod";
import express from "express";
import jwt from "jsonwebtoken";
`
const VERIFIER = `
async function verifyAccessToken(token) {
  const claims = jwt.verify(token, process.env.KEY);
  return { token, clientId: claims.azp, scopes: [], extra: { userId: claims.sub } };
}
const gate = requireBearerAuth({ verifier: { verifyAccessToken } });
`
const tool = (server: string, handler: string) => `
const orders = [];
function createServer() {
  const server = ${server};
  server.registerTool("order", { inputSchema: z.object({ item: z.string() }) }, ${handler});
  return server;
}
`
const PLAIN = `async ({ item }, ctx) => {
    const state = ctx.mcpReq.requestState();
    if (!state) return inputRequired({ inputRequests: { sure: {} }, requestState: JSON.stringify({ item }) });
    orders.push(JSON.parse(state).item);
    return { content: [{ type: "text", text: "ordered" }] };
  }`

const unsigned = (...parts: readonly string[]) =>
  mendedBy('unsigned-request-state', { '/app/server.js': IMPORTS + parts.join('') + SERVED })

describe('an unsigned state', () => {
  test('is sealed where it goes out and verified where it comes in, in the manner of the file', async () => {
    const { text, left } = await unsigned(
      VERIFIER,
      tool('new McpServer({ name: "a", version: "1" }, { instructions: "Order." })', PLAIN),
    )
    expect(left).toBe(0)
    expect(text).toContain('{ instructions: "Order.", requestState: { verify: requestStates.verify } }')
    expect(text).toContain('requestState: await requestStates.mint(JSON.stringify({ item }), ctx)')
    expect(text).toContain('ctx.http?.authInfo?.extra?.userId')
    expect(text).toContain('ctx.http?.req?.headers.get("mcp-name")')
    expect(text).not.toContain("'")
  })

  test('is sealed for its request alone where nobody says who they are', async () => {
    const open = SERVED.replace('const authInfo = await gate(req);', '').replace(', { authInfo }', '')
    const { text, left } = await mendedBy('unsigned-request-state', {
      '/app/server.js': IMPORTS + tool('new McpServer({ name: "a", version: "1" })', PLAIN) + open,
    })
    expect(left).toBe(0)
    expect(text).not.toContain('ctx.http?.authInfo')
  })

  test.each([
    [
      'where no verifier of the tree says who somebody is',
      'import { verifier } from "some-auth";\nconst gate = requireBearerAuth({ verifier });\n',
      PLAIN,
      'new McpServer({ name: "a" })',
    ],
    [
      'where the server has a verifier of its own',
      VERIFIER,
      PLAIN,
      'new McpServer({ name: "a" }, { requestState: { verify: (text) => text } })',
    ],
    ['where nothing can wait for the seal', VERIFIER, PLAIN.replace('async ', ''), 'new McpServer({ name: "a" })'],
  ])('stays %s', async (_, gate, handler, server) => {
    expect(await unsigned(gate, tool(server, handler))).toMatchObject({ isFixed: false, left: 1 })
  })
})

const CODEC = `
import { createRequestStateCodec } from "@modelcontextprotocol/server";
import { randomBytes, randomUUID } from "node:crypto";
const codec = createRequestStateCodec({ key: randomBytes(32)BIND });
`
const SEALED = `async ({ item }, ctx) => {
    const state = ctx.mcpReq.requestState();
    if (!state) return inputRequired({ inputRequests: { sure: {} }, requestState: await codec.mint({ item }, ctx) });
    orders.push(state.item);
    return { content: [{ type: "text", text: "ordered" }] };
  }`
const WIRED = 'new McpServer({ name: "a", version: "1" }, { requestState: { verify: codec.verify } })'
const program = (bind: string) => ({
  '/app/server.js': IMPORTS + CODEC.replace('BIND', bind) + VERIFIER + tool(WIRED, SEALED) + SERVED,
})

describe('a sealed state', () => {
  test.each([
    ['bound to nothing', '', '(ctx) => JSON.stringify([ctx.mcpReq.method, '],
    ['bound by a function', ', bind: boundTo', '(ctx) => JSON.stringify([boundTo(ctx), ctx.mcpReq.method, '],
    [
      'bound to its client',
      ', bind: (c) => c.http.authInfo.clientId',
      '(c) => JSON.stringify([c.http.authInfo.clientId, c.mcpReq.method, ',
    ],
  ])('is bound to its caller and its request besides: %s', async (_, bind, expected) => {
    const { text, left } = await mendedBy('unbound-request-state', program(bind))
    expect(left).toBe(0)
    expect(text).toContain(`bind: ${expected}`)
    expect(text).toContain('extra?.userId]) });')
  })

  test('is redeemed once, and what is written about it stays as it is', async () => {
    const { text, left } = await mendedBy('replayable-request-state', program(', ttlSeconds: life'))
    expect(left).toBe(0)
    expect(text).toContain('const sealed = createRequestStateCodec({ key: randomBytes(32), ttlSeconds: life });')
    expect(text).toContain('setTimeout(() => redeemed.delete(id), life * 1000).unref();')
    expect(text).toContain('{ requestState: { verify: codec.verify } }')
  })
})
