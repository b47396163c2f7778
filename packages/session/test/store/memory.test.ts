import { describe, expect, test } from 'vitest'
import { certification } from '../../src/store/certify.ts'
import { StoreUser } from '../../src/store/certification/user.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { maxTombstones } from '../../src/store/store.ts'

describe('the memory store is certified', () => {
  test.each(certification)('$name', ({ run }) =>
    run(() => {
      let now = 1_700_000_000_000
      const store = memoryStore({ clock: () => now })
      return { store, other: store, advance: (ms) => void (now += ms), close: () => store.close() }
    }),
  )
})

test('whoever opens and ends sessions without end fills no memory: only the last ones are known as ended', async () => {
  const store = memoryStore()
  const user = new StoreUser(store)
  const ended: string[] = []
  for (let made = 0; made < maxTombstones + 2; made += 1) {
    const { ref } = await user.open()
    void store.end({ name: { ref }, reason: 'terminated' })
    ended.push(ref)
  }
  for (const forgotten of ended.slice(0, 2)) expect(await user.resume(forgotten)).toEqual({ kind: 'unknown' })
  for (const ref of [ended[2]!, ended.at(-1)!])
    expect(await user.resume(ref)).toEqual({ kind: 'refused', reason: 'ended', ref })
})
