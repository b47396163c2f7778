/** Weaknesses as commits cure them: a server before and after, and what is said of either. */
import { describe, expect, it } from 'vitest'
import { findingsOf, type Program } from './programs.ts'

/** The weakness is found at `place` before, and nowhere after. */
function expectCured(rule: string, place: string, before: Program, after: Program): void {
  expect(findingsOf(rule, before).map((finding) => finding.slice(0, finding.indexOf(': ')))).toEqual([place])
  expect(findingsOf(rule, after)).toEqual([])
}

describe('a key that is looked for in a list', () => {
  const guarded = (check: string): string => `
    import express from 'express'
    import { createHash, timingSafeEqual } from 'node:crypto'
    const KEYS = (process.env.API_KEYS ?? '').split(',')
    const digest = (text) => createHash('sha256').update(text).digest()
    const app = express()
    app.use((req, res, next) => {
      const key = (req.headers.authorization ?? '').slice(7)
      ${check}
      next()
    })
    app.listen(3000)`
  const cured = guarded(`let found = false
      for (const known of KEYS) if (timingSafeEqual(digest(known), digest(key))) found = true
      if (!found) return res.status(401).end()`)

  it.each([
    ['includes', 'if (!KEYS.includes(key)) return res.status(401).end()'],
    ['indexOf', 'if (KEYS.indexOf(key) < 0) return res.status(401).end()'],
    ['some', 'if (!KEYS.some((known) => known === key)) return res.status(401).end()'],
    [
      'Buffer.compare',
      'if (Buffer.compare(Buffer.from(process.env.API_KEY), Buffer.from(key)) !== 0) return res.status(401).end()',
    ],
    [
      'buffer.compare',
      'if (Buffer.from(process.env.API_KEY).compare(Buffer.from(key)) !== 0) return res.status(401).end()',
    ],
  ])('by %s', (_how, check) => {
    expectCured('timing-unsafe-comparison', 'server.ts:8', guarded(check), cured)
  })

  it('of a file that is read at start-up', () => {
    const server = (check: string): Program => ({
      'config.ts': `
        import { readFileSync } from 'node:fs'
        export const load = () => JSON.parse(readFileSync('config.json', 'utf8'))`,
      'server.ts': `
        import { createServer } from 'node:http'
        import { timingSafeEqual } from 'node:crypto'
        import { load } from './config.ts'
        const { auth } = load()
        createServer((req, res) => {
          const key = req.headers['x-api-key']
          ${check}
          res.end()
        }).listen(3000)`,
    })
    expectCured(
      'timing-unsafe-comparison',
      'server.ts:7',
      server('if (!auth.keys.includes(key)) return res.writeHead(401).end()'),
      server('if (!auth.keys.some((known) => timingSafeEqual(Buffer.from(known), Buffer.from(key)))) return res.end()'),
    )
  })

  it.each([
    ['a scheme', "if (!['Bearer', 'Basic'].includes(key)) return res.status(401).end()"],
    ['a word in the key', "if (key.includes('production-key')) return res.status(401).end()"],
    ['a set, which hashes what it is asked for', 'if (!new Set(KEYS).has(key)) return res.status(401).end()'],
  ])('is told from %s', (_what, check) => {
    expect(findingsOf('timing-unsafe-comparison', guarded(check))).toEqual([])
  })
})

describe('what is said of a secret without telling it', () => {
  it.each([
    ['that there is one', "console.log('authorized', Boolean(req.headers.authorization))"],
    ['that there is none', "console.log('anonymous', !req.headers.authorization)"],
  ])('%s', (_what, log) => {
    const program = `
      import express from 'express'
      const app = express()
      app.use((req, res, next) => { ${log}; next() })
      app.listen(3000)`
    expect(findingsOf('session-token-exposure', program)).toEqual([])
  })

  it('how many sessions there are', () => {
    const health = (sessions: string): string => `
      import express from 'express'
      import { randomUUID } from 'node:crypto'
      const sessions = {}
      const app = express()
      app.post('/sessions', (req, res) => { const id = randomUUID(); sessions[id] = {}; res.set('x-session-id', id).end() })
      app.post('/ask', (req, res) => res.json(sessions[req.headers['x-session-id']]))
      app.get('/health', (req, res) => res.json({ sessions: ${sessions} }))
      app.listen(3000)`
    expectCured(
      'session-token-exposure',
      'server.ts:7',
      health('Object.keys(sessions)'),
      health('Object.keys(sessions).length'),
    )
  })
})
