/** Text that others wrote, made safe to show: nothing in it steers the terminal, reorders a line or hides. */

/**
 * Controls, format characters (bidi, zero-width, tags), blanks that take no ink, line separators, lone surrogates. What
 * joins or styles an emoji stays.
 */
const HIDDEN =
  /(?<!\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)\u200d|(?!\u200d|\ufe0e|\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu

/** More than four marks on one letter climb into the lines above. */
const PILED_MARKS = /(?<=\p{M}{4})\p{M}/gu
const PLAIN = /^[\x20-\x7e]*$/
const NOT_ASCII = /[^\x20-\x7e]/gu

const ASCII_SPELLING: Readonly<Record<string, string>> = {
  '‘': "'",
  '’': "'",
  '“': '"',
  '”': '"',
  '«': '"',
  '»': '"',
  '–': '-',
  '—': '-',
  '−': '-',
  '…': '...',
  '→': '->',
  '←': '<-',
  '×': 'x',
  '≤': '<=',
  '≥': '>=',
  '·': '-',
  '•': '*',
  '\u00a0': ' ',
}

/** `text` with every hidden character, and without `unicode` every character beyond ASCII, shown as `\u{..}`. */
export function printable(text: string, unicode: boolean): string {
  if (PLAIN.test(text)) return text
  const visible = text.replace(HIDDEN, escaped).replace(PILED_MARKS, escaped)
  return unicode ? visible : visible.replace(NOT_ASCII, (character) => ASCII_SPELLING[character] ?? escaped(character))
}

/** Prose on one line: runs of white space become one space before anything is escaped. */
export function printableProse(text: string, unicode: boolean): string {
  return printable(text.replace(/\s+/g, ' ').trim(), unicode)
}

/** `value` with every string in it printable: what stands under `path` or `root` to the letter, the rest as prose. */
export function legible<T>(value: T, unicode: boolean, key?: string): T
export function legible(value: unknown, unicode: boolean, key = ''): unknown {
  if (typeof value === 'string')
    return TO_THE_LETTER.has(key) ? printable(value, unicode) : printableProse(value, unicode)
  if (Array.isArray(value)) return value.map((item) => legible(item, unicode, key))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, legible(item, unicode, name)]))
}

const TO_THE_LETTER: ReadonlySet<string> = new Set(['path', 'root'])

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}
