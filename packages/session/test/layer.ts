/** A session layer on a store with a clock that tests move, and everything that it said. */
import { createSessions, memoryStore, type Principal, type SessionEvent, type SessionOptions } from '../src/index.ts'

export const alice: Principal = Object.freeze({ issuer: 'https://id.example', subject: 'alice', client: 'app' })
export const bob: Principal = Object.freeze({ issuer: 'https://id.example', subject: 'bob', client: 'app' })

export const hourMs = 3_600_000
export const minuteMs = 60_000

export function createLayer(options: SessionOptions = {}) {
  const clock = { now: 1_700_000_000_000 }
  const store = options.store ?? memoryStore({ clock: () => clock.now })
  const sessions = createSessions({ sweepIntervalMs: 0, ...options, store }, { wall: () => clock.now })
  const events: SessionEvent[] = []
  sessions.onEvent((event) => events.push(event))
  return {
    sessions,
    store,
    events,
    clock,
    advance: (ms: number) => void (clock.now += ms),
    kinds: () => events.map(({ kind }) => kind),
  }
}
