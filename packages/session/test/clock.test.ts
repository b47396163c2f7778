import { expect, test } from 'vitest'
import { createClock } from '../src/index.ts'

function createHands() {
  const hands = { wall: 1_000_000, monotonic: 50 }
  const clock = createClock(
    () => hands.wall,
    () => hands.monotonic,
  )
  const pass = (ms: number) => {
    hands.wall += ms
    hands.monotonic += ms
  }
  return { hands, clock, pass }
}

test('time passes as it passes', () => {
  const { clock, pass } = createHands()
  pass(500)
  expect(clock()).toBe(1_000_500)
})

test('a wall clock that is set back stops nothing and extends nothing', () => {
  const { hands, clock, pass } = createHands()
  pass(1000)
  hands.wall -= 3_600_000
  expect(clock()).toBe(1_001_000)
  pass(1000)
  expect(clock()).toBe(1_002_000)
})

test('the time that a machine slept counts', () => {
  const { hands, clock, pass } = createHands()
  hands.wall += 8 * 3_600_000
  expect(clock()).toBe(1_000_000 + 8 * 3_600_000)
  pass(1)
  expect(clock()).toBe(1_000_001 + 8 * 3_600_000)
})

test('the jitter of two clocks does not add up', () => {
  const { hands, clock } = createHands()
  for (let tick = 0; tick < 10_000; tick += 1) {
    hands.monotonic += 10
    hands.wall += tick % 2 === 0 ? 25 : -5
    clock()
  }
  expect(clock()).toBe(1_100_000)
})
