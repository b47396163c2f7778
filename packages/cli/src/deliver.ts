/** Puts a document where it belongs. */
import { writeFileSync } from 'node:fs'
import type { Console } from './console.ts'

/** Writes to the file, or to standard output without one; returns why it could not. */
export function deliver(document: string, output: string | undefined, console: Console): string | undefined {
  if (output === undefined) {
    console.stdout.write(document)
    return undefined
  }
  try {
    writeFileSync(output, document)
    return undefined
  } catch (error) {
    return `cannot write ${output}: ${reasonOf(error as NodeJS.ErrnoException)}`
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'its folder does not exist. Create the folder or name another file.'
  if (code === 'EISDIR') return 'it is a folder. Name a file in it.'
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'permission denied. Name a file you may write.'
  return `${message}.`
}
