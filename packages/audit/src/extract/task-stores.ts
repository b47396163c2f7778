/**
 * Stores of tasks that the SDK asks: a class that implements its `TaskStore` is called with what a client names and with
 * the session of the caller, whoever calls it in the end.
 */
import type { Node } from './ast.ts'
import { isNode } from './ast.ts'
import { ClassObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { getProperty } from './properties.ts'
import { State } from './state.ts'
import { sharedInstance } from './types.ts'
import type { Value } from './value.ts'
import { UNKNOWN, object, primitive, tagged } from './value.ts'

const TASK = tagged('body')
const CALLER = tagged('sid', 'cred', 'principal', 'claim')
/** The methods of the contract, with what they are given. */
const METHODS: Readonly<Record<string, readonly Value[]>> = {
  createTask: [UNKNOWN, UNKNOWN, UNKNOWN, CALLER],
  getTask: [TASK, CALLER],
  storeTaskResult: [TASK, UNKNOWN, UNKNOWN, CALLER],
  getTaskResult: [TASK, CALLER],
  updateTaskStatus: [TASK, UNKNOWN, UNKNOWN, CALLER],
}

export function registerTaskStores(machine: Machine): void {
  for (const module of machine.modules.values()) {
    if (!module.started) continue
    for (const { value } of new Set(module.exports.values()))
      for (const of of value.objects) if (of instanceof ClassObject && isTaskStore(of.node)) registerStore(machine, of)
  }
}

function isTaskStore(node: Node): boolean {
  return ((node['implements'] ?? []) as Node[]).some(
    ({ expression }) => isNode(expression) && expression['name'] === 'TaskStore',
  )
}

function registerStore(machine: Machine, of: ClassObject): void {
  const state = State.beginning()
  const store = object(sharedInstance(machine, of))
  machine.emit('caller-read', of.site, state, {})
  for (const [name, args] of Object.entries(METHODS)) {
    const method = getProperty(machine, store, primitive(name), of.site, state)
    if (method.objects.length > 0) machine.deferTool(method, args, state)
  }
}
