import { describe, expect, it } from 'vitest'
import type { Exchange, Finding } from '../../src/finding/finding.ts'
import { reproductionOf } from '../../src/report/curl.ts'
import { Redactor } from '../../src/wire/redact.ts'

const KEY = Buffer.alloc(32, 7)
const ID = '0b9f4a52-7c1d-4e3a-9a55-0d2f6b7c8e91'

function exchange(more: Partial<Exchange> = {}): Exchange {
  return {
    actor: 'alice',
    request: {
      method: 'POST',
      url: `http://127.0.0.1:1/messages?sessionId=${ID}`,
      headers: [
        ['authorization', 'Bearer alice-token'],
        ['mcp-session-id', ID],
      ],
      body: JSON.stringify({ note: `it's ${ID}` }),
    },
    response: { status: 200, headers: [['set-cookie', 'sid=secret-value; HttpOnly']], body: ID },
    ...more,
  }
}

describe('a redacted recording', () => {
  it('holds no secret, and one digest for one secret wherever it stands', () => {
    const redactor = new Redactor(KEY)
    redactor.keep('session', ID)
    const { request, response } = redactor.redacted({ nested: [exchange()] }).nested[0] ?? exchange()
    const text = JSON.stringify({ request, response })
    expect(text).not.toContain(ID)
    expect(new Set(text.match(/\{\{session:[0-9a-f]{8}\}\}/g)).size).toBe(1)
  })

  it('hides credentials and cookies that nobody announced, and keeps attributes', () => {
    const text = JSON.stringify(new Redactor(KEY).redacted(exchange()))
    expect(text).not.toMatch(/alice-token|secret-value/)
    expect(text).toMatch(/sid=\{\{cookie:[0-9a-f]{8}\}\}; HttpOnly/)
  })

  it('finds a secret that is written for an address', () => {
    const redactor = new Redactor(KEY)
    redactor.keep('token', 'a/b+c==d/e+f=')
    expect(redactor.redacted(`/x?t=${encodeURIComponent('a/b+c==d/e+f=')}`)).toMatch(
      /^\/x\?t=\{\{token:[0-9a-f]{8}\}\}$/,
    )
  })

  it('finds a secret that is written in JSON, in JSON within JSON, and in a form, and shows one digest', () => {
    const redactor = new Redactor(KEY)
    const secret = 'pa "ss"\\wörd!'
    redactor.keep('login', secret)
    const inJson = JSON.stringify({ secret })
    const texts = [secret, inJson, JSON.stringify({ inJson }), new URLSearchParams({ secret }).toString()]
    const shown = texts.map((text) => /\{\{login:[0-9a-f]{8}\}\}/.exec(redactor.redacted(text))?.[0])
    expect(shown[0]).toBeDefined()
    expect(new Set(shown).size).toBe(1)
  })

  it('takes a secret that no address can hold', () => {
    const redactor = new Redactor(KEY)
    redactor.keep('handle', 'half-of-a-letter-\ud800')
    expect(redactor.redacted('it is half-of-a-letter-\ud800')).toMatch(/^it is \{\{handle:/)
  })

  it('replaces a short handle where it stands alone only', () => {
    const redactor = new Redactor(KEY)
    redactor.keep('handle', 'cart_1')
    expect(redactor.redacted('cart_1 of cart_12')).toMatch(/^\{\{handle:[0-9a-f]{8}\}\} of cart_12$/)
  })

  it('has other digests in another run', () => {
    const [one, other] = [KEY, Buffer.alloc(32, 8)].map((key) => {
      const redactor = new Redactor(key)
      redactor.keep('session', ID)
      return redactor.redacted(ID)
    })
    expect(one).not.toBe(other)
  })
})

it('a command that repeats an exchange quotes what it must, and takes secrets from variables', () => {
  const redactor = new Redactor(KEY)
  redactor.keep('session', ID)
  const trace = [{ note: '', exchange: redactor.redacted(exchange()) }]
  const [command = ''] = reproductionOf({ trace } as unknown as Finding)
  expect(command).toMatch(
    /^curl -sN --max-time 5 -X POST 'http:\/\/127\.0\.0\.1:1\/messages\?sessionId='"\$SESSION_[0-9A-F]{4}" /,
  )
  expect(command).toContain(`'{"note":"it'\\''s '"$SESSION_`)
})
