import { randomUUID } from 'node:crypto'

/** An identifier that is pleasant to read in a log. */
export function shortId(): string {
  return randomUUID()
}
