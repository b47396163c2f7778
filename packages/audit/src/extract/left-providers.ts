/** OAuth providers and verifiers of tokens that nobody here mounts: whoever does, asks them what the SDK's own code asks. */
import type { Call } from './calls.ts'
import { ClassObject, FunctionObject } from './heap.ts'
import type { HeapObject } from './heap.ts'
import { nameBefore } from './logouts.ts'
import type { Machine } from './machine.ts'
import { callUnknown } from './makers.ts'
import { serveProvider } from './models/oauth-router.ts'
import { exportedCells } from './modules.ts'
import type { Module } from './modules.ts'
import { State } from './state.ts'
import { sharedInstance } from './types.ts'
import { UNDEFINED, object } from './value.ts'

const ASKED = 'verifyAccessToken'

/** Serves what a module exports of them: classes, objects, and functions that make one. */
export function serveLeftProviders(machine: Machine, module: Module): void {
  if (!module.file.text.includes(ASKED)) return
  for (const cell of exportedCells(module))
    for (const item of cell.value.objects) for (const provider of providersIn(machine, item)) serve(machine, provider)
}

function providersIn(machine: Machine, item: HeapObject): readonly HeapObject[] {
  if (item instanceof ClassObject) {
    const method = item.methods.get(ASKED)
    return method === undefined || machine.reached.has(method['value']) ? [] : [sharedInstance(machine, item)]
  }
  if (item instanceof FunctionObject) {
    // A function that is called so itself makes none.
    if (item.name === ASKED || nameBefore(item.site) === ASKED) return []
    const { file, start, end } = item.site
    const makes = !machine.reached.has(item.node) && file.text.slice(start, end).includes(ASKED)
    return makes ? callUnknown(machine, item).objects.filter((made) => isProvider(machine, made)) : []
  }
  return isProvider(machine, item) ? [item] : []
}

function isProvider(machine: Machine, { properties }: HeapObject): boolean {
  const asked = properties.get(ASKED)?.value.objects ?? []
  return asked.some((fn) => fn instanceof FunctionObject && !machine.reached.has(fn.node))
}

function serve(machine: Machine, provider: HeapObject): void {
  const call: Call = { site: provider.site, args: [], argSites: [], self: UNDEFINED, env: undefined as never }
  serveProvider(machine, object(provider), call, State.beginning())
}
