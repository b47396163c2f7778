/** Keys made of what is no secret: text in the source, names and paths of the machine, digests of either. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf } from './programs.ts'

/** A helper that seals text, which nothing here calls. */
const sealing = (made: string, before = ''): string => `
  import crypto from 'node:crypto'
  import os from 'node:os'
  import { promisify } from 'node:util'
  ${before}
  export async function seal(text) {
    const key = ${made}
    const cipher = crypto.createCipheriv('aes-256-gcm', key, crypto.randomBytes(12))
    return cipher.update(text)
  }`
const digest = (text: string): string => `crypto.createHash('sha256').update(${text}).digest()`
const outcome = (made: string, before = ''): string => outcomeOf('weak-session-secret', sealing(made, before))

describe('a key that others derive as well', () => {
  it.each([
    ['the name of the machine', digest('os.hostname()')],
    ['with that of the user', digest('`${os.hostname()}-${os.userInfo().username}`') + '.slice(0, 32)'],
    ['in a list', digest("[os.hostname(), os.platform(), process.pid].join('|')")],
    ['one after the other', "crypto.createHash('sha256').update(os.hostname()).update('v1').digest()"],
    ['where a file lies', digest('__dirname')],
    ['what the system sets', digest("process.env.USER + ':' + process.env.HOME")],
    ['stretched', "crypto.scryptSync(os.hostname(), 'salt', 32)"],
    ['stretched in a while', "await promisify(crypto.pbkdf2)(os.hostname(), 'salt', 1e5, 32, 'sha256')"],
    ['where a setting is missing', `process.env.KEY ?? ${digest('os.hostname()')}`],
    ['where a setting is missing, text', `process.env.KEY ?? ${digest("'desk:tickets'")}`],
    [
      'where an option is missing',
      'keyOf({ key: process.env.KEY })',
      `const keyOf = ({ key = ${digest("'desk:tickets'")} }) => key`,
    ],
    ['where something else has nothing', `(await keychain('key')) ?? ${digest('os.hostname()')}`],
  ])('%s', (_, made, before = '') => {
    expect(outcome(made, before)).toBe('fail')
  })

  it.each([
    ['with a setting and text', digest("(process.env.MASTER ?? '') + ':tickets'")],
    ['with a setting', digest('`${process.env.MASTER}-${os.hostname()}`')],
    ['with something unknown', "crypto.createHash('sha256').update(read()).update(os.hostname()).digest()"],
    ['with something random', digest("os.hostname() + crypto.randomBytes(32).toString('hex')")],
    ['as a salt', 'crypto.scryptSync(process.env.MASTER, os.hostname(), 32)'],
    ['under a key', "crypto.createHmac('sha256', process.env.MASTER).update(os.hostname()).digest()"],
    ['to find one by', 'await keychain(os.userInfo().username)'],
  ])('is not made of that alone: %s', (_, made) => {
    expect(outcome(made, 'const read = () => readFileSync(file)')).not.toBe('fail')
  })

  it('may open what was sealed before', () => {
    const old = `
      export function open(sealed, key = load()) {
        return crypto.createDecipheriv('aes-256-gcm', key, sealed.iv).update(sealed.text)
      }
      export const openOld = (sealed) => open(sealed, ${digest('os.hostname()')})`
    expect(outcome('await load()', old)).not.toBe('fail')
  })

  it('is told of as what it is', () => {
    expect(findingsOf('weak-session-secret', sealing(digest('os.hostname()')))).toEqual([
      expect.stringMatching(
        /^server\.ts:6: The key of a cipher is derived from names, numbers or paths of the machine/,
      ),
    ])
  })
})

describe('a digest of text', () => {
  it.each([
    ['in the source', digest("'my-app'"), 'fail'],
    ['where a setting is missing', digest("process.env.KEY || 'dev'"), 'fail'],
    ['under a key in the source', "crypto.createHmac('sha256', 'master').update('tokens').digest()", 'fail'],
    ['of a setting', digest('process.env.KEY'), 'pass'],
    ['of a setting and text', digest("'v1:' + process.env.KEY"), 'pass'],
    ['under a key from outside', "crypto.createHmac('sha256', process.env.MASTER).update('tokens').digest()", 'pass'],
  ])('%s', (_, made, expected) => {
    expect(outcome(made)).toBe(expected)
  })

  it('with a setting that is empty by default says nothing of what that means', () => {
    expect(outcome(digest('`${raw}|pepper`'), "const raw = process.env.KEY || ''")).toBe('pass')
  })

  it('that start-up refuses is none', () => {
    const refused = "const raw = process.env.KEY || 'dev'\nif (raw === 'dev') throw new Error('set KEY')"
    expect(outcome(digest('raw'), refused)).toBe('pass')
  })
})

describe('a key that falls back to text which is put together', () => {
  const settings = "import { load, readKey } from './settings'\nconst config = load()"
  it.each([
    ["process.env.KEY || 'app-' + (config.node || 'local')", 'fail'],
    ["process.env.KEY || ('app-' + ((config as any).node || 'local'))", 'fail'],
    ['process.env.KEY ?? `app-${config.node}`', 'fail'],
    ["process.env.KEY || 'app-' + process.env.APP_NAME", 'fail'],
    ["process.env.KEY || 'app-' + (config.installation ?? 'one')", 'fail'],
    ['process.env.KEY ?? `app-${config.secret}`', 'pass'],
    ['process.env.KEY ?? `v1:${config.appKey}:${config.name}`', 'pass'],
    ["process.env.KEY || 'app-' + process.env.MASTER", 'pass'],
    ["process.env.KEY || 'v1-' + readKey()", 'pass'],
    ["process.env.KEY || 'v1-' + (config.seed || readKey())", 'pass'],
    ['process.env.KEY ?? config.name', 'pass'],
  ])('%s', (made, expected) => {
    expect(outcome(made, settings)).toBe(expected)
  })

  it.each([
    ["new Bun.CryptoHasher('sha256', KEY)", 'fail'],
    ["new Bun.CryptoHasher('sha256')", 'notApplicable'],
  ])('signs in Bun: %s', (made, expected) => {
    const program = `
      const KEY = process.env.TOKENS || 'app-' + (load().node || 'local')
      export function sign(text) { return ${made}.update(text).digest('hex') }`
    expect(outcomeOf('weak-session-secret', program)).toBe(expected)
  })
})

describe('text that is made long enough', () => {
  it.each([
    ["(process.env.KEY ?? 'mcp').padEnd(32, '0').slice(0, 32)", 'fail'],
    ["process.env.KEY.padEnd(32, '0').slice(0, 32)", 'pass'],
  ])('%s', (made, expected) => {
    expect(outcome(made)).toBe(expected)
  })
})

describe('a password for a key of the web', () => {
  const program = (password: string): string => `
    const text = new TextEncoder()
    export async function seal(plain) {
      const base = await crypto.subtle.importKey('raw', text.encode(${password}), 'PBKDF2', false, ['deriveKey'])
      const algorithm = { name: 'PBKDF2', salt: text.encode('salt'), iterations: 1e5, hash: 'SHA-256' }
      const key = await crypto.subtle.deriveKey(algorithm, base, { name: 'AES-GCM', length: 256 }, false, ['encrypt'])
      return crypto.subtle.encrypt({ name: 'AES-GCM' }, key, text.encode(plain))
    }`
  it.each([
    ["'mcp-server'", 'fail'],
    ['process.env.MASTER', 'pass'],
  ])('%s', (password, expected) => {
    expect(outcomeOf('weak-session-secret', program(password))).toBe(expected)
  })
})

describe('a secret that is compared in constant time', () => {
  const program = (secret: string, offered = "Buffer.from(req.headers['x-api-key'] ?? '')"): string => `
    import express from 'express'
    import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
    const GATE = ${secret}
    const sha = (text) => createHash('sha256').update(text).digest()
    const app = express()
    app.post('/mcp', (req, res) => {
      if (!timingSafeEqual(${offered}, ${offered.startsWith('sha') ? 'sha(GATE)' : 'Buffer.from(GATE)'})) return res.status(401).end()
      res.json({})
    })
    app.listen(3000)`
  it.each([
    ["process.env.GATE ?? 'dev-gate-123'", 'fail'],
    ['process.env.GATE ?? Math.random().toString(36)', 'fail'],
    ["process.env.GATE ?? randomBytes(32).toString('hex')", 'pass'],
    ["process.env.GATE ?? randomBytes(16).toString('hex')", 'pass'],
    ["process.env.GATE ?? randomBytes(8).toString('hex')", 'fail'],
    ['process.env.GATE', 'pass'],
  ])('may be none: %s', (secret, expected) => {
    expect(outcomeOf('weak-session-secret', program(secret))).toBe(expected)
    expect(outcomeOf('weak-session-secret', program(secret, "sha(req.headers['x-api-key'] ?? '')"))).toBe(expected)
  })
})

it('an address without its brackets is no other address', () => {
  const program = `
    import http from 'node:http'
    const plain = (host) => (host.startsWith('[') ? host.slice(1, -1) : host)
    http.createServer(() => {}).listen(3000, plain(process.env.HOST || '127.0.0.1'))`
  expect(outcomeOf('plaintext-transport', program)).not.toBe('fail')
})

describe('settings of a part, which others go by', () => {
  it.each([
    ["export const config = { secret: process.env.SESSION_SECRET ?? 'dev-session' }", 'fail'],
    ["export function load() { return { jwt: process.env.JWT_SECRET || 'change-me' } }", 'fail'],
    [
      "import { z } from 'zod'\nexport const env = z.object({ JWT_SECRET: z.string().default('insecure') }).parse(process.env)",
      'fail',
    ],
    ["export class Config { static key = process.env.ENCRYPTION_KEY ?? '0123456789abcdef' }", 'fail'],
    [
      "export const config = { secret: process.env.SESSION_SECRET, header: process.env.AUTH_KEY_HEADER ?? 'x' }",
      'none',
    ],
    [
      "export function load() { const jwt = process.env.JWT_SECRET || ''\nif (!jwt) throw new Error('JWT_SECRET')\nreturn { jwt } }",
      'none',
    ],
  ])('%s', (program, expected) => {
    expect(outcomeOf('weak-session-secret', program) === 'fail').toBe(expected === 'fail')
  })
})
