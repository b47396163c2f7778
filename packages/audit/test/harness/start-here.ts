/** Runs in a process of its own: starts one example after another, each told by a message, and leaves all of them listening. */
import { pathToFileURL } from 'node:url'

/** What to start, and what the environment says meanwhile. */
export interface Start {
  readonly entry: string
  readonly env: Readonly<Record<string, string>>
}

const own = { ...process.env }

process.on('message', ({ entry, env }: Start) => {
  process.env = { ...own, ...env }
  import(pathToFileURL(entry).href).catch((error: unknown) => {
    process.stderr.write(error instanceof Error ? (error.stack ?? error.message) : String(error))
    process.exit(1)
  })
})
