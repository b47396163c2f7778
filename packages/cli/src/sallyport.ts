/** The process: hands its arguments and streams to `main` and keeps the exit code. */
import { main } from './main.ts'

// A reader such as `head` may close the pipe early. That is its right and no fault of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
}

process.exitCode = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  platform: process.platform,
})
