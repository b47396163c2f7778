/** What Mallory makes of a state that he carries: other content, no signature, a flipped bit, a shorter one. */

export interface Tampered {
  readonly kind: 'content' | 'signature removed' | 'bit' | 'cut'
  readonly state: string
}

/** A value that no honest request held. */
export interface Wish {
  /** What the state may say now, such as the amount that was asked for. */
  readonly from: unknown
  readonly to: unknown
}

const MOST_FLIPS = 12

/** States that say `to` where the original says `from`, in every encoding that is understood. */
export function rewritten(state: string, wish: Wish): readonly Tampered[] {
  return parts(state).flatMap(({ before, text, after, encode }) => {
    const changed = changedIn(text, wish)
    if (changed === undefined) return []
    const body = encode(changed)
    const kept = { kind: 'content' as const, state: `${before}${body}${after}` }
    if (before === '' && after === '') return [kept]
    const unsigned = [`${before}${body}`, `${before}${body}.`, body, unsignedJwt(before, body)]
    return [kept, ...unsigned.map((bare) => ({ kind: 'signature removed' as const, state: bare }))]
  })
}

/** States that differ in one bit, spread over what is encoded. */
export function flipped(state: string): readonly Tampered[] {
  const { prefix, body } = longest(state)
  const bytes = Buffer.from(body, 'base64url')
  if (
    bytes.length < 8 ||
    bytes.toString('base64url') !== body.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_')
  )
    return []
  const step = Math.max(1, Math.floor(bytes.length / MOST_FLIPS))
  const places = Array.from({ length: Math.min(MOST_FLIPS, bytes.length) }, (_, index) => index * step)
  return places.map((place) => {
    const copy = Buffer.from(bytes)
    copy[place]! ^= 1
    return { kind: 'bit', state: `${prefix}${copy.toString('base64url')}${state.slice(prefix.length + body.length)}` }
  })
}

/** States without their end. */
export function truncated(state: string): readonly Tampered[] {
  const dot = state.lastIndexOf('.')
  const cuts = [
    state.slice(0, Math.floor(state.length / 2)),
    ...(dot > 0 ? [state.slice(0, dot), state.slice(0, dot + 1)] : []),
  ]
  return cuts.map((cut) => ({ kind: 'cut', state: cut }))
}

interface Part {
  readonly before: string
  readonly text: string
  readonly after: string
  encode(text: string): string
}

/** The stretches of a state that can be read: it itself, or what is between its dots. */
function parts(state: string): readonly Part[] {
  const plain = { before: '', text: state, after: '', encode: (text: string) => text }
  if (/^[[{"]/.test(state)) return [plain]
  const pieces = state.split('.')
  const read = pieces.flatMap((piece, index) => {
    const before = pieces
      .slice(0, index)
      .map((one) => `${one}.`)
      .join('')
    const after = pieces
      .slice(index + 1)
      .map((one) => `.${one}`)
      .join('')
    const readable = decoded(piece)
    return readable === undefined ? [] : [{ before, after, ...readable }]
  })
  return read.length > 0 ? read : [plain]
}

function decoded(piece: string): Pick<Part, 'text' | 'encode'> | undefined {
  for (const encoding of ['base64url', 'base64', 'hex'] as const) {
    const text = Buffer.from(piece, encoding).toString('utf8')
    const encode = (changed: string) => Buffer.from(changed, 'utf8').toString(encoding)
    if (piece.length >= 4 && encode(text) === piece && /^[\x20-\x7e]+$/.test(text)) return { text, encode }
  }
  return undefined
}

/** JSON with the value exchanged wherever it stands; of other text, the value's own letters. */
function changedIn(text: string, { from, to }: Wish): string | undefined {
  const changed = changedJson(text, from, to) ?? text.replaceAll(word(from), String(to))
  return changed === text ? undefined : changed
}

function changedJson(text: string, from: unknown, to: unknown): string | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? JSON.stringify(exchanged(value, from, to)) : undefined
  } catch {
    return undefined
  }
}

function exchanged(value: unknown, from: unknown, to: unknown): unknown {
  if (value === from) return to
  if (Array.isArray(value)) return value.map((item) => exchanged(item, from, to))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, exchanged(item, from, to)]))
}

function word(value: unknown): RegExp {
  return new RegExp(`(?<![\\w-])${String(value).replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}(?![\\w-])`, 'g')
}

/** A JWT that says that it is not signed. */
function unsignedJwt(before: string, body: string): string {
  const header = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  return before.split('.').length === 2 ? `${header}.${body}.` : `${body}.`
}

/** The longest stretch between dots. */
function longest(state: string): { readonly prefix: string; readonly body: string } {
  const pieces = state.split('.')
  const body = pieces.toSorted((a, b) => b.length - a.length)[0]!
  const index = pieces.indexOf(body)
  return {
    body,
    prefix: pieces
      .slice(0, index)
      .map((one) => `${one}.`)
      .join(''),
  }
}
