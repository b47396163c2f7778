/** Defaults of secrets that a program does not go on with, and settings that lie over each other. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf } from './programs.ts'

const rule = 'weak-session-secret'

const server = (settings: string, secret = 'secret'): string => `
  import express from 'express'
  import jwt from 'jsonwebtoken'
  import { randomBytes } from 'node:crypto'
  import _, { defaultsDeep } from 'lodash'
  import deepmerge from 'deepmerge'
  import { defu } from 'defu'
  const WEAK = ['changeme', 'secret']
  ${settings}
  const app = express()
  app.get('/', (req, res) => {
    jwt.verify(req.headers.authorization, ${secret})
    res.end()
  })
  app.listen(3000)`

const byDefault = "const secret = process.env.JWT_KEY || 'changeme'"
const inRecord = "const config = { auth: { secret: process.env.JWT_KEY || 'changeme' } }"

describe('a default that is refused at start-up', () => {
  it.each([
    ['by an end', "if (secret === 'changeme') process.exit(1)"],
    ['by an error', "if ('changeme' == secret) { console.error('no'); throw new Error('set JWT_KEY') }"],
    ['beside a missing one', "if (!secret || secret.toLowerCase() === 'changeme') throw new Error('set JWT_KEY')"],
    ['as too short', "if (secret.length < 32) throw new Error('set JWT_KEY')"],
    ['as one of a list', "if (WEAK.includes(secret)) throw new Error('set JWT_KEY')"],
    ['in a function', "function check() { if (secret === 'changeme') throw new Error('no') }\n  check()"],
  ])('%s is no secret', (_how, refusal) => {
    expect(outcomeOf(rule, server(`${byDefault}\n  ${refusal}`))).toBe('pass')
  })

  it('is none where it is a part of a record', () => {
    const refusal = "if (config.auth.secret === 'changeme') throw new Error('no')"
    expect(outcomeOf(rule, server(`${inRecord}\n  ${refusal}`, 'config.auth.secret'))).toBe('pass')
  })

  it('is none where something random is put in its place', () => {
    const replaced = "if (config.auth.secret === 'changeme') config.auth.secret = randomBytes(32).toString('hex')"
    expect(outcomeOf(rule, server(`${inRecord}\n  ${replaced}`, 'config.auth.secret'))).toBe('pass')
  })

  it.each([
    ['parsed', 'const secret = Schema.parse({ KEY: given }).KEY', 32, 'pass'],
    [
      'parsed safely',
      'const parsed = Schema.safeParse({ KEY: given })\n  if (!parsed.success) throw new Error()\n  const secret = parsed.data.KEY',
      32,
      'pass',
    ],
    ['long enough', 'const secret = Schema.parse({ KEY: given }).KEY', 8, 'fail'],
    ['not what was parsed', 'Schema.parse({ KEY: process.env.OTHER })\n  const secret = given', 32, 'fail'],
    [
      'parsed beside another default',
      "Schema.parse({ KEY: given })\n  const secret = process.env.JWT_KEY || 'secret'",
      32,
      'fail',
    ],
  ])('is held against a schema: %s', (_how, parsing, least, outcome) => {
    const schema = `const Schema = z.object({ KEY: z.string().min(${least}, 'too short').describe('a key') })`
    const settings = `const given = process.env.JWT_KEY || 'changeme'\n  ${schema}\n  ${parsing}`
    expect(outcomeOf(rule, `import { z } from 'zod'\n${server(settings)}`)).toBe(outcome)
  })

  it.each([
    ['is only complained of', "if (secret === 'changeme') console.warn('set JWT_KEY')"],
    [
      'is refused in production only',
      "if (process.env.NODE_ENV === 'production' && secret === 'changeme') throw new Error()",
    ],
    ['is long enough', 'if (secret.length < 8) throw new Error()'],
    ['is another', "if (secret === 'secret') throw new Error()"],
    [
      'is that of another setting',
      "const other = process.env.OTHER || 'changeme'\n  if (other === 'changeme') throw new Error()",
    ],
  ])('is a secret that everybody knows where it %s', (_how, refusal) => {
    expect(findingsOf(rule, server(`${byDefault}\n  ${refusal}`))).toHaveLength(1)
  })
})

describe('settings that lie over each other', () => {
  it.each([
    ['_.merge({}, defaults, given)'],
    ['_.assign({}, defaults, given)'],
    ['_.defaultsDeep({}, given, defaults)'],
    ['defaultsDeep({}, given, defaults)'],
    ['deepmerge(defaults, given)'],
    ['deepmerge.all([defaults, given])'],
    ['defu(given, defaults)'],
  ])('%s: what is written down is there where nothing is set', (merged) => {
    const settings = `
  const defaults = { auth: { secret: 'changeme' } }
  const given = { auth: { secret: process.env.JWT_KEY } }
  const config = ${merged}`
    expect(findingsOf(rule, server(settings, 'config.auth.secret')).join()).toMatch(/falls back to text in the source/)
  })
})
