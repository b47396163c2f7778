/** Bundled into the instrumented command: notes when each timed function starts and ends, and leaves the notes at the exit. */
import { writeFileSync } from 'node:fs'

const laps = []

process.on('exit', () => {
  const { timeOrigin, nodeTiming } = performance
  writeFileSync(
    process.env['BENCH_PHASES'],
    JSON.stringify({ timeOrigin, bootstrapped: nodeTiming.bootstrapComplete, laps }),
  )
})

export function time(name, untimed) {
  return (...args) => {
    const lap = { name, start: performance.now(), end: NaN }
    laps.push(lap)
    const stop = () => void (lap.end = performance.now())
    const result = untimed(...args)
    if (typeof result?.then === 'function') result.then(stop, stop)
    else stop()
    return result
  }
}
