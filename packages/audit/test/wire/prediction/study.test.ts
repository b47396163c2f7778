/** What a sample of handles shows: bits, duplicates, versions, content. */
import { randomBytes, randomUUID } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentOf } from '../../../src/wire/prediction/content.ts'
import { positionsOf } from '../../../src/wire/prediction/entropy.ts'
import { study } from '../../../src/wire/prediction/study.ts'

function studyOf(generator: (index: number) => string, count = 60) {
  return study(
    Array.from({ length: count }, (_, index) => ({
      handle: generator(index),
      sentAtMs: index * 2,
      receivedAtMs: index * 2 + 1,
    })),
  )
}

describe('bits', () => {
  it('the bound is no lower than what a uniform generator has, but once in a hundred samples', () => {
    fc.assert(
      fc.property(fc.constantFrom(2, 10, 16, 36, 62), fc.integer({ min: 1, max: 32 }), (size, length) => {
        const draw = () => String.fromCharCode(33 + (randomBytes(4).readUInt32BE() % size))
        const texts = Array.from({ length: 60 }, () => Array.from({ length }, draw).join(''))
        const wrong = positionsOf(texts).filter(({ atMostBits }) => atMostBits < Math.log2(size) - 1e-9)
        expect(wrong.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 20 },
    )
  })

  it('few digits are few bits, however good their generator', () => {
    const { atMostBits } = studyOf(() => String(100_000 + (randomBytes(4).readUInt32BE() % 900_000)))
    expect(atMostBits).toBeGreaterThan(19)
    expect(atMostBits).toBeLessThan(26)
  })

  it('a position that never changes has none', () => {
    const texts = Array.from({ length: 20 }, (_, index) => `a${index}`)
    expect(positionsOf(texts)[0]).toEqual({ distinct: 1, atMostBits: 0 })
  })

  it('what a clock and a counter hold does not count', () => {
    const { parts, atMostBits } = studyOf((index) => `${index + 100}-${randomBytes(2).toString('hex')}`)
    expect(parts.map((part) => part.kind)).toEqual(['counter', 'constant', 'unknown'])
    expect(atMostBits).toBeLessThan(20)
  })

  it.each([
    ['a random UUID', () => randomUUID()],
    ['sixteen bytes', () => randomBytes(16).toString('hex')],
    ['a nanoid', () => randomBytes(21).toString('base64url').slice(0, 21)],
  ])('%s is not called weak', (_name, generator) => {
    expect(studyOf(generator).atMostBits).toBeGreaterThanOrEqual(122)
  })

  it('a number that only grows is worth its steps', () => {
    let count = 5_000_000
    const { parts, atMostBits } = studyOf(() => String((count += 1000 + (randomBytes(2).readUInt16BE() % 5000))))
    expect(parts.map((part) => part.kind)).toEqual(['increasing'])
    expect(atMostBits).toBeLessThan(13)
  })
})

describe('what is plain to see', () => {
  it('duplicates are counted', () => {
    expect(studyOf((index) => `id-${index % 50}`).duplicates).toBe(10)
  })

  it('the version of UUIDs', () => {
    expect(studyOf(() => randomUUID()).uuidVersion).toBe(4)
    expect(studyOf((index) => `0195aaaa-bbb${index % 10}-7ccc-8ddd-eeeeeeeeeeee`).uuidVersion).toBe(7)
    expect(studyOf(() => randomBytes(16).toString('hex')).uuidVersion).toBeUndefined()
  })

  const claims = JSON.stringify({ sub: 'alice', at: 17 })
  const base64 = (text: string) => Buffer.from(text).toString('base64url')
  it.each([
    ['JSON', claims, 'JSON with the fields "sub", "at"'],
    ['base64', base64(claims), 'base64 of JSON with the fields "sub", "at"'],
    ['hex', Buffer.from('alice:17:notes').toString('hex'), 'hex of readable text'],
    ['JWT', `${base64('{"alg":"HS256"}')}.${base64(claims)}.c2lnbmF0dXJl`, 'a JWT with the fields "sub", "at"'],
  ])('content in %s, without its values', (encoding, handle, label) => {
    expect(contentOf([handle, handle])).toMatchObject({ encoding, label })
  })

  it.each([randomUUID(), randomBytes(32).toString('base64url'), randomBytes(16).toString('hex'), '', '{', 'a.b.c'])(
    'no content in %s',
    (handle) => {
      expect(contentOf([handle])).toBeUndefined()
    },
  )
})
