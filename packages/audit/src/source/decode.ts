/** From bytes to text, or the reason why not. */
import { isAscii, isUtf8 } from 'node:buffer'

export type Decoded = { readonly text: string } | { readonly reason: string }

/** Text exactly as it stands in the file (a byte order mark included), so that offsets into it are offsets of edits. */
export function decode(bytes: Uint8Array): Decoded {
  if (bytes.length === 0) return { reason: 'The file is empty.' }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (isUtf16(buffer)) return { reason: 'The file is encoded as UTF-16, not UTF-8; it was not analysed.' }
  if (isBinary(buffer)) return { reason: 'The file holds binary data (NUL bytes); it was not analysed.' }
  if (isAscii(buffer)) return { text: buffer.toString('latin1') }
  if (!isUtf8(buffer)) return { reason: 'The file is not valid UTF-8; it was not analysed.' }
  return { text: buffer.toString('utf8') }
}

/** A NUL or two may stand in a string of honest source; binary formats are full of them. */
function isBinary(buffer: Buffer): boolean {
  let count = 0
  for (let at = buffer.indexOf(0); at !== -1; at = buffer.indexOf(0, at + 1))
    if (++count * 200 > buffer.length) return true
  return false
}

function isUtf16(buffer: Buffer): boolean {
  return (buffer[0] === 0xff && buffer[1] === 0xfe) || (buffer[0] === 0xfe && buffer[1] === 0xff)
}
