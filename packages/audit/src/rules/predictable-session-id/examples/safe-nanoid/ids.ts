import { nanoid } from 'nanoid'

/** An identifier that is pleasant to read in a log. */
export function shortId(): string {
  return nanoid()
}
