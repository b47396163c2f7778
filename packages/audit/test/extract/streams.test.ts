/** Streams that a credential has opened, and what closes them when it is over. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

/** A worker that lets in by SDK v2's gate, and tells of a resource. */
const worker = (serve: string): string => `
  import { createMcpHandler, McpServer, requireBearerAuth } from '@modelcontextprotocol/server'
  import { createRemoteJWKSet, jwtVerify } from 'jose'
  const keys = createRemoteJWKSet(new URL(process.env.JWKS_URL))
  const gate = requireBearerAuth({ verifier: { async verifyAccessToken(token) {
    const { payload } = await jwtVerify(token, keys, { audience: 'board' })
    return { token, clientId: payload.azp, scopes: [], expiresAt: payload.exp }
  } } })
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'board', version: '1' }, { capabilities: { resources: { subscribe: true } } })
    server.registerTool('announce', {}, async () => {
      handler.notify.resourceUpdated('board://announcement')
      return { content: [] }
    })
    return server
  }, { legacy: 'reject' })
  export default { async fetch(request) {
    const auth = await gate(request)
    if (auth instanceof Response) return auth
    ${serve}
  } }`

describe('subscriptions behind a gate that answers or lets in', () => {
  it('go on for as long as the client likes', () => {
    const serve = 'return handler.fetch(request, { authInfo: auth })'
    expect(outcomeOf('stream-outlives-token', worker(serve))).toBe('fail')
  })

  it('are cut off when a timer aborts what they are piped by', () => {
    const serve = `const response = await handler.fetch(request, { authInfo: auth })
      const controller = new AbortController()
      setTimeout(() => controller.abort(), auth.expiresAt * 1000 - Date.now())
      const { readable, writable } = new TransformStream()
      response.body.pipeTo(writable, { signal: controller.signal }).catch(() => undefined)
      return new Response(readable, response)`
    expect(outcomeOf('stream-outlives-token', worker(serve))).toBe('pass')
  })
})
