// mcp-handler as its readme starts it, with its own check of bearer tokens.
import { createServer } from 'node:http'
import { createMcpHandler, withMcpAuth } from 'mcp-handler'
import { toNodeHandler } from 'srvx/node'
import { z } from 'zod'

const users = new Map(Object.entries(JSON.parse(process.env.TOKENS)))
const handler = createMcpHandler((server) => {
  server.registerTool(
    'say',
    { description: 'Says it again', inputSchema: z.object({ text: z.string() }), annotations: { readOnlyHint: true } },
    async ({ text }) => ({ content: [{ type: 'text', text }] }),
  )
})
async function verify(_request, token) {
  const user = users.get(token)
  return user && { token, clientId: user, scopes: [], expiresAt: Math.floor(Date.now() / 1000) + 3600 }
}
createServer(toNodeHandler(withMcpAuth(handler, verify, { required: true }))).listen(3000)
