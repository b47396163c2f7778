/** What a handle says to whoever decodes it. */

/** What all handles of a sample turned out to hold. */
export interface Content {
  readonly encoding: 'JSON' | 'JWT' | 'base64' | 'hex'
  /** In plain words, with field names but no values: `JSON with the fields "sub" and "iat"`. */
  readonly label: string
  readonly fields: readonly string[]
}

/** The decodable content that all of `texts` have; undefined if one has none. */
export function contentOf(texts: readonly string[]): Content | undefined {
  const contents = texts.map((text) => decode(text))
  const [first] = contents
  if (first === undefined || !contents.every((content) => content?.label === first.label)) return undefined
  return first
}

const LONGEST = 8192

function decode(text: string): Content | undefined {
  if (text.length > LONGEST) return undefined
  return jwt(text) ?? json(text, 'JSON') ?? base64(text) ?? hex(text)
}

function jwt(text: string): Content | undefined {
  const parts = text.split('.')
  const header = parts.length === 3 ? fieldsOf(fromBase64(parts[0]!)) : undefined
  if (!header?.includes('alg')) return undefined
  const fields = fieldsOf(fromBase64(parts[1]!)) ?? []
  return { encoding: 'JWT', label: `a JWT with ${list(fields)}`, fields }
}

function json(text: string | undefined, encoding: Content['encoding']): Content | undefined {
  const fields = fieldsOf(text)
  return (
    fields && { encoding, label: `${encoding === 'JSON' ? '' : `${encoding} of `}JSON with ${list(fields)}`, fields }
  )
}

function base64(text: string): Content | undefined {
  const decoded = fromBase64(text)
  return json(decoded, 'base64') ?? readable(decoded, 'base64')
}

function hex(text: string): Content | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(text)) return undefined
  const decoded = Buffer.from(text, 'hex').toString('latin1')
  return json(decoded, 'hex') ?? readable(decoded, 'hex')
}

function readable(text: string | undefined, encoding: 'base64' | 'hex'): Content | undefined {
  if (text === undefined || !/^[\x20-\x7e]{8,}$/.test(text)) return undefined
  return { encoding, label: `${encoding} of readable text`, fields: [] }
}

function fromBase64(text: string): string | undefined {
  if (text.length < 8 || !/^[\w+/-]+={0,2}$/.test(text)) return undefined
  const decoded = Buffer.from(text, 'base64')
  return decoded.toString('base64url') === text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_')
    ? decoded.toString('latin1')
    : undefined
}

/** Names of the fields of a JSON object. */
function fieldsOf(text: string | undefined): readonly string[] | undefined {
  if (text === undefined || !text.startsWith('{')) return undefined
  try {
    return Object.keys(JSON.parse(text) as object).slice(0, 12)
  } catch {
    return undefined
  }
}

function list(fields: readonly string[]): string {
  return fields.length === 0 ? 'no fields' : `the fields ${fields.map((field) => JSON.stringify(field)).join(', ')}`
}
