/** Logouts that take a cookie back, and what they leave behind. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf, type Program } from './programs.ts'

const rule = 'missing-session-invalidation'

function express(logout: string): string {
  return `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    import { revocations } from './revocations'
    const revoked = new Map()
    const app = express()
    app.post('/login', (req, res) => {
      res.cookie('access_token', jwt.sign({ sub: req.body.user }, process.env.KEY, { expiresIn: '1h' }))
      res.end()
    })
    app.post('/auth/logout', async (req, res) => {
      ${logout}
      res.end()
    })
    app.listen(3000)`
}

const routes = (clear: string): Program => ({
  'app/api/login/route.ts': `
    import { NextResponse } from 'next/server'
    import { SignJWT } from 'jose'
    export async function POST(request: Request) {
      const response = NextResponse.json({})
      response.cookies.set('session', await new SignJWT({}).sign(key))
      return response
    }`,
  'app/api/logout/route.ts': `
    import { NextResponse } from 'next/server'
    import { cookies } from 'next/headers'
    export async function POST() {
      const response = NextResponse.json({})
      ${clear}
      return response
    }`,
})

describe('a logout', () => {
  it.each([
    ['clears the cookie', "res.clearCookie('access_token')"],
    ['sets it to nothing', "res.cookie('access_token', '', { maxAge: 0 })"],
    ['writes the header', "res.setHeader('Set-Cookie', 'access_token=; Max-Age=0')"],
  ])('%s and ends nothing', (_how, logout) => {
    expect(findingsOf(rule, express(logout))).toEqual([
      'server.ts:11: Logging out only takes the cookie access_token back from the browser: what it holds goes on working.',
    ])
  })

  it.each([
    ['notes that the token is revoked', 'revoked.set(req.cookies.access_token, Date.now())'],
    ['asks code that cannot be seen', 'await revocations.add(req.cookies.access_token)'],
    ['asks the issuer', "await fetch('https://issuer.example/revoke', { method: 'POST' })"],
  ])('%s as well', (_how, end) => {
    expect(outcomeOf(rule, express(`${end}\n      res.clearCookie('access_token')`))).not.toBe('fail')
    expect(outcomeOf(rule, express(`res.clearCookie('access_token')\n      ${end}`))).not.toBe('fail')
  })

  it('clears another cookie than that of the login', () => {
    expect(outcomeOf(rule, express("res.clearCookie('theme')"))).not.toBe('fail')
  })

  it.each(["response.cookies.delete('session')", "const jar = await cookies()\n      jar.delete('session')"])(
    'is a module of its own: %s',
    (clear) => {
      expect(outcomeOf(rule, routes(clear))).toBe('fail')
    },
  )

  it('is named by the path that its server tells apart', () => {
    expect(
      findingsOf(
        rule,
        `
        import { createServer } from 'node:http'
        createServer((req, res) => {
          const { pathname } = new URL(req.url, 'http://x')
          if (pathname === '/login') res.setHeader('Set-Cookie', \`session=\${await issue()}\`)
          if (pathname === '/logout') res.setHeader('Set-Cookie', 'session=; Max-Age=0')
          if (pathname === '/other') res.setHeader('Set-Cookie', 'session=; Max-Age=0')
          res.end()
        }).listen(3000)`,
      ),
    ).toEqual([expect.stringContaining('server.ts:5:')])
  })
})
