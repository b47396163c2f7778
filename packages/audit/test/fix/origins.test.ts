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
