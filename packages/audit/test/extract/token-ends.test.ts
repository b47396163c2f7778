/** Whether a signed token ends, however its claims and options are put together, and however often. */
import { describe, expect, it } from 'vitest'
import { findingsOf } from './programs.ts'

const BUILDER = `
    function claimsOf(user) {
      const id = user._id ?? user.id
      return { id: id != null ? String(id) : '', email: user.email ?? '', avatar: user.avatar ?? '' }
    }`

/** A server that signs a token at its login, and another one wherever the profile changes. */
function server(beside: string, sign: string): string {
  return `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    import bcrypt from 'bcryptjs'
    import { promisify } from 'node:util'
    const users = new Map()
    ${beside}
    const app = express()
    const asked = (req, res, next) => {
      req.user = jwt.verify(req.headers['x-auth-token'], process.env.KEY)
      next()
    }
    app.post('/login', async (req, res) => {
      const user = users.get(req.body.email)
      if (!user || !(await bcrypt.compare(req.body.password, user.password))) return res.sendStatus(401)
      ${sign}
    })
    app.patch('/name', asked, async (req, res) => {
      const user = users.get(req.user.id)
      ${sign}
    })
    app.patch('/avatar', asked, async (req, res) => {
      const user = users.get(req.user.id)
      ${sign}
    })
    app.put('/email', asked, async (req, res) => {
      const user = users.get(req.user.id)
      ${sign}
    })
    app.listen(3000)`
}

const givenOut = (signed: string): string => `return res.json({ token: ${signed} })`
const isEndless = (beside: string, sign: string): boolean =>
  findingsOf('missing-session-expiry', server(beside, sign)).some((text) => text.includes('signed without an expiry'))

describe('a signed token', () => {
  it.each<[string, string, string]>([
    ['whose claims a function puts together', BUILDER, givenOut('jwt.sign(claimsOf(user), process.env.KEY)')],
    [
      'whose claims an arrow function puts together',
      'const claimsOf = ({ _id, email }) => ({ id: String(_id), email })',
      givenOut('jwt.sign(claimsOf(user), process.env.KEY)'),
    ],
    [
      'that a function signs',
      `${BUILDER}\nconst tokenOf = (user) => jwt.sign(claimsOf(user), process.env.KEY)`,
      givenOut('tokenOf(user)'),
    ],
    [
      'with options that say nothing of its end',
      `${BUILDER}\nconst options = { algorithm: 'HS256' }`,
      givenOut('jwt.sign(claimsOf(user), process.env.KEY, options)'),
    ],
    [
      'that is handed to a callback',
      BUILDER,
      'jwt.sign(claimsOf(user), process.env.KEY, (error, token) => res.json({ token }))',
    ],
    [
      'that a promise gives',
      `${BUILDER}\nconst signAsync = promisify(jwt.sign)`,
      givenOut('await signAsync(claimsOf(user), process.env.KEY)'),
    ],
  ])('has no end: %s', (_name, beside, sign) => {
    expect(isEndless(beside, sign)).toBe(true)
  })

  it.each<[string, string, string]>([
    ['told beside', BUILDER, givenOut("jwt.sign(claimsOf(user), process.env.KEY, { expiresIn: '7d' })")],
    [
      'told by a setting with a default',
      `${BUILDER}\nconst expiresIn = process.env.TOKEN_TTL || '7d'`,
      givenOut('jwt.sign(claimsOf(user), process.env.KEY, { expiresIn })'),
    ],
    [
      'told by options that are kept',
      `${BUILDER}\nconst options = { expiresIn: '7d' }`,
      givenOut('jwt.sign(claimsOf(user), process.env.KEY, options)'),
    ],
    [
      'told by a function',
      `${BUILDER}\nconst optionsOf = (user) => ({ expiresIn: user.admin ? '1h' : '7d' })`,
      givenOut('jwt.sign(claimsOf(user), process.env.KEY, optionsOf(user))'),
    ],
    [
      'in the claims',
      'const claimsOf = (user) => ({ id: String(user._id), exp: Math.floor(Date.now() / 1000) + 3600 })',
      givenOut('jwt.sign(claimsOf(user), process.env.KEY)'),
    ],
    [
      'beside the claims',
      BUILDER,
      givenOut('jwt.sign({ ...claimsOf(user), exp: Math.floor(Date.now() / 1000) + 3600 }, process.env.KEY)'),
    ],
    [
      'added to the claims',
      BUILDER,
      `const claims = claimsOf(user)
       claims.exp = Math.floor(Date.now() / 1000) + 3600
       ${givenOut('jwt.sign(claims, process.env.KEY)')}`,
    ],
    [
      'before a callback',
      BUILDER,
      "jwt.sign(claimsOf(user), process.env.KEY, { expiresIn: '7d' }, (error, token) => res.json({ token }))",
    ],
    [
      'of a promise',
      `${BUILDER}\nconst signAsync = promisify(jwt.sign)`,
      givenOut("await signAsync(claimsOf(user), process.env.KEY, { expiresIn: '7d' })"),
    ],
    [
      'unknown: whatever the claims bring',
      'const claimsOf = (user) => ({ ...user, id: user._id })',
      givenOut('jwt.sign(claimsOf(user), process.env.KEY)'),
    ],
  ])('has an end: %s', (_name, beside, sign) => {
    expect(isEndless(beside, sign)).toBe(false)
  })
})
