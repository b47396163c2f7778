/** How the engine compiles the program while that runs. */
import v8 from 'node:v8'
import type { Progress } from '@sallyport/audit'

/** From this many files on, nearly all that an audit runs is run often. */
const MANY_FILES = 100

/**
 * Node 20 interprets a function until it has been seen to be warm, and then compiles it. Where there are many files to follow,
 * to compile at once saves a twentieth of the time; where there are few, it would cost a tenth. Later versions decide for themselves.
 */
export function compileFor({ phase, done, total }: Progress): void {
  if (phase !== 'parsing' || done > 0 || total < MANY_FILES || Number.parseInt(process.versions.v8, 10) >= 12) return
  v8.setFlagsFromString('--always-sparkplug')
}
