/**
 * Which of several credentials was brought: `if (equal(token, ADMIN)) return 'admin'; if (equal(token, READER)) return 'reader'`,
 * `for (const { key, tenant } of keys) if (equal(token, key)) return tenant`. What is given back says who the caller is.
 */
import type { Outcome } from './conditions.ts'
import { fromRequest } from './conditions.ts'
import type { State } from './state.ts'
import { VERIFIED } from './state.ts'
import type { Condition, Value } from './value.ts'
import { hasTag, strings, truthiness, withTags } from './value.ts'

/** Tags of what a list holds that cannot be seen, while it is gone through, and of a part of one of its items. */
export const ROW = 'row'
export const PART_OF_ROW = 'row:part'

/** Whether what a credential is compared with is kept for each of several callers. */
export function isOneOfMany(stored: Value): boolean {
  return ['entry', 'key', 'stored', PART_OF_ROW].some((tag) => hasTag(stored, tag)) && !hasTag(stored, 'fixed')
}

/** Which secret it was that the caller's credential is the same as. */
export function proofFacts({ tags, primitives }: Value): readonly string[] {
  const settings = tags.filter((tag) => /^(?:was-)?(?:env|opt|setting):/.test(tag))
  const said = settings.length > 0 ? settings : primitives.filter(Boolean).map(String)
  return said.length === 0 ? [] : [`${PROOF}${said.join(' ')}`]
}

const PROOF = 'proof:'

/** A value that says which credential let the caller in stands for the caller. */
export function asCaller(value: Value, outcomes: readonly Outcome[], before: ReadonlySet<string>): Value {
  if (outcomes.length < 2 || before.has('auth')) return value
  const letIn = outcomes.filter((outcome) => isLetIn(outcome) && truthiness(outcome.value).canBeTrue)
  if (letIn.length === 0 || !(areSeveral(letIn) || letIn.some(isFoundBeside))) return value
  return withTags(value, ['cred', 'principal'])
}

/** Where the caller is let in at all, it is one of several. */
export function asVerified(value: Value, condition: Condition): Condition {
  if (!hasTag(value, 'principal') || !condition.whenTrue.includes('auth')) return condition
  return { ...condition, whenTrue: [...new Set([...condition.whenTrue, ...VERIFIED])] }
}

/** Nobody who brings no credential comes this far, and `value` says which one it was. */
export function noteCaller(state: State, value: Value, before: ReadonlySet<string>): void {
  if (hasTag(value, 'principal') && state.holds('auth:static') && !before.has('auth')) state.learn(VERIFIED)
}

/** A credential was compared on the way here. */
function isLetIn({ facts, value }: Outcome): boolean {
  return facts.must.has('auth') || value.condition?.whenTrue.includes('auth') === true
}

/** A word of the source for each of several secrets. */
function areSeveral(outcomes: readonly Outcome[]): boolean {
  const words = new Map<string, string>()
  for (const { facts, value } of outcomes) {
    const known = [...facts.must, ...(value.condition?.whenTrue ?? [])]
    const proof = known.find((fact) => fact.startsWith(PROOF))
    const word = wordOf(value)
    if (proof !== undefined && word !== undefined) words.set(proof, word)
  }
  return new Set(words.values()).size > 1
}

/** The one text that it is where it is anything, or those in its one record. */
function wordOf({ primitives, objects, open }: Value): string | undefined {
  const words = primitives.filter(Boolean)
  if (open || words.length + objects.length !== 1) return undefined
  const [item] = objects
  if (item === undefined) return typeof words[0] === 'string' ? words[0] : undefined
  if (item.kind !== 'object') return undefined
  const texts = [...item.properties].flatMap(([name, { value }]) => strings(value).map((text) => `${name}=${text}`))
  return texts.length === 0 ? undefined : texts.join(' ')
}

/** What stands beside the credential in a list of several. */
function isFoundBeside({ value }: Outcome): boolean {
  return [ROW, 'entry', 'key'].some((tag) => hasTag(value, tag)) && !fromRequest(value) && !hasTag(value, 'cred')
}
