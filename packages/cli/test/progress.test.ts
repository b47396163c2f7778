import { expect, test } from 'vitest'
import { progressLine } from '../src/progress.ts'
import { fakeConsole } from './fake-console.ts'

const half = { phase: 'reading', done: 50, total: 100 }

test('waits a second, then writes at most ten times a second, and takes its line back', () => {
  const console = fakeConsole({ isTTY: true })
  const clock = { time: 0 }
  const progress = progressLine(console, () => clock.time)
  for (clock.time = 900; clock.time <= 1150; clock.time += 50) progress.update({ ...half, done: clock.time })
  progress.clear()
  expect(console.stderr.written).toEqual([
    '\r\u001b[2Kreading 1000 of 100 files',
    '\r\u001b[2Kreading 1100 of 100 files',
    '\r\u001b[2K',
  ])
  expect(console.stdout.written).toEqual([])
})

test.each([
  ['a pipe', fakeConsole()],
  ['a dumb terminal', fakeConsole({ isTTY: true, env: { TERM: 'dumb' } })],
])('is silent on %s', (_, console) => {
  let time = 0
  const progress = progressLine(console, () => (time += 5000))
  progress.update(half)
  progress.clear()
  expect(console.stderr.written).toEqual([])
})

test('leaves nothing to take back where work was short', () => {
  const console = fakeConsole({ isTTY: true })
  const progress = progressLine(console, () => 0)
  progress.update(half)
  progress.clear()
  expect(console.stderr.written).toEqual([])
})
