/** What records say of themselves that something depends on: a mark that nobody looks at ends nothing. */
import type { Machine } from './machine.ts'
import type { Value } from './value.ts'
import { storesIn } from './value.ts'

/** A condition depends on a value: `if (session.revoked)`, `!session.revoked`. */
export function noteAsked(machine: Machine, { tags }: Value): void {
  for (const tag of tags) if (tag.startsWith('entry:')) noteAskedField(machine, tag.slice('entry:'.length))
}

/** `field`: of a store, as `store:field`. */
export function noteAskedField(machine: Machine, field: string): void {
  if (!field.includes(':')) return
  const known = machine.askedFields.get(field)
  if (known === undefined) machine.askedFields.set(field, new Set([machine.context.activation]))
  else known.add(machine.context.activation)
}

/** `session.epoch === epochs.get(session.user)`: whoever changes the one ends what the other says. */
export function noteCompared(machine: Machine, a: Value, b: Value): void {
  const [left, right] = [storesIn(a), storesIn(b)]
  for (const one of left)
    for (const other of right) {
      if (one === other) continue
      noteWith(machine, one, other)
      noteWith(machine, other, one)
    }
}

function noteWith({ comparedWith }: Machine, one: string, other: string): void {
  comparedWith.set(one, (comparedWith.get(one) ?? new Set()).add(other))
}
