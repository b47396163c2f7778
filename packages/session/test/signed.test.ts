import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createAgentTokens,
  createKeyRing,
  createRequestStates,
  MisuseError,
  type RequestBinding,
} from '../src/index.ts'
import { canonicalJson } from '../src/signed/canonical.ts'
import { alice, bob, createLayer, minuteMs } from './layer.ts'
import { verifies } from './verifies.ts'

const secret = () => randomBytes(32)
const audience = 'https://mcp.example.com/mcp'

describe('a key ring', () => {
  verifies(['asvs-5.0/13.3.4', 'asvs-5.0/11.4.1'], 'rotates without ending what the old key made', () => {
    const keys = createKeyRing([{ id: 'a', secret: secret() }])
    const { id, mac } = keys.sign('purpose', 'text')
    keys.add({ id: 'b', secret: secret() })
    expect(keys.current).toBe('b')
    expect(keys.verify('purpose', id, 'text', mac)).toBe(true)
    keys.remove('a')
    expect(keys.verify('purpose', id, 'text', mac)).toBe(false)
    expect(() => keys.remove('b')).toThrow(MisuseError)
  })

  test('separates purposes, and accepts one encoding of a MAC', () => {
    const keys = createKeyRing([{ id: 'a', secret: secret() }])
    const { mac } = keys.sign('purpose', 'text')
    expect(keys.verify('other purpose', 'a', 'text', mac)).toBe(false)
    expect(keys.verify('purpose', 'a', 'text', `${mac}=`)).toBe(false)
    // The last character of 43 carries two bits that decode to nothing.
    const twin = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = twin.indexOf(mac.at(-1)!)
    expect(keys.verify('purpose', 'a', 'text', mac.slice(0, -1) + twin[last ^ 1]!)).toBe(false)
  })

  verifies('asvs-5.0/13.2.3', 'takes no weak, missing or doubled key', () => {
    expect(() => createKeyRing([])).toThrow(MisuseError)
    expect(() => createKeyRing([{ id: 'a', secret: 'changeme' }])).toThrow(MisuseError)
    expect(() => createKeyRing([{ id: 'a.b', secret: secret() }])).toThrow(MisuseError)
    expect(() => createKeyRing([1, 2].map(() => ({ id: 'a', secret: secret() })))).toThrow(MisuseError)
  })
})

describe('an agent token', () => {
  const make = (ttlMs?: number) => {
    const layer = createLayer()
    const keys = createKeyRing([{ id: 'k1', secret: secret() }])
    const options = { sessions: layer.sessions, keys, audience, ...(ttlMs !== undefined && { ttlMs }) }
    return { ...layer, keys, tokens: createAgentTokens(options) }
  }
  const context = { principal: alice, agent: 'one' }

  verifies(
    ['asvs-5.0/9.1.1', 'asvs-5.0/9.2.3', 'asvs-5.0/10.3.1', 'rfc-9700/2.3-verify-audience'],
    'holds for its agent, its principal, its session and its server, and for no other',
    async () => {
      const { tokens, sessions, keys } = make()
      const token = await tokens.mint({ ...context, session: 's1' })
      expect(await tokens.verify(token, { ...context, session: 's1' })).toMatchObject({
        valid: true,
        claims: { agent: 'one', session: 's1' },
      })
      for (const other of [
        { ...context, session: 's2' },
        context,
        { ...context, session: 's1', agent: 'two' },
        { ...context, session: 's1', principal: bob },
        { ...context, session: 's1', principal: { ...alice, client: 'other' } },
      ])
        expect(await tokens.verify(token, other)).toEqual({ valid: false, reason: 'foreign' })
      const elsewhere = createAgentTokens({ sessions, keys, audience: 'https://other.example' })
      expect(await elsewhere.verify(token, { ...context, session: 's1' })).toEqual({ valid: false, reason: 'foreign' })
    },
  )

  test('is not deceived by separators in a name, and no name is long enough to hurt', async () => {
    const { tokens } = make()
    const names = ['a.b', 'a|b', 'a:b', 'a","owner":"x', 'a\u0000b', 'ä😀', '..', '__proto__']
    for (const agent of names) {
      const token = await tokens.mint({ principal: alice, agent })
      for (const other of names)
        expect((await tokens.verify(token, { principal: alice, agent: other })).valid).toBe(agent === other)
    }
    await expect(tokens.mint({ principal: alice, agent: 'x'.repeat(10_240) })).rejects.toThrow(MisuseError)
  })

  verifies(
    ['asvs-5.0/9.1.2', 'asvs-5.0/11.2.4'],
    'that was changed anywhere, made elsewhere, or is no token is refused',
    async () => {
      const { tokens, sessions } = make()
      const token = await tokens.mint(context)
      for (let place = 0; place < token.length; place += 1) {
        const changed = token.slice(0, place) + (token[place] === 'A' ? 'B' : 'A') + token.slice(place + 1)
        expect((await tokens.verify(changed, context)).valid).toBe(false)
      }
      const stranger = createAgentTokens({ sessions, keys: createKeyRing([{ id: 'k1', secret: secret() }]), audience })
      expect(await tokens.verify(await stranger.mint(context), context)).toEqual({ valid: false, reason: 'forged' })
      const none = Buffer.from('{"alg":"none"}').toString('base64url')
      for (const junk of ['', 'at1...', `${none}.${none}.`, 7, null, 'at1.k1.' + 'A'.repeat(1_000_000), `${token}\n`])
        expect(await tokens.verify(junk, context)).toEqual({ valid: false, reason: 'malformed' })
    },
  )

  verifies('asvs-5.0/9.2.1', 'ends by time, and with the context of its agent', async () => {
    const { tokens, sessions, advance } = make(minuteMs)
    const short = await tokens.mint(context)
    advance(minuteMs)
    expect(await tokens.verify(short, context)).toEqual({ valid: false, reason: 'expired' })
    const token = await tokens.mint(context)
    const other = await tokens.mint({ principal: alice, agent: 'two' })
    await sessions.resetAgent(alice, 'one', 'context reset')
    expect(await tokens.verify(token, context)).toEqual({ valid: false, reason: 'revoked' })
    expect((await tokens.verify(other, { principal: alice, agent: 'two' })).valid).toBe(true)
    await sessions.revoke({ principal: alice }, 'account disabled')
    expect((await tokens.verify(other, { principal: alice, agent: 'two' })).valid).toBe(false)
  })

  verifies('asvs-5.0/8.3.3', 'is handed on once, for less, for no longer, and dies with either agent', async () => {
    const { tokens, sessions, advance } = make(10 * minuteMs)
    const token = await tokens.mint({ ...context, scopes: ['read', 'write'] })
    advance(4 * minuteMs)
    const handed = await tokens.handOff(token, context, { agent: 'child', scopes: ['read'], ttlMs: 99 * minuteMs })
    const child = { principal: alice, agent: 'child' }
    expect(await tokens.verify(handed, { ...child, scope: 'read' })).toMatchObject({ claims: { from: 'one' } })
    expect(await tokens.verify(handed, { ...child, scope: 'write' })).toEqual({ valid: false, reason: 'scope' })
    await expect(tokens.handOff(handed, child, { agent: 'x', scopes: [] })).rejects.toThrow(MisuseError)
    await expect(tokens.handOff(token, context, { agent: 'x', scopes: ['admin'] })).rejects.toThrow(MisuseError)
    await sessions.resetAgent(alice, 'one', 'context reset')
    expect(await tokens.verify(handed, child)).toEqual({ valid: false, reason: 'revoked' })
  })
})

describe('a requestState', () => {
  const make = (ttlMs?: number) => {
    const layer = createLayer()
    const keys = createKeyRing([{ id: 'k1', secret: secret() }])
    const options = { sessions: layer.sessions, keys, audience, ...(ttlMs !== undefined && { ttlMs }) }
    return { ...layer, keys, states: createRequestStates(options) }
  }
  const binding: RequestBinding = {
    principal: alice,
    method: 'tools/call',
    name: 'pay',
    arguments: { to: 'acme', amount: 10 },
  }

  verifies(
    ['mcp-2026-07-28/protect-request-state', 'asvs-5.0/11.2.4'],
    'can be neither read nor changed by who carries it',
    async () => {
      const { states } = make()
      const sealed = await states.seal({ approved: 'secret plan' }, binding, { once: false })
      expect(sealed).not.toContain('secret')
      expect(Buffer.from(sealed.split('.')[2]!, 'base64url').toString('latin1')).not.toContain('secret plan')
      expect(await states.unseal(sealed, binding)).toEqual({ good: true, state: { approved: 'secret plan' } })
      for (let place = 0; place < sealed.length; place += 1) {
        const changed = sealed.slice(0, place) + (sealed[place] === 'A' ? 'B' : 'A') + sealed.slice(place + 1)
        expect((await states.unseal(changed, binding)).good).toBe(false)
      }
      for (const junk of [
        undefined,
        '',
        {},
        'rs1.k1.',
        'rs1.k1.' + 'A'.repeat(100_000),
        sealed + '=',
        sealed + '-TAMPERED',
      ])
        expect((await states.unseal(junk, binding)).good).toBe(false)
    },
  )

  verifies(
    ['mcp-2026-07-28/bind-request-state-to-principal', 'mcp-2026-07-28/bind-request-state-to-request'],
    'is good for its principal, client, agent, method, tool and arguments, and for no other',
    async () => {
      const { states, sessions, keys } = make()
      const sealed = await states.seal('state', binding)
      for (const other of [
        { ...binding, principal: bob },
        { ...binding, principal: { ...alice, client: 'other' } },
        { ...binding, principal: { ...alice, issuer: 'https://evil.example' } },
        { ...binding, agent: 'one' },
        { ...binding, method: 'prompts/get' },
        { ...binding, name: 'schedule' },
        { ...binding, arguments: { to: 'acme', amount: 11 } },
        { ...binding, arguments: { to: 'acme' } },
        { ...binding, arguments: undefined },
      ])
        expect(await states.unseal(sealed, other as RequestBinding)).toEqual({ good: false, reason: 'refused' })
      const elsewhere = createRequestStates({ sessions, keys, audience: 'https://other.example' })
      expect(await elsewhere.unseal(sealed, binding)).toEqual({ good: false, reason: 'refused' })
      // None of these used it up, and the order of members is no difference.
      const again = { ...binding, arguments: { amount: 10, to: 'acme' } }
      expect(await states.unseal(sealed, again)).toEqual({ good: true, state: 'state' })
    },
  )

  verifies('mcp-2026-07-28/expire-request-state', 'ends by time', async () => {
    const { states, advance } = make(minuteMs)
    const sealed = await states.seal('state', binding)
    advance(minuteMs)
    expect(await states.unseal(sealed, binding)).toEqual({ good: false, reason: 'expired' })
  })

  verifies(
    'mcp-2026-07-28/single-use-request-state',
    'is redeemed once, of ten times at once too, and again after a rotation of keys',
    async () => {
      const { states, keys } = make()
      const sealed = await states.seal('state', binding)
      keys.add({ id: 'k2', secret: secret() })
      const all = await Promise.all(Array.from({ length: 10 }, () => states.unseal(sealed, binding)))
      expect(all.filter(({ good }) => good)).toHaveLength(1)
      expect(await states.unseal(sealed, binding)).toEqual({ good: false, reason: 'used' })
      expect(await states.seal('next', binding)).toMatch(/^rs1\.k2\./)
    },
  )

  test('is dead once its agent was reset or its principal revoked', async () => {
    const { states, sessions } = make()
    const mine = { ...binding, agent: 'one' }
    const sealed = await states.seal('state', mine)
    await sessions.resetAgent(alice, 'one', 'context reset')
    expect(await states.unseal(sealed, mine)).toEqual({ good: false, reason: 'refused' })
    const next = await states.seal('state', binding)
    await sessions.revoke({ principal: alice }, 'account disabled')
    expect(await states.unseal(next, binding)).toEqual({ good: false, reason: 'refused' })
  })

  test('that lives longer than a session may is dead for all its time', async () => {
    const { sessions, advance } = createLayer({ absoluteTimeoutMs: minuteMs })
    const keys = createKeyRing([{ id: 'k1', secret: secret() }])
    const states = createRequestStates({ sessions, keys, audience, ttlMs: 30 * minuteMs })
    const sealed = await states.seal('state', binding)
    await sessions.revoke({ principal: alice }, 'account disabled')
    advance(29 * minuteMs)
    await sessions.sweep()
    expect(await states.unseal(sealed, binding)).toEqual({ good: false, reason: 'refused' })
  })

  test('is no bag for anything', async () => {
    const { states } = make()
    await expect(states.seal('x'.repeat(17_000), binding)).rejects.toThrow(MisuseError)
    await expect(states.seal(undefined, binding)).rejects.toThrow(MisuseError)
    let deep: unknown = 1
    for (let level = 0; level < 200; level += 1) deep = [deep]
    await expect(states.seal('x', { ...binding, arguments: deep })).rejects.toThrow(MisuseError)
  })
})

describe('canonical JSON', () => {
  test('is the same for what means the same, and JSON still', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const shuffled = JSON.parse(JSON.stringify(value), (_, part: unknown) =>
          typeof part === 'object' && part !== null && !Array.isArray(part)
            ? Object.fromEntries(Object.entries(part).toReversed())
            : part,
        ) as unknown
        expect(canonicalJson(shuffled)).toBe(canonicalJson(value))
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test('differs where anything differs', () => {
    const texts = [1, '1', [1], { a: 1 }, { a: '1' }, { a: [1] }, { b: 1 }, {}, [], null, '', { 'a":1,"b': 1 }, [[1]]]
    expect(new Set(texts.map((text) => canonicalJson(text))).size).toBe(texts.length)
  })
})
