/** A server of xmcp is a configuration, a folder of tools and what stands before them. */
import { describe, expect, it } from 'vitest'
import { findingsOf, listenersOf, outcomeOf } from './programs.ts'

const tool = `
  export const schema = {}
  export const metadata = { name: 'read' }
  export default async function read({ id }) { return String(id) }`

const server = (http: string, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  'xmcp.config.ts': `
    import type { XmcpConfig } from 'xmcp'
    const config: XmcpConfig = { ${http} paths: { tools: './src/tools' } }
    export default config`,
  'src/tools/read.ts': tool,
  ...more,
})

describe('a server of xmcp', () => {
  it('listens where its configuration says, on loopback without a word', () => {
    expect(listenersOf(server("http: { port: 3001, host: '0.0.0.0' },"))).toEqual(['xmcp.config.ts:2 0.0.0.0'])
    expect(listenersOf(server('http: true,'))).toEqual(['xmcp.config.ts:2 loopback'])
    expect(listenersOf(server('stdio: true,'))).toEqual([])
  })

  it('asks for no origin, and may be told to', () => {
    expect(outcomeOf('missing-origin-check', server('http: true,'))).toBe('fail')
    const asking = `
      export default (req, res, next) => {
        if (!['localhost:3001'].includes(req.headers.host)) return res.status(403).end()
        next()
      }`
    expect(outcomeOf('missing-origin-check', server('http: true,', { 'src/middleware.ts': asking }))).toBe('pass')
  })

  it.each([
    ["apiKeyAuthMiddleware({ apiKey: 'letmein-please' })"],
    ["[jwtAuthMiddleware({ secret: 'letmein-please', algorithms: ['HS256'] })]"],
  ])('lets callers in by what is written: %s', (made) => {
    const middleware = `
      import { apiKeyAuthMiddleware, jwtAuthMiddleware } from 'xmcp'
      export default ${made}`
    expect(outcomeOf('weak-session-secret', server('http: true,', { 'src/middleware.ts': middleware }))).toBe('fail')
    const set = middleware.replace("'letmein-please'", 'process.env.KEY')
    expect(outcomeOf('weak-session-secret', server('http: true,', { 'src/middleware.ts': set }))).not.toBe('fail')
  })

  it('may compare keys by itself', () => {
    const middleware = `
      import { apiKeyAuthMiddleware } from 'xmcp'
      export default apiKeyAuthMiddleware({ validateApiKey: async (key) => key === process.env.API_KEY })`
    expect(outcomeOf('timing-unsafe-comparison', server('http: true,', { 'src/middleware.ts': middleware }))).toBe(
      'fail',
    )
  })

  it('runs its tools for requests', () => {
    const files = {
      'src/middleware.ts': `
        import { apiKeyAuthMiddleware } from 'xmcp'
        export default apiKeyAuthMiddleware({ validateApiKey: async (key) => key === process.env.API_KEY })`,
      'src/tools/note.ts': `
        export default async function note() { console.log('key', process.env.API_KEY) }`,
    }
    expect(findingsOf('session-token-exposure', server('http: true,', files))).toHaveLength(1)
  })
})
