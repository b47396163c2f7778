/** Variables that a loop sets and asks for: what a later round finds set, an earlier one has made so. */
import { describe, expect, it } from 'vitest'
import { factsOf } from './programs.ts'

const server = (look: string): string => `
  import express from 'express'
  import { timingSafeEqual, createHash } from 'node:crypto'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  const app = express()
  const KEYS = [process.env.KEY_OLD, process.env.KEY_NEW]
  const hash = (text) => createHash('sha256').update(text).digest()
  app.post('/mcp', async (req, res) => {
    const given = hash(req.headers.authorization ?? '')
    let flag = false
    for (const key of KEYS) {
      ${look}
    }
    if (!flag) return res.status(401).end()
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await transport.handleRequest(req, res, req.body)
  })
  app.listen(3000, '127.0.0.1')`

const EQUAL = 'timingSafeEqual(hash(key), given)'
const authenticated = (program: string): string | undefined => factsOf(program).endpoints[0]?.authenticated

describe('a flag that is set by a round of a loop', () => {
  it.each([
    [`if (${EQUAL}) flag = true`],
    [`if (!flag && ${EQUAL}) flag = true`],
    [`if (flag) continue\n if (${EQUAL}) flag = true`],
    [`if (flag) break\n if (${EQUAL}) flag = true`],
    [`if (!flag) { if (${EQUAL}) { flag = true } }`],
  ])('lets in whoever has proven it: %s', (look) => {
    expect(authenticated(server(look))).toBe('always')
  })

  it.each([
    [`if (!flag && key.length > 3) flag = true`],
    [`if (!flag && ${EQUAL}) flag = true\n if (flag || key.length > 3) flag = true`],
    [`if (!flag && ${EQUAL}) flag = true\n else if (!flag && key.length > 3) flag = true`],
    [`if (flag) flag = true\n else flag = true`],
  ])('or whoever comes: %s', (look) => {
    expect(authenticated(server(look))).not.toBe('always')
  })
})
