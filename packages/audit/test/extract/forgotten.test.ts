/** Guards that stand in a file of a whole server and are named by nobody, and those that somebody names after all. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const GUARD = `
  export function byKey(req, res, next) {
    const key = req.headers['x-api-key']
    if (!process.env.API_KEYS.split(',').includes(key)) return res.status(401).end()
    next()
  }`
const JWT = `
  import jwt from 'jsonwebtoken'
  export function byToken(req, res, next) {
    req.user = jwt.verify(req.headers.authorization, process.env.PUBLIC_KEY, { algorithms: ['RS256'] })
    next()
  }`

const server = (auth: string, use = 'app.use(byToken)', names = 'byToken'): Readonly<Record<string, string>> => ({
  'package.json': '{"name":"s","version":"1.0.0","main":"server.js","dependencies":{"express":"^5.0.0"}}',
  'auth.ts': auth,
  'server.ts': `
    import express from 'express'
    import { ${names} } from './auth.js'
    const app = express()
    ${use}
    app.get('/notes', (req, res) => res.json({}))
    app.listen(3000, '127.0.0.1')`,
})

describe('a guard in a file that is used', () => {
  const any = `
    export function byAny(req, res, next) {
      if (req.headers['x-api-key']) return byKey(req, res, next)
      byToken(req, res, next)
    }`
  const late = 'export const later = { byAny }'
  it.each([
    ['that nobody names', server(JWT + GUARD), 'pass'],
    ['that only another such guard names', server(JWT + GUARD + any), 'pass'],
    ['that comments name', server(`${JWT}${GUARD}\n/* was: byKey */\n// byKey, /* and this\n`), 'pass'],
    [
      'that is named between what looks like a comment and is none',
      server(`${JWT}${GUARD}\nconst all = './**'\nexport const guards = [byKey]\n${'const a = 1\n'.repeat(400)}/* */`),
      'fail',
    ],
    ['that is mounted', server(JWT + GUARD, 'app.use(byKey)', 'byKey'), 'fail'],
    ['that is named by one that is kept for others', server(JWT + GUARD + any, late, 'byAny'), 'fail'],
    ['that is put into a list of its file', server(`${JWT}${GUARD}\nexport const guards = [byKey]`), 'fail'],
    ['of a part of a tree', { 'auth.ts': JWT + GUARD }, 'fail'],
  ])('%s', (_what, program, outcome) => {
    expect(outcomeOf('timing-unsafe-comparison', program)).toBe(outcome)
  })
})
