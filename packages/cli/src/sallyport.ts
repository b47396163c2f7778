/** The process: hands its arguments and streams to `main` and keeps the exit code. */
import { refuse } from './exit.ts'
import { main } from './main.ts'

// A reader such as `head` may close the pipe early. That is its right and no fault of ours; nor is a disk that is full.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  process.exit(refuse(`cannot write to standard output: ${error.message}.`, process))
})
process.stderr.on('error', () => process.exit())

process.exitCode = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  platform: process.platform,
})
