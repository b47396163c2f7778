/** Tokens that are made here are for here; those of others have to say whom they are for. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const server = (signing: string): string => `
  import { createServer } from 'node:http'
  import { SignJWT, jwtVerify } from 'jose'
  const key = new TextEncoder().encode(process.env.TOKEN_SECRET)
  ${signing}
  createServer(async (req, res) => {
    const { payload } = await jwtVerify(req.headers.authorization.slice(7), key, { issuer: 'notes' })
    res.end(payload.sub)
  }).listen(3000, '127.0.0.1')
`

describe('a token without an audience', () => {
  it('is of somebody else', () => {
    expect(outcomeOf('unchecked-token-audience', server(''))).toBe('fail')
  })

  it('is our own, though nothing here is seen to ask for it', () => {
    const signing = `export async function issue(sub) {
      return new SignJWT({ sub }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(key)
    }`
    expect(outcomeOf('unchecked-token-audience', server(signing))).toBe('notApplicable')
  })
})

describe('an issuer that is asked about a token', () => {
  const asking = (path: string, check: string): string => `
    import express from 'express'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    const app = express()
    const auth = requireBearerAuth({ verifier: { async verifyAccessToken(token) {
      const response = await fetch(\`https://issuer.example/${path}\`, { headers: { authorization: \`Bearer \${token}\` } })
      if (!response.ok) throw new Error('no')
      const told = await response.json()
      ${check}
      return { token, clientId: told.sub, scopes: [] }
    } } })
    app.post('/mcp', auth, (req, res) => res.json({ jsonrpc: '2.0', id: req.body.id, result: {} }))
    app.listen(3000, '127.0.0.1')`

  it.each(['userinfo', 'oauth/introspect'])('knows all that it has issued: %s', (path) => {
    expect(outcomeOf('unchecked-token-audience', asking(path, ''))).toBe('fail')
  })

  it('says whom it was for, and that is compared', () => {
    const check = "if (told.aud !== 'https://notes.example/mcp') throw new Error('no')"
    expect(outcomeOf('unchecked-token-audience', asking('oauth/introspect', check))).not.toBe('fail')
  })

  it('is not one where the service that is called has keys of its own', () => {
    expect(outcomeOf('unchecked-token-audience', asking('v1/me', ''))).not.toBe('fail')
  })
})
