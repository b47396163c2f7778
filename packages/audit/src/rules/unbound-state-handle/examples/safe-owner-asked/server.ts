// Safe: the store gives a job to its owner only.
import { createHash, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { localhostHostValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { z } from 'zod'
import { JobStore } from './jobs.ts'

const AUDIENCE = 'https://jobs.example/mcp'
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const jobs = new JobStore()

async function verifyAccessToken(token: string): Promise<AuthInfo> {
  const user = users.get(digest(token))
  if (user === undefined) throw new InvalidTokenError('unknown token')
  const expiresAt = Date.now() / 1000 + 60
  return { token, clientId: 'jobs-app', scopes: [], expiresAt, resource: new URL(AUDIENCE), extra: { sub: user } }
}

function buildServer(): McpServer {
  const server = new McpServer({ name: 'jobs', version: '1.0.0' })
  server.registerTool('job_run', { inputSchema: { text: z.string() } }, async ({ text }, { authInfo }) => {
    const id = jobs.start(String(authInfo?.extra?.sub), text)
    return { content: [{ type: 'text', text: id }] }
  })
  server.registerTool('job_result', { inputSchema: { job: z.string() } }, async ({ job }, { authInfo }) => {
    const result = jobs.resultOf(job, String(authInfo?.extra?.sub))
    if (result === undefined) return { isError: true, content: [{ type: 'text', text: 'no such job' }] }
    return { content: [{ type: 'text', text: result }] }
  })
  return server
}

const app = express()
app.use(localhostHostValidation())
app.use('/mcp', requireBearerAuth({ verifier: { verifyAccessToken }, expectedResource: new URL(AUDIENCE) }))
app.post('/mcp', express.json(), async (req, res) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  res.on('close', () => void transport.close())
  await buildServer().connect(transport)
  await transport.handleRequest(req, res, req.body)
})

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
