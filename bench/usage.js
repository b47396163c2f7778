/** Preload for systems without GNU time: writes what this process has used, in the form of `time -f '%U %S %M'`. */
import { writeFileSync } from 'node:fs'

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const file = process.env['BENCH_USAGE']
  if (file) writeFileSync(file, `${userCPUTime / 1e6} ${systemCPUTime / 1e6} ${maxRSS}`)
})
