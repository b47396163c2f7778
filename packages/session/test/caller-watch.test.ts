/** Callers that no session stands behind: how long they may go on where the store answers, and where it does not. */
import { afterEach, expect, test } from 'vitest'
import { CallerWatch } from '../src/caller-watch.ts'
import { alice, bob } from './layer.ts'

let watch: CallerWatch
afterEach(() => watch.close())

function create() {
  const store = { away: false, now: 0, epochs: [0, 0], asked: 0 }
  const time = { monotonic: 0 }
  const answer = async <T>(value: T): Promise<T> => {
    if (store.away) throw new Error('the store is away')
    return value
  }
  const facts = {
    epochs: () => {
      store.asked += 1
      return answer([...store.epochs])
    },
    now: () => answer(store.now),
  }
  watch = new CallerWatch(facts, 60_000, () => time.monotonic)
  const ends: string[] = []
  const begin = (name: string, caller: Parameters<CallerWatch['watch']>[0]) =>
    watch.watch(caller, (reason) => ends.push(`${name}: ${reason}`))
  return { store, time, ends, begin }
}

test('go on until their credential ends, and not a moment longer', async () => {
  const { store, ends, begin } = create()
  begin('short', { principal: alice, credentialExpiresAt: 100 })
  begin('long', { principal: alice, credentialExpiresAt: 200 })
  begin('for ever', { principal: alice })
  for (const [now, over] of [
    [99, 0],
    [100, 1],
    [200, 2],
    [10_000, 2],
  ] as const) {
    store.now = now
    await watch.check()
    expect(ends).toHaveLength(over)
  }
  expect(ends).toEqual(['short: credential-expired', 'long: credential-expired'])
})

test('stop where another process revoked their principal or agent instance, and say so once', async () => {
  const { store, ends, begin } = create()
  begin('done before', { principal: alice })()
  begin('hers', { principal: alice, agent: 'one' })
  await watch.check()
  expect(ends).toEqual([])
  store.epochs = [0, 7]
  await watch.check()
  begin('later', { principal: alice, agent: 'one' })
  await watch.check()
  store.epochs = [9, 7]
  await watch.check()
  await watch.check()
  expect(ends).toEqual(['hers: agent-reset', 'later: principal-revoked'])
})

test('stop at once where this process revoked them, and the others go on', () => {
  const { ends, begin } = create()
  begin('alice', { principal: alice })
  begin('her agent one', { principal: alice, agent: 'one' })
  begin('her agent two', { principal: alice, agent: 'two' })
  begin('bob', { principal: bob, agent: 'one' })
  watch.revoked(alice, 'one')
  expect(ends).toEqual(['her agent one: agent-reset'])
  watch.revoked(alice, undefined)
  expect(ends.slice(1)).toEqual(['alice: principal-revoked', 'her agent two: principal-revoked'])
})

test('are trusted for ten seconds where the store says nothing', async () => {
  const { store, time, ends, begin } = create()
  begin('call', { principal: alice })
  await watch.check()
  store.away = true
  time.monotonic = 9_999
  await watch.check()
  expect(ends).toEqual([])
  time.monotonic = 10_000
  await watch.check()
  expect(ends).toEqual(['call: unverified'])
})

test('cost one look for all calls of one caller', async () => {
  const { store, begin } = create()
  for (let made = 0; made < 20; made += 1) begin(`call ${made}`, { principal: alice })
  store.asked = 0
  await watch.check()
  expect(store.asked).toBe(1)
})
