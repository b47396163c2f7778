/** Where something is put into a container under a key. */
import type { FileSyntax, ObjectLiteral, Span } from '../syntax/syntax.ts'
import type { Place } from './fix.ts'
import { followed } from './follow.ts'

export interface Entry {
  readonly kind: 'map' | 'record'
  /** What it is put into. */
  readonly container: Span
  readonly key: Span
  readonly value: Span
}

/** `sessions.set(id, …)` or `sessions[id] = …`, of which the place may be no more than `sessions[id]`. */
export function entryAt({ file, span }: Place): Entry | undefined {
  const call = file.calls(span).find(({ start, end }) => start === span.start && end === span.end)
  const callee = call && file.shapeOf(call.calleeSpan)
  const [key, value] = call?.arguments ?? []
  if (callee?.kind === 'member' && callee.name === 'set' && key && value)
    return { kind: 'map', container: callee.object, key, value }
  const assignment = file.assignments().find(({ start }) => start === span.start)
  const target = assignment && file.shapeOf(assignment.target)
  if (assignment === undefined || target?.kind !== 'member' || target.name !== undefined) return undefined
  const inner = { start: target.object.end + 1, end: target.end - 1 }
  return { kind: 'record', container: target.object, key: inner, value: assignment.value }
}

/** The statement's text that takes what is under a key out again. */
export function removal(file: FileSyntax, { kind, container }: Entry, key: string): string {
  const from = file.textOf(container)
  return kind === 'map' ? `${from}.delete(${key})` : `delete ${from}[${key}]`
}

/** What is put in, where that is an object of parts. */
export function partsOf(file: FileSyntax, { value }: Entry): ObjectLiteral | undefined {
  const shape = followed(file, value)
  return shape?.kind === 'object' ? shape : undefined
}
