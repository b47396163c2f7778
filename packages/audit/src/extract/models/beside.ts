/** Code that frameworks call beside the handler of a request: when that has failed, when nothing was found, when the answer is on its way. */
import { FunctionObject, siteKey } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, object } from '../value.ts'

/** What such code is given: the error, nothing that is known, or a library object by its type. */
export type Given = 'error' | 'unknown' | (string & {})

export interface Beside {
  readonly callee: Value
  readonly given: readonly Given[]
  readonly self: Value
}

/** `app.onError((error, c) => …)`: kept until requests are followed. */
export function noteBeside(
  machine: Machine,
  callee: Value | undefined,
  given: readonly Given[],
  self: Value = UNDEFINED,
): void {
  const fns = (callee?.objects ?? []).filter((item): item is FunctionObject => item instanceof FunctionObject)
  for (const fn of fns) {
    const key = `${siteKey(fn.site)} ${given.join()}`
    if (machine.beside.size < MOST) machine.beside.set(key, { callee: object(fn), given, self })
  }
}

const MOST = 500

/** `app.use((error, req, res, next) => …)`: told from other middleware by how much it wants. */
export function isErrorHandler({ objects }: Value): boolean {
  return objects.length > 0 && objects.every((item) => item instanceof FunctionObject && wantsError(item))
}

export function wantsError({ node }: FunctionObject): boolean {
  const params = node['params'] as unknown[]
  return Array.isArray(params) && params.length === 4
}
