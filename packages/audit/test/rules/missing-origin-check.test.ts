import { expect, test } from 'vitest'
import { placesOf } from '../../src/finding/finding.ts'
import { auditFiles } from '../suppress/programs.ts'

/** The GET route stands before the POST route, and its handler before both dispatches. */
const server = `import express from 'express'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
const transports = new Map()
const app = express()
app.get('/sse', async (req, res) => {
  const transport = new SSEServerTransport('/messages', res)
  transports.set(transport.sessionId, transport)
  await new McpServer({ name: 'a', version: '1' }).connect(transport)
})
app.post('/messages', async (req, res) => {
  await transports.get(req.query.sessionId).handlePostMessage(req, res)
})
app.listen(3000, '127.0.0.1')
`

test('steps stand in the order of the source', async () => {
  const { findings } = await auditFiles({ 'server.js': server })
  const { trace } = findings.find(({ rule }) => rule === 'missing-origin-check') ?? { trace: [] }
  expect(placesOf(trace).map(({ note, location }) => `${location.startLine} ${note}`)).toEqual([
    '5 requests enter here, from whatever page',
    '6 no check of Origin or Host on the way',
    '7 MCP is served',
    '11 no check of Origin or Host on the way',
    '12 MCP is served',
  ])
})
