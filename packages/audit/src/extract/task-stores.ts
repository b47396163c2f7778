/**
 * Stores of tasks that the SDK asks: what implements its `TaskStore` is called with what a client names and with
 * the session of the caller, whoever calls it in the end.
 */
import type { Node } from './ast.ts'
import { isNode } from './ast.ts'
import { ClassObject, type HeapObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { getProperty } from './properties.ts'
import { State } from './state.ts'
import { runModule } from './statements.ts'
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
    if (!CONTRACT.every((name) => module.file.text.includes(name)) && !module.started) continue
    runModule(machine, module)
    const cells = new Set([...module.exports.values(), ...module.env.ownCells()])
    for (const item of new Set([...cells].flatMap(({ value }) => value.objects)))
      if (item instanceof ClassObject ? isTaskStore(item) : isRecordOfTasks(item)) registerStore(machine, item)
  }
}

/** What no other kind of store has. */
const CONTRACT = ['storeTaskResult', 'getTaskResult']

/** It says so, or has what the SDK calls. */
function isTaskStore({ node, methods }: ClassObject): boolean {
  const isSaid = ((node['implements'] ?? []) as Node[]).some(
    ({ expression }) => isNode(expression) && expression['name'] === 'TaskStore',
  )
  return isSaid || CONTRACT.every((name) => methods.has(name))
}

function isRecordOfTasks({ kind, properties }: HeapObject): boolean {
  return kind === 'object' && CONTRACT.every((name) => properties.has(name))
}

function registerStore(machine: Machine, of: HeapObject): void {
  const state = State.beginning()
  const store = object(of instanceof ClassObject ? sharedInstance(machine, of) : of)
  machine.emit('caller-read', of.site, state, {})
  for (const [name, args] of Object.entries(METHODS)) {
    const method = getProperty(machine, store, primitive(name), of.site, state)
    if (method.objects.length > 0) machine.deferTool(method, args, state)
  }
}
