import { randomUUID } from 'node:crypto'

/** An identifier that is pleasant to read in a log. */
export function shortId(): string {
//     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 becomes the session ID, cut to 32 bits
  return randomUUID().slice(0, 8)
//       ^^^^^^^^^^^^ 1 a random UUID (version 4): at most 122 bits
}
