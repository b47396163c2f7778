/** Bodies of the few requests that the layer itself reads: small JSON, and nothing that does not end. */

const maxBytes = 16 * 1024

/**
 * The body as JSON; undefined where there is none.
 *
 * @throws Error where it is no JSON or longer than 16 KiB
 */
export async function readJson(body: AsyncIterable<Uint8Array | string>): Promise<unknown> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part
    length += bytes.length
    if (length > maxBytes) throw new Error('the body is too long')
    parts.push(bytes)
  }
  return length === 0 ? undefined : (JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown)
}
