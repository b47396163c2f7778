/** Transports that a program wrote itself: what the SDK's `connect()` does with any object of that shape. */
import type { Call } from '../calls.ts'
import { callMethod } from '../calls.ts'
import type { Node } from '../ast.ts'
import { staticKey } from '../ast.ts'
import type { HeapObject } from '../heap.ts'
import { ClassObject, FunctionObject, InstanceObject, LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { getProperty, setProperty } from '../properties.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, object, primitive, tagged } from '../value.ts'
import type { MethodHandler, Model } from './model.ts'

/** `server.connect(transport)` gives the transport its `onmessage` and starts it. */
export function connectOwn(machine: Machine, transport: Value, call: Call, state: State): void {
  for (const item of transport.objects) {
    if (!isOwn(machine, item, call, state)) continue
    const self = object(item)
    const inbox = machine.library('mcp-inbox', call.site, { transport: item })
    setProperty(machine, self, primitive('onmessage'), object(inbox), call.site, state)
    callMethod(machine, self, 'start', { ...call, args: [], argSites: [], self }, state)
    state.dead = false
  }
}

/** A class of the shape that `connect()` takes: others connect it, where nobody does here. */
export function isTransportClass(of: ClassObject): boolean {
  const members = membersOf(of)
  return ['start', 'send', 'close', 'onmessage'].every((name) => members.has(name))
}

/** Names of what instances have, inherited ones included. */
function membersOf(of: ClassObject): ReadonlySet<string> {
  const own = (of.node['body'].body as Node[]).map((member) => staticKey(member) ?? '')
  const parents = of.parent.objects.filter((item): item is ClassObject => item instanceof ClassObject)
  return new Set([...own, ...parents.flatMap((parent) => [...membersOf(parent)])])
}

function isOwn(machine: Machine, item: HeapObject, call: Call, state: State): boolean {
  if (item instanceof LibraryObject || (item instanceof InstanceObject && item.base !== undefined)) return false
  return methodOf(machine, item, 'start', call, state) !== undefined
}

function methodOf(
  machine: Machine,
  item: HeapObject,
  name: string,
  call: Call,
  state: State,
): FunctionObject | undefined {
  const found = getProperty(machine, object(item), primitive(name), call.site, state)
  return found.objects.find((member): member is FunctionObject => member instanceof FunctionObject)
}

/** A message handed in is a request: the SDK sends what answers it through the same transport. */
const receive: MethodHandler = (machine, target, call, state) => {
  const send = methodOf(machine, target.data['transport'] as HeapObject, 'send', call, state)
  if (send !== undefined) machine.deferTool(object(send), [tagged('reply'), tagged('reply')], state)
  machine.wait()
  return UNKNOWN
}

export const ownTransports: Model = { methods: { 'mcp-inbox': { '()': receive } } }
