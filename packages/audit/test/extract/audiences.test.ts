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
