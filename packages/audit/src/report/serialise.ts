/** JSON that is safe to print. */

/** What JSON lets stand but a terminal obeys or hides: controls beyond C0, bidi and zero-width, line separators. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** One JSON document, indented, ended by a line feed. Escapes change no value. */
export function serialise(value: unknown): string {
  const json = JSON.stringify(value, undefined, 2)
  return `${json.replace(UNSAFE, (character) => (character === '\n' ? character : escaped(character)))}\n`
}

/** By UTF-16 code unit, as JSON wants it. */
function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
