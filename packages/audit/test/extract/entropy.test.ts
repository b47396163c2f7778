/** Session IDs are followed to the sources of their unpredictability, and the sum is stated in bits. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, outcomeOf, type Program } from './programs.ts'

/** A transport whose IDs are made by `generator`. */
function minting(generator: string, before = ''): string {
  return `import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import crypto, { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto'
import { nanoid, customAlphabet } from 'nanoid'
import * as uuid from 'uuid'
${before}
new StreamableHTTPServerTransport({ sessionIdGenerator: ${generator} })`
}

/** `bits/bits of a sound generator: its sources`, for each way in which IDs are made. */
function bitsOf(program: Program): readonly string[] {
  return factsOf(program).mints.map(
    (mint) => `${mint.bits}/${mint.soundBits}: ${mint.sources?.map((source) => source.kind).join(' + ') ?? 'unknown'}`,
  )
}

describe('characters picked from an alphabet', () => {
  const alphabet = "const ALPHABET = 'abcdefghijklmnopqrstuvwxyz' + '0123456789'"
  it.each([
    [
      'by Math.random, in a loop',
      "() => { let id = ''; for (let i = 0; i < 32; i++) id += ALPHABET[Math.floor(Math.random() * 36)]; return id }",
      'math-random',
    ],
    [
      'by Math.random, from a list',
      "() => Array.from({ length: 32 }, () => ALPHABET.charAt(Math.floor(Math.random() * 36))).join('')",
      'math-random',
    ],
    [
      'by Math.random, from a list made for it',
      "() => new Array(32).fill(0).map(() => ALPHABET.charAt(Math.floor(Math.random() * 36))).join('')",
      'math-random',
    ],
    [
      'by Math.random, one digit each',
      "() => [...Array(32)].map(() => Math.random().toString(36)[2]).join('')",
      'math-random',
    ],
    [
      'by Math.random, into bytes one by one',
      "() => { const bytes = new Uint8Array(16); for (let i = 0; i < 16; i++) bytes[i] = Math.random() * 256; return Array.from(bytes).map((byte) => byte.toString(16)).join('') }",
      'math-random',
    ],
    [
      'by Math.random, into a pattern',
      "() => 'xxxx-4xxx'.replace(/x/g, () => ((Math.random() * 16) | 0).toString(16))",
      'math-random',
    ],
    [
      'by randomInt, in a loop',
      "() => { let id = ''; for (let i = 0; i < 32; i++) id += ALPHABET[randomInt(36)]; return id }",
      'csprng',
    ],
    ['by random bytes', "() => [...randomBytes(32)].map((byte) => ALPHABET[byte % 36]).join('')", 'csprng'],
    [
      'by bytes filled in place',
      "() => { const bytes = new Uint8Array(32); crypto.getRandomValues(bytes); return Array.from(bytes, (byte) => ALPHABET[byte % 36]).join('') }",
      'csprng',
    ],
    [
      'by a buffer filled in place',
      "() => { const bytes = Buffer.alloc(16); crypto.randomFillSync(bytes); return bytes.toString('hex') }",
      'csprng',
    ],
    [
      'by large numbers filled in place',
      '() => { const parts = new BigUint64Array(2); crypto.getRandomValues(parts); return parts[0].toString(36) + parts[1].toString(36) }',
      'csprng',
    ],
  ])('are as unpredictable as what picks them: %s', (_, generator, kind) => {
    const [said] = bitsOf(minting(generator, alphabet))
    expect(said).toContain(kind)
    expect(findingsOf('predictable-session-id', minting(generator, alphabet))).toHaveLength(kind === 'csprng' ? 0 : 1)
  })
})

describe('bits', () => {
  it.each([
    ['randomUUID', '() => randomUUID()', '122/122: csprng'],
    ['randomUUID itself', 'randomUUID', '122/122: csprng'],
    ['the global crypto', '() => crypto.randomUUID()', '122/122: csprng'],
    ['globalThis.crypto', '() => globalThis.crypto.randomUUID()', '122/122: csprng'],
    ['a UUID without dashes', "() => randomUUID().replaceAll('-', '')", '122/122: csprng'],
    ['half a UUID', '() => randomUUID().slice(0, 16)', '64/64: csprng'],
    ['eight characters of a UUID', '() => randomUUID().substring(0, 8)', '32/32: csprng'],
    ['16 random bytes', "() => randomBytes(16).toString('hex')", '128/128: csprng'],
    ['8 random bytes', "() => randomBytes(8).toString('base64url')", '64/64: csprng'],
    [
      '32 random bytes cut to 10 hexadecimal digits',
      "() => randomBytes(32).toString('hex').slice(0, 10)",
      '40/40: csprng',
    ],
    ['16 of 32 random bytes', "() => randomBytes(32).subarray(0, 16).toString('hex')", '128/128: csprng'],
    ['4 of 32 random bytes', "() => randomBytes(32).subarray(0, 4).toString('hex')", '32/32: csprng'],
    ['24 letters of base64', "() => randomBytes(32).toString('base64url').slice(0, 24)", '144/144: csprng'],
    [
      'as many characters as there are bytes',
      "() => Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => 'abcdefgh'[byte % 8]).join('')",
      '48/48: csprng',
    ],
    ['a word of 32 bits', '() => crypto.getRandomValues(new Uint32Array(1))[0].toString(36)', '32/32: csprng'],
    [
      'a loop of six digits',
      "() => { let id = ''; for (let i = 0; i < 6; i++) id += randomInt(10); return id }",
      '19/19: csprng',
    ],
    [
      'a loop of as many as it takes',
      "() => { let id = ''; while (id.length < 40) id += randomInt(36).toString(36); return id }",
      '206/206: csprng',
    ],
    [
      'a loop whose end is not known',
      "() => { let id = ''; for (const one of list()) id += randomInt(36).toString(36); return id }",
      '128/128: csprng',
    ],
    ['a random number below a million', '() => String(randomInt(1_000_000))', '19/19: csprng'],
    ['nanoid', '() => nanoid()', '126/126: csprng'],
    ['a short nanoid', '() => nanoid(10)', '60/60: csprng'],
    ['an alphabet of its own', "customAlphabet('0123456789abcdef', 8)", '32/32: csprng'],
    ['uuid version 4', 'uuid.v4', '122/122: csprng'],
    ['uuid version 1', '() => uuid.v1()', '14/0: clock'],
    ['uuid version 5', "() => uuid.v5('alice', ns)", '0/0: guessable'],
    ['Math.random', '() => Math.random().toString(36).slice(2)', '52/0: math-random'],
    ['a clock', '() => String(Date.now())', '42/0: clock'],
    ['a Date', '() => new Date().toISOString()', '42/0: clock'],
    ['a clock and Math.random', '() => `${Date.now()}-${Math.random()}`', '94/0: clock + math-random'],
    ['a clock and random bytes', "() => Date.now() + randomBytes(4).toString('hex')", '74/32: clock + csprng'],
    ['a clock beside a UUID', '() => `${Date.now()}-${randomUUID()}`', '164/122: clock + csprng'],
    ['the same source twice', '() => { const t = Date.now(); return `${t}${t}` }', '42/0: clock'],
    ['a hash of a clock', "() => createHash('sha256').update(String(Date.now())).digest('hex')", '42/0: clock'],
    ['a hash of a UUID', "() => createHash('sha256').update(randomUUID()).digest('hex')", '122/122: csprng'],
    ['a hash in one call', "() => crypto.hash('sha1', String(Date.now()))", '42/0: clock'],
    ['a list of parts', "() => ['mcp', Date.now(), Math.random()].join('-')", '94/0: clock + math-random'],
    ['the same text every time', "() => 'default'", '0/0: constant'],
  ])('%s', (_, generator, expected) => {
    expect(bitsOf(minting(generator))).toEqual([expected])
  })

  it.each([
    ['a counter', '() => `session-${++count}`', 'let count = 0', '0/0: counter'],
    ['a clock and a counter', '() => `${Date.now()}-${count++}`', 'let count = 0', '42/0: clock + counter'],
    ['a counter and a UUID', '() => `${count++}-${randomUUID()}`', 'let count = 0', '122/122: counter + csprng'],
    [
      'a MAC of a counter, by a key that nobody has written down',
      "() => crypto.createHmac('sha256', process.env.KEY).update(String(count++)).digest('hex')",
      'let count = 0',
      '128/128: counter + csprng',
    ],
    [
      'a MAC of a counter, by one that stands here',
      "() => crypto.createHmac('sha256', 'a written key of the source').update(String(count++)).digest('hex')",
      'let count = 0',
      '0/0: counter',
    ],
    ['the weaker of two', '() => (process.env.SHORT ? nanoid(8) : nanoid())', '', '48/48: csprng'],
    ['through a helper', '() => makeId(10)', 'function makeId(size) { return nanoid(size) }', '60/60: csprng'],
    [
      'through a class',
      '() => ids.next()',
      'class Ids { next() { return randomUUID() } }\nconst ids = new Ids()',
      '122/122: csprng',
    ],
  ])('%s', (_, generator, before, expected) => {
    expect(bitsOf(minting(generator, before))).toEqual([expected])
  })

  it('the first part of a UUID', () => {
    expect(bitsOf(minting("() => randomUUID().split('-')[0]"))).toEqual(['32/32: csprng'])
  })

  it('a counter that adds one', () => {
    expect(bitsOf(minting('() => { count += 1; return `${Date.now()}-${count}` }', 'let count = 0'))).toEqual([
      '42/0: clock + counter',
    ])
  })

  it('what cannot be followed is unknown, and open', () => {
    const program = minting('() => makeId()', "import { makeId } from 'some-ids'")
    expect(bitsOf(program)).toEqual(['0/0: unknown'])
    expect(factsOf(program).unknowns).toMatchObject([{ about: 'mint' }])
    expect(findingsOf('predictable-session-id', program)).toEqual([])
  })

  it('no generator, no session', () => {
    expect(bitsOf(minting('undefined'))).toEqual([])
  })
})

/** Platforms that we support have it, so what is given in its place is never taken. */
describe('an ID out of a generator function', () => {
  const flakes = (of: string): Program =>
    minting('() => flakes.next().value', `function* make() { while (true) yield ${of} }\nconst flakes = make()`)

  it('of a time in many bits', () => {
    const program = flakes('((BigInt(Date.now()) - 1_700_000_000_000n) << 22n).toString(36)')
    expect(findingsOf('predictable-session-id', program)).toHaveLength(1)
  })

  it('of random bytes', () => {
    expect(outcomeOf('predictable-session-id', flakes("randomBytes(16).toString('hex')"))).toBe('pass')
    const text = flakes('btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))))')
    expect(outcomeOf('predictable-session-id', text)).not.toBe('fail')
  })
})

describe('a fallback for a platform without randomUUID', () => {
  const weak = 'Math.random().toString(36)'
  it.each([
    ['called where it is there', `crypto?.randomUUID?.() ?? ${weak}`, 0],
    ['called on the global object', `globalThis.crypto?.randomUUID?.() || ${weak}`, 0],
    ['looked for', `globalThis.crypto?.randomUUID ? globalThis.crypto.randomUUID() : ${weak}`, 0],
    ['asked for its type', `typeof globalThis.crypto?.randomUUID === 'function' ? crypto.randomUUID() : ${weak}`, 0],
    ['asked for by name', `'randomUUID' in crypto ? crypto.randomUUID() : ${weak}`, 0],
    ['which is a setting', `process.env.IDS?.trim() || ${weak}`, 1],
    ['which is something unknown', `ids?.make?.() ?? ${weak}`, 1],
  ])('%s', (_, id, findings) => {
    expect(findingsOf('predictable-session-id', minting(`() => ${id}`, "import { ids } from 'some-ids'"))).toHaveLength(
      findings,
    )
  })

  it('and for the ID that the SSE transport makes', () => {
    const program = (transport: string): string => `
      import express from 'express'
      import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
      const transports = new Map()
      const app = express()
      app.get('/sse', (req, res) => {
        const transport = ${transport}
        transports.set(transport.sessionId || Math.random().toString(36), transport)
      })
      app.post('/messages', (req, res) => transports.get(req.query.sessionId).handlePostMessage(req, res))
      app.listen(3000)`
    expect(findingsOf('predictable-session-id', program("new SSEServerTransport('/messages', res)"))).toEqual([])
    expect(
      findingsOf('predictable-session-id', program('{ sessionId: req.query.id, handlePostMessage() {} }')),
    ).toHaveLength(1)
  })
})

describe('bits of own sessions', () => {
  const own = (id: string): string => `
    import express from 'express'
    import cookieParser from 'cookie-parser'
    import { randomUUID } from 'node:crypto'
    const app = express()
    const sessions = {}
    app.post('/open', (req, res) => {
      const id = ${id}
      sessions[id] = { user: req.body.user }
      res.cookie('sid', id).end()
    })
    app.get('/mine', (req, res) => res.json(sessions[req.cookies.sid]))
    app.listen(3000)`

  it('are those of the key they are stored under', () => {
    expect(bitsOf(own('randomUUID()'))).toEqual(['122/122: csprng'])
    expect(bitsOf(own('Math.random().toString(36)'))).toEqual(['52/0: math-random'])
  })

  it('and the finding stands where the ID is used first', () => {
    expect(findingsOf('predictable-session-id', own('`s${Date.now()}`'))).toEqual([
      expect.stringMatching(/^server\.ts:8: The session ID holds at most 42 bits: a millisecond clock, none of them/),
    ])
  })
})

describe('an ID from the request', () => {
  it.each([
    ['a header', "(req) => req.headers['mcp-session-id']", 'the request header mcp-session-id'],
    ['a query parameter', '(req) => req.query.sid', 'the query parameter sid'],
    ['the body', '(req) => req.body.sessionId', 'the request body'],
    ['a cookie', '(req) => req.cookies.sid', 'the cookie sid'],
    [
      'a header, unless it is absent',
      "(req) => req.headers['mcp-session-id'] ?? crypto.randomUUID()",
      'the request header mcp-session-id',
    ],
    [
      'a header, through a function',
      '(req) => idOf(req.headers)\nfunction idOf(headers) { return headers["mcp-session-id"] || crypto.randomUUID() }',
      'the request header mcp-session-id',
    ],
  ])('%s is adopted', (_, pick, origin) => {
    const program = `
      import express from 'express'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      const pick = ${pick}
      const app = express()
      app.post('/mcp', (req, res) => {
        const id = pick(req)
        new StreamableHTTPServerTransport({ sessionIdGenerator: () => id }).handleRequest(req, res)
      })
      app.listen(3000)`
    expect(factsOf(program).adoptions).toMatchObject([{ origin }])
  })

  it('that only finds a session is not adopted', () => {
    const program = `
      import express from 'express'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      const sessions = new Map()
      const app = express()
      app.post('/mcp', (req, res) => {
        const found = sessions.get(req.headers['mcp-session-id'])
        if (found) return found.handleRequest(req, res)
        const made = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID(), onsessioninitialized: (id) => sessions.set(id, made) })
        made.handleRequest(req, res)
      })
      app.listen(3000)`
    expect(factsOf(program).adoptions).toEqual([])
  })
})

it('a UUID of a workflow is one of Math.random outside of workflows', () => {
  const made = "import { uuid4 } from '@temporalio/workflow'"
  expect(bitsOf(minting('() => uuid4()', made))).toEqual(['52/0: math-random'])
})

describe('the ID of a session that is kept in one class', () => {
  const program = (use: string): string => `
    import express from 'express'
    import { info } from 'elsewhere'
    class Notes {
      private sessionId: string = ''
      private app = express()
      constructor() {
        this.sessionId = 'session_' + Math.random().toString(36)
        info('made: ' + this.sessionId)
      }
      start() {
        this.app.get('/notes', (req, res) => {
          ${use}
          res.json({})
        })
        this.app.listen(3000, '127.0.0.1')
      }
    }
    new Notes().start()`

  it('is nobody’s to guess where it is only written to a log', () => {
    expect(outcomeOf('predictable-session-id', program(''))).not.toBe('fail')
    expect(outcomeOf('predictable-session-id', program('console.log(`asked of ${this.sessionId}`)'))).not.toBe('fail')
    const masked = 'console.log(JSON.stringify({ id: mask(this.sessionId), at: Date.now() }))'
    expect(outcomeOf('predictable-session-id', program(masked))).not.toBe('fail')
  })

  it.each([
    "if (req.headers['x-session'] !== this.sessionId) return res.status(404).end()",
    'res.json({ id: this.sessionId })',
    'info(this.sessionId); res.json({ id: this.sessionId })',
    'info(this.sessionId), res.json({ id: this.sessionId })',
    'info(remember(this.sessionId))',
    `res.json({ id: this.sessionId, text: '${'x'.repeat(600)}' })`,
  ])('is one to guess where it is used: %s', (use) => {
    expect(outcomeOf('predictable-session-id', program(use))).toBe('fail')
  })
})

describe('bytes that a program writes as text', () => {
  const cookie = (written: string, before = ''): string => `
    import { Hono } from 'hono'
    import { getCookie, setCookie } from 'hono/cookie'
    ${before}
    function draw() { const bytes = new Uint8Array(16); crypto.getRandomValues(bytes); return ${written} }
    const threads = new Map()
    const app = new Hono()
    app.post('/agent', (c) => {
      let id = getCookie(c, 'atid')
      if (!id) { id = draw(); setCookie(c, 'atid', id) }
      if (!threads.has(id)) threads.set(id, { id, messages: [] })
      return c.json(threads.get(id))
    })
    export default app`
  it.each([
    ['bytes.toHex()'],
    ['`thrd_${bytes.toHex()}`'],
    ["bytes.toBase64({ alphabet: 'base64url' })"],
    ["Array.from(bytes).map((byte) => byte.toString(16).padStart(2, '0')).join('')"],
    ["[...bytes].map((byte) => ('0' + byte.toString(16)).slice(-2)).join('')"],
    ["bytes.reduce((text, byte) => text + byte.toString(16), '')"],
    ["Array.from(bytes, (byte) => ('0' + byte.toString(16)).slice(-2)).join('')"],
    ["(() => { let text = ''; for (const byte of bytes) text += byte.toString(16); return text })()"],
    ["(() => { let text = ''; bytes.forEach((byte) => { text += byte.toString(16) }); return text })()"],
    ["[...bytes].map((byte) => SIGNS.charAt(byte % 16)).join('')", "const SIGNS = 'abcdef0123456789'"],
    ['encodeHex(bytes)', "import { encodeHex } from '@std/encoding/hex'"],
    ['bytesToHex(bytes)', "import { bytesToHex } from '@noble/hashes/utils'"],
    ['encodeBase32LowerCaseNoPadding(bytes)', "import { encodeBase32LowerCaseNoPadding } from '@oslojs/encoding'"],
    ['base64url.encode(bytes)', "import { base64url } from 'jose'"],
  ])('are an ID: %s', (written, before = '') => {
    expect(findingsOf('client-supplied-session-id', cookie(written, before))).toEqual([
      expect.stringContaining('The cookie atid becomes the ID of a new session in threads'),
    ])
    expect(outcomeOf('predictable-session-id', cookie(written, before))).toBe('pass')
  })

  it.each([['decodeHex(bytes)'], ['measure(bytes)']])(
    'are none once they are made something else of: %s',
    (written) => {
      const libraries = "import { decodeHex } from '@std/encoding/hex'\nimport { measure } from 'sizes'"
      expect(outcomeOf('client-supplied-session-id', cookie(written, libraries))).toBe('notApplicable')
    },
  )
})
