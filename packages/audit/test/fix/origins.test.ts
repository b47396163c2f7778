/** The check of Origin, in code that has to compile as well. */
import { expect, test } from 'vitest'
import { mendedBy } from './mended.ts'

test('asks Hono for a header twice, which may be undefined each time as far as the compiler knows', async () => {
  const { text, left } = await mendedBy('missing-origin-check', {
    '/app/server.ts': `import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { Hono } from 'hono'

const app = new Hono()
app.all('/mcp', (c) => {
  const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  return transport.handleRequest(c.req.raw)
})
export default app
`,
  })
  expect(left).toBe(0)
  expect(text).toContain("if (c.req.header('origin') && !allowedOrigins.includes(c.req.header('origin') ?? ''))")
})

test('takes away what was said of the value that it replaces, and nothing else', async () => {
  const { text, left } = await mendedBy('missing-origin-check', {
    '/app/server.ts': `import { randomUUID } from 'node:crypto'
import cors from 'cors'
import express from 'express'

const app = express()
app.use(express.json())
app.use(
  cors({
    // For the pages of our customers.
    origin: true, // any origin
    credentials: true, // cookies too
  }),
)
app.post('/login', (req, res) => {
  res.cookie('session', randomUUID()).end()
})
app.listen(3000)
`,
  })
  expect(left).toBe(0)
  expect(text).toContain(`    // For the pages of our customers.
    origin: (process.env.ALLOWED_ORIGINS ?? '').split(','),
    credentials: true, // cookies too
  }),`)
})
