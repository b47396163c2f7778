/** JSON of unknown origin. Nothing here throws, whatever the text. */
import { parse } from 'jsonc-parser'

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The entries of an object whose values are strings. */
export function stringEntries(value: unknown): readonly (readonly [string, string])[] {
  if (!isObject(value)) return []
  return Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
}

/** A JSON object, or undefined for anything else. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  return objectFrom(() => JSON.parse(withoutMark(text)))
}

/** The same with comments and trailing commas. Nesting deep enough to exhaust the stack is no object either. */
export function parseLenientObject(text: string): Record<string, unknown> | undefined {
  return objectFrom(() => parse(withoutMark(text), [], { allowTrailingComma: true }))
}

function objectFrom(read: () => unknown): Record<string, unknown> | undefined {
  try {
    const value = read()
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}
