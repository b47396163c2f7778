import { describe, test } from 'vitest'
import { certification } from '../../src/store/certify.ts'
import { memoryStore } from '../../src/store/memory.ts'

describe('the memory store is certified', () => {
  test.each(certification)('$name', ({ run }) =>
    run(() => {
      let now = 1_700_000_000_000
      const store = memoryStore({ clock: () => now })
      return { store, other: store, advance: (ms) => void (now += ms), close: () => store.close() }
    }),
  )
})
