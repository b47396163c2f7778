/** Handles that a tool gives out in its answer. */
import type { Exchange } from '../finding/finding.ts'
import { isObject, resultIn } from './reading.ts'

/** The handle in an answer: the field of that name, wherever it is; else the one word that the answer consists of or ends with. */
export function handleIn(exchange: Exchange, field: string): string | undefined {
  const result = resultIn(exchange)
  return (
    fieldIn(result, field) ??
    textsIn(result)
      .map((text) => handleInText(text, field))
      .find((handle) => handle !== undefined)
  )
}

/** The texts of a tool's answer. */
export function textsIn(result: unknown): readonly string[] {
  const content = isObject(result) ? result['content'] : undefined
  if (!Array.isArray(content)) return []
  return content.flatMap((item: unknown) => (isObject(item) && typeof item['text'] === 'string' ? [item['text']] : []))
}

const DEEPEST = 6

function fieldIn(value: unknown, field: string, depth = 0): string | undefined {
  if (depth > DEEPEST || typeof value !== 'object' || value === null) return undefined
  const own = (value as Readonly<Record<string, unknown>>)[field]
  if ((typeof own === 'string' && own !== '') || typeof own === 'number') return String(own)
  for (const item of Object.values(value)) {
    const found = fieldIn(item, field, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

function handleInText(text: string, field: string): string | undefined {
  const named = fieldIn(jsonIn(text), field)
  if (named !== undefined) return named
  const words = text.trim().split(/\s+/)
  const quoted = words.at(-1)?.replaceAll(/^["'`(]+|["'`).,;]+$/g, '')
  return quoted === '' ? undefined : quoted
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
