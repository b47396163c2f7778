/** Runs in a process of its own: starts one example after another, each told by a message, and leaves all of them listening. */
import { pathToFileURL } from 'node:url'

process.on('message', (entry: string) => {
  import(pathToFileURL(entry).href).catch((error: unknown) => {
    process.stderr.write(error instanceof Error ? (error.stack ?? error.message) : String(error))
    process.exit(1)
  })
})
