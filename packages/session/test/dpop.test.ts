import { randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { MisuseError, type RequestView } from '../src/index.ts'
import { sha256 } from '../src/digest.ts'
import { createDpop } from '../src/proof/dpop.ts'
import { createLayer } from './layer.ts'
import { verifies } from './verifies.ts'

const token = 'access-token'

describe('a proof of possession', () => {
  let pair: Awaited<ReturnType<typeof generateKeyPair>>
  let jwk: Awaited<ReturnType<typeof exportJWK>>
  let thumbprint: string
  beforeAll(async () => {
    pair = await generateKeyPair('ES256', { extractable: true })
    jwk = await exportJWK(pair.publicKey)
    thumbprint = await calculateJwkThumbprint(jwk)
  })

  const make = (options: { isOurNonce?: (nonce: string) => boolean } = {}) => {
    const { sessions, clock, advance } = createLayer()
    const dpop = createDpop({ sessions, origin: 'https://mcp.example.com', wall: () => clock.now, ...options })
    const claims = () => ({
      jti: randomUUID(),
      iat: Math.floor(clock.now / 1000),
      htm: 'POST',
      htu: 'https://mcp.example.com/mcp',
      ath: sha256(token),
    })
    const prove = (changed: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
      new SignJWT({ ...claims(), ...changed })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
        .sign(pair.privateKey)
    const ask = (...proofs: string[]) => dpop.verify(request(proofs), { token, thumbprint })
    const askFor = (target: string, proof: string) =>
      dpop.verify({ ...request([proof]), target }, { token, thumbprint })
    /** Another process, whose clock is half a minute behind. */
    const late = createDpop({ sessions, origin: 'https://mcp.example.com', wall: () => clock.now - 30_000 })
    const askLate = (proof: string) => late.verify(request([proof]), { token, thumbprint })
    return { dpop, prove, ask, askFor, askLate, advance, claims, clock }
  }

  const request = (proofs: string[]): RequestView => ({
    method: 'POST',
    target: '/mcp?x=1',
    encrypted: true,
    remoteAddress: '192.0.2.1',
    header: (name) => (name === 'dpop' ? proofs : []),
  })

  test('is good once for as long as it is good, by whatever clock of whatever process', async () => {
    const { ask, askLate, prove, advance, clock } = make()
    const early = await prove({ iat: Math.floor(clock.now / 1000) + 5 })
    const proof = await prove()
    expect(await ask(early)).toMatchObject({ valid: true })
    expect(await ask(proof)).toMatchObject({ valid: true })
    advance(64_999)
    expect(await ask(early)).toMatchObject({ reason: 'replayed' })
    advance(1)
    expect(await ask(early)).toMatchObject({ valid: false })
    expect(await askLate(proof)).toMatchObject({ reason: 'replayed' })
  })

  test('holds for the path of a request line with a whole URL, and for no request line without a path', async () => {
    const { askFor, prove } = make()
    expect(await askFor('https://mcp.example.com/mcp?x=1', await prove())).toMatchObject({ valid: true })
    const forRoot = { htu: 'https://mcp.example.com/' }
    for (const target of ['https://mcp.example.com/mcp', 'http://other.example/mcp', '*'])
      expect(await askFor(target, await prove(forRoot))).toMatchObject({ valid: false, reason: 'wrong-request' })
  })

  verifies(
    [
      'rfc-9449/4.3-check-proof',
      'rfc-9449/7.1-check-binding',
      'asvs-5.0/10.3.5',
      'rfc-9700/2.2.1-sender-constrained-tokens',
    ],
    'holds for this request, this token and this key, and for no other',
    async () => {
      const { ask, prove, claims } = make()
      expect(await ask(await prove())).toEqual({ valid: true, thumbprint })
      const refused: [string, Promise<string>][] = [
        ['wrong-request', prove({ htm: 'GET' })],
        ['wrong-request', prove({ htu: 'https://mcp.example.com/other' })],
        ['wrong-request', prove({ htu: 'https://evil.example/mcp' })],
        ['wrong-request', prove({ htu: 7 })],
        ['wrong-key', prove({ ath: sha256('other token') })],
        ['wrong-key', prove({ ath: undefined })],
        ['malformed', prove({}, { typ: 'JWT' })],
        ['malformed', prove({ jti: undefined })],
        ['malformed', prove({ jti: 'x'.repeat(300) })],
        ['malformed', prove({ iat: 'now' })],
        ['malformed', prove({}, { jwk: await exportJWK(pair.privateKey) })],
        ['malformed', Promise.resolve('x.y.z')],
        ['malformed', Promise.resolve('x'.repeat(10_000))],
        ['malformed', prove().then((proof) => `${proof.slice(0, -4)}AAAA`)],
      ]
      for (const [reason, proof] of refused) expect(await ask(await proof)).toMatchObject({ valid: false, reason })
      const symmetric = await new SignJWT(claims())
        .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: { kty: 'oct', k: 'AAAA' } as object })
        .sign(Buffer.alloc(32))
      expect(await ask(symmetric)).toMatchObject({ reason: 'malformed' })
      const other = await generateKeyPair('ES256')
      const stolen = await new SignJWT(claims())
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(other.publicKey) })
        .sign(other.privateKey)
      expect(await ask(stolen)).toMatchObject({ reason: 'wrong-key' })
      expect(await ask(await prove(), await prove())).toMatchObject({ reason: 'malformed' })
    },
  )

  verifies(
    'rfc-9449/7.2-no-bearer-downgrade',
    'is missed where it is missing, and does not bless an unbound token',
    async () => {
      const { ask, dpop, prove } = make()
      expect(await ask()).toMatchObject({ valid: false, reason: 'missing' })
      const verdict = await dpop.verify(request([await prove()]), { token, thumbprint: undefined })
      expect(verdict).toMatchObject({ valid: false, reason: 'unbound-token' })
    },
  )

  verifies(
    ['rfc-9449/11.1-limit-proof-age', 'rfc-9449/11.1-single-use-proof'],
    'is good for a minute, and once',
    async () => {
      const { ask, prove, advance } = make()
      const proof = await prove()
      const answers = await Promise.all([ask(proof), ask(proof), ask(proof)])
      expect(answers.filter(({ valid }) => valid)).toHaveLength(1)
      expect(answers.find(({ valid }) => !valid)).toMatchObject({ reason: 'replayed' })
      const old = await prove()
      advance(62_000)
      expect(await ask(old)).toMatchObject({ reason: 'stale' })
      advance(-120_000)
      expect(await ask(old)).toMatchObject({ reason: 'stale' })
    },
  )

  verifies('rfc-9449/9-server-nonce', 'carries our nonce where one is asked for', async () => {
    const { ask, prove } = make({ isOurNonce: (nonce) => nonce === 'n1' })
    expect(await ask(await prove())).toMatchObject({
      reason: 'nonce',
      challenge: expect.stringContaining('use_dpop_nonce'),
    })
    expect(await ask(await prove({ nonce: 'n0' }))).toMatchObject({ reason: 'nonce' })
    expect(await ask(await prove({ nonce: 'n1' }))).toMatchObject({ valid: true })
  })

  test('is made with no symmetric algorithm', () => {
    const { sessions } = createLayer()
    for (const algorithms of [['HS256'], ['none']])
      expect(() => createDpop({ sessions, origin: 'https://x.example', algorithms })).toThrow(MisuseError)
  })
})
