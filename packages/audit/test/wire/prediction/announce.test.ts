/** Handles are announced before they are issued, by generators as programs write them, and by the `Math.random` of the Node that runs this test. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { announce, study } from '../../../src/wire/prediction/study.ts'
import type { IssuedHandle } from '../../../src/wire/prediction/part.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const NANOID = 'useandom-26T198340PX75pxJACKVERYMINDBUSHWOLF_GQZbfghjklqvwyzrict'

/** A server's generator of handles, given its clock. */
type Generator = (nowMs: number) => string

/** Issues handles every few milliseconds, by a clock that is not the server's. */
function issuing(generator: Generator, skewMs = 0) {
  let nowMs = 1_780_000_000_000 + skewMs
  const issue = (): IssuedHandle => {
    const sentAtMs = nowMs
    nowMs += 3
    const handle = generator(nowMs + skewMs - 1)
    return { handle, sentAtMs, receivedAtMs: nowMs }
  }
  return { issue, soon: () => ({ fromMs: nowMs, toMs: nowMs + 20 }) }
}

/** Whether the handle after a sample was among those announced, and how many those were. */
function announced(generator: Generator, sample = 40, skewMs = 0) {
  const server = issuing(generator, skewMs)
  const seen = study(Array.from({ length: sample }, server.issue))
  const announcement = announce(seen, server.soon())
  const { handle } = server.issue()
  return { came: announcement?.includes(handle), size: announcement?.size, generator: announcement?.generator }
}

function group(): string {
  return Math.floor((1 + Math.random()) * 0x10000)
    .toString(16)
    .slice(1)
}

const RANDOM: Readonly<Record<string, Generator>> = {
  'digits in base 36': () => Math.random().toString(36).slice(2),
  'digits in base 36, cut': () => Math.random().toString(36).substring(2, 9),
  'digits in base 36, twice': () =>
    Math.random().toString(36).substring(2, 15) + Math.random().toString(36).substring(2, 15),
  'digits in base 16': () => Math.random().toString(16).slice(2),
  'digits in base 10': () => Math.random().toString().slice(2),
  'a number': () => String(Math.floor(Math.random() * 1e9)),
  'a number of six digits': () => String(Math.floor(100_000 + Math.random() * 900_000)),
  'a number in base 16': () => Math.floor(Math.random() * 0x100000000).toString(16),
  'a safe integer in base 36': () => Math.floor(Math.random() * Number.MAX_SAFE_INTEGER).toString(36),
  'letters of an alphabet': () => Array.from({ length: 32 }, () => LETTERS[Math.floor(Math.random() * 62)]).join(''),
  'groups of four digits': () => `${group()}${group()}-${group()}-${group()}-${group()}-${group()}${group()}${group()}`,
  'the shape of a UUID': () =>
    'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (letter) => {
      const digit = (Math.random() * 16) | 0
      return (letter === 'x' ? digit : (digit & 3) | 8).toString(16)
    }),
  'nanoid without a secure generator': () =>
    Array.from({ length: 21 }, () => NANOID[(Math.random() * 64) | 0]).join(''),
  'beside other uses': () => {
    const id = Math.random().toString(36).slice(2)
    return Math.random() + Math.random() < 3 ? id : ''
  },
  'after a prefix': () => `sess_${Math.random().toString(36).slice(2, 10)}`,
}

/** Draws as many as a library does that makes an identifier of its own, now and then. */
function withStrays(generator: Generator, every: number): Generator {
  let issued = 0
  return (nowMs) => {
    if (issued++ % every === 0) for (let draw = 0; draw < 21; draw++) Math.random()
    return generator(nowMs)
  }
}

const TIMED: Readonly<Record<string, Generator>> = {
  'a clock': (nowMs) => String(nowMs),
  'a clock in base 36': (nowMs) => nowMs.toString(36),
  'a clock in base 16': (nowMs) => `s${nowMs.toString(16)}`,
  'a clock after a prefix': (nowMs) => `session-${nowMs}`,
  'a clock before Math.random': (nowMs) => `${nowMs}-${Math.random().toString(36).slice(2)}`,
  'a clock glued to Math.random': (nowMs) => nowMs.toString(36) + Math.random().toString(36).slice(2),
  'Math.random glued to a clock': (nowMs) => Math.random().toString(36).slice(2) + nowMs.toString(36),
  'the digest of a clock': (nowMs) => createHash('md5').update(String(nowMs)).digest('hex'),
}

describe('Math.random that others draw from as well', () => {
  it.each([
    ['the shape of a UUID', 3],
    ['letters of an alphabet', 3],
    ['digits in base 36', 13],
    ['after a prefix', 13],
  ])('%s, with other draws before every %ith', (name, every) => {
    expect(announced(withStrays(RANDOM[name]!, every))).toMatchObject({ came: true })
  })

  it('also where the last draws were just before the newest handle', () => {
    expect(announced(withStrays(RANDOM['the shape of a UUID']!, 39), 40)).toMatchObject({ came: true })
  })
})

describe('Math.random of the running Node', () => {
  it.each(Object.entries(RANDOM))('%s', (_name, generator) => {
    expect(announced(generator)).toMatchObject({ came: true, generator: expect.stringContaining('Math.random') })
  })

  it('a few are announced where the sample shows no end of a batch, one where it does', () => {
    expect(announced(RANDOM['digits in base 36']!, 130)).toMatchObject({ came: true, size: 1 })
    expect(announced(RANDOM['digits in base 36']!, 12).size).toBeLessThanOrEqual(6)
  })

  it('from wherever in a batch the sample begins', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 14, max: 80 }), (before, sample) => {
        for (let call = 0; call < before; call++) Math.random()
        expect(announced(RANDOM['digits in base 36']!, sample).came).toBe(true)
      }),
      { numRuns: 20 },
    )
  })

  it('up to so many handles of others may come between', () => {
    const server = issuing(RANDOM['digits in base 36']!)
    const announcement = announce(study(Array.from({ length: 40 }, server.issue)), server.soon(), 2)
    const later = [server.issue(), server.issue(), server.issue()]
    expect(later.map(({ handle }) => announcement?.includes(handle))).toEqual([true, true, true])
  })
})

describe('clocks, ahead or behind', () => {
  it.each(Object.entries(TIMED))('%s', (_name, generator) => {
    for (const skewMs of [0, -340, 170]) {
      const { came, size } = announced(generator, 40, skewMs)
      expect({ came, few: size! < 200 }).toEqual({ came: true, few: true })
    }
  })

  it.each([1, 6] as const)('UUIDs of version %i', (version) => {
    const generator = (nowMs: number) => {
      const digits = (BigInt(nowMs) * 10_000n + 122_192_928_000_000_000n).toString(16).padStart(15, '0')
      const head =
        version === 6
          ? `${digits.slice(0, 8)}-${digits.slice(8, 12)}-6${digits.slice(12)}`
          : `${digits.slice(7)}-${digits.slice(3, 7)}-1${digits.slice(0, 3)}`
      return `${head}-9a3c-0242ac130003`
    }
    expect(announced(generator)).toMatchObject({ came: true, generator: expect.stringContaining(`version ${version}`) })
  })
})

describe('counters', () => {
  it.each([
    [10, ['', 'cart_', 'session-', 'S']],
    [16, ['cart_', 'session-']],
    [36, ['cart_', 'session-']],
  ])('in base %i, with any prefix, width and step', (radix, prefixes) => {
    fc.assert(
      fc.property(
        fc.nat(100_000),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(...prefixes),
        fc.constantFrom(0, 6),
        (first, step, prefix, width) => {
          let count = first
          const generator = () => prefix + (count += step).toString(radix).padStart(width, '0')
          expect(announced(generator, 60)).toMatchObject({ came: true, size: 1 })
        },
      ),
    )
  })

  it('behind a digest', () => {
    let count = 7
    const generator = () => createHash('sha256').update(String(count++)).digest('hex')
    expect(announced(generator)).toMatchObject({ came: true, size: 1, generator: 'the sha256 digest of a counter' })
  })

  it('the same handle each time', () => {
    expect(announced(() => 'default')).toMatchObject({ came: true, generator: 'the same text each time' })
  })
})

describe('sound generators', () => {
  const sound: Readonly<Record<string, Generator>> = {
    randomUUID: () => randomUUID(),
    'hex bytes': () => randomBytes(16).toString('hex'),
    base64url: () => randomBytes(32).toString('base64url'),
    'base 36': () => BigInt(`0x${randomBytes(16).toString('hex')}`).toString(36),
    'a few digits': () => String(randomBytes(4).readUInt32BE()),
    'after a clock': (nowMs) => `${nowMs}-${randomUUID()}`,
    'after a counter': (nowMs) => `${Math.floor(nowMs / 3)}.${randomBytes(16).toString('hex')}`,
  }
  it.each(Object.entries(sound))('%s: nothing is announced', (_name, generator) => {
    expect(announced(generator).size).toBeUndefined()
  })

  it('any text is taken apart without a word too much, in bounded time', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 400 }), { maxLength: 60 }), (texts) => {
        let index = 0
        const server = issuing(() => texts[index++] ?? '')
        const before = process.cpuUsage()
        const seen = study(texts.map(() => server.issue()))
        expect(process.cpuUsage(before).user / 1000).toBeLessThan(3000)
        expect(seen.issued).toBe(texts.length)
        expect(
          seen.parts.flatMap((part) => part.texts.filter((_, at) => !texts[at]!.includes(part.texts[at]!))),
        ).toEqual([])
      }),
      { numRuns: 20 },
    )
  })
})
