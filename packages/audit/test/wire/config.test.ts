import { describe, expect, it } from 'vitest'
import { parseProbeConfig } from '../../src/wire/config.ts'

const whole = `
principals:
  alice: { headers: { Authorization: Bearer a } }
  shortLived: { headers: { authorization: Bearer s }, expiresInMs: 3000 }
login:
  init: { path: /session/init }
  auth: { method: post, path: /session/auth, headers: { content-type: application/json }, body: { apiKey: k } }
logout: { method: post, path: /logout }
timeouts: { idleMs: 1500, absoluteMs: 4000 }
transport: sse
canary: { make: { tool: cart_new, arguments: {}, handle: cart_id }, put: { tool: put, arguments: { text: $CANARY } }, get: { tool: get } }
flow: { tool: pay, arguments: { to: acme }, respond: { approval: { action: accept } }, effect: { tool: history }, sibling: plan, amountArgument: amount }
race: { tool: spend, arguments: { amount: 100 }, limit: 1 }
resource: { uri: "inbox://alice", trigger: { tool: mail } }
tasks: { tool: job }
mismatch: { shown: { tool: a }, real: { tool: b }, get: { tool: c } }
budget: { requests: 100, seconds: 5 }
`

describe('a probe configuration', () => {
  it('is read whole', () => {
    const config = parseProbeConfig(whole, 'probe.yaml')
    expect(config.principals.alice?.headers).toEqual([['authorization', 'Bearer a']])
    expect(config.login?.auth).toEqual({
      method: 'POST',
      path: '/session/auth',
      headers: [['content-type', 'application/json']],
      body: '{"apiKey":"k"}',
    })
    expect(config.canary?.make?.handle).toBe('cart_id')
    expect(config.flow).toMatchObject({ sibling: 'plan', effect: { tool: 'history', arguments: {} } })
    expect(config).toMatchObject({ transport: 'sse', race: { limit: 1 }, budget: { requests: 100, seconds: 5 } })
  })

  it('may log in by a tool', () => {
    const text = 'login: { tool: login, arguments: { key: k }, shows: { tool: whoami } }'
    const { login, loginTool } = parseProbeConfig(text, 'probe.yaml')
    expect(login).toBeUndefined()
    expect(loginTool).toEqual({ tool: 'login', arguments: { key: 'k' }, shows: { tool: 'whoami', arguments: {} } })
  })

  it('may log in whoever it names, by a form too', () => {
    const form =
      '{ path: /login, headers: { content-type: application/x-www-form-urlencoded }, body: { user: b&b, pin: 7 } }'
    const { principals } = parseProbeConfig(`principals: { bob: { login: { auth: ${form} } } }`, 'probe.yaml')
    expect(principals.bob).toMatchObject({
      headers: [],
      login: { auth: { method: 'POST', path: '/login', body: 'user=b%26b&pin=7' } },
    })
  })

  it('may be empty, and is then within a budget', () => {
    expect(parseProbeConfig('', 'probe.yaml').budget).toEqual({ requests: 2_000, seconds: 60 })
  })

  it.each([
    ['principal: {}', '"principal" is no setting'],
    ['principals: { mallory: { headers: {} } }', 'principals must not hold "mallory"'],
    ['principals: { alice: {} }', 'principals.alice must hold "headers"'],
    [
      'principals: { alice: { headers: { authorization: 7 } } }',
      'principals.alice.headers.authorization must be a text',
    ],
    ['principals: { alice: { headers: { "a b": x } } }', 'principals.alice.headers.a b is no name'],
    ['principals: { alice: { headers: { a: "x\\r\\nhost: y" } } }', 'must not hold line breaks'],
    ['login: { init: { path: /a } }', 'login must hold "auth"'],
    ['principals: { bob: { login: { init: { path: /a } } } }', 'principals.bob.login must hold "auth"'],
    [
      'login: { auth: { path: /a, headers: { content-type: application/x-www-form-urlencoded }, body: { a: [] } } }',
      'login.auth.body.a must be a text',
    ],
    ['login: { auth: { path: "http://elsewhere/" } }', 'login.auth must hold a "path" on the server itself'],
    ['login: { auth: { path: //elsewhere } }', 'login.auth must hold a "path" on the server itself'],
    ['login: { tool: login }', 'login must hold "shows"'],
    ['login: { tool: login, shows: { tool: a }, auth: { path: /a } }', 'either "auth" or "tool"'],
    ['logout: { path: "http://elsewhere/" }', 'logout must hold a "path" on the server itself'],
    ['era: old', 'era must be one of legacy, modern'],
    ['timeouts: { idleMs: soon }', 'timeouts.idleMs must be a number from 1 to 600000'],
    ['transport: stdio', 'transport must be one of http, sse'],
    ['canary: { put: { tool: a } }', 'canary must hold "get"'],
    ['canary: { make: { tool: m }, put: { tool: a }, get: { tool: b } }', 'canary.make must hold "handle"'],
    ['race: { tool: a, limit: -1 }', 'race.limit must be a number'],
    ['budget: { requests: 1e9 }', 'budget.requests must be a number from 1 to 100000'],
    ['principals: [', 'cannot be read'],
  ])('%s is refused by name', (text, complaint) => {
    expect(() => parseProbeConfig(text, 'probe.yaml')).toThrow(complaint)
    expect(() => parseProbeConfig(text, 'probe.yaml')).toThrow(/^probe\.yaml: /)
  })
})
