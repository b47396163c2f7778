/** `new` and `super`: instances of the tree's own classes and of libraries'. */
import type { Node } from './ast.ts'
import { speakingFor } from './configured.ts'
import { evaluate } from './expressions.ts'
import { initialiseFields } from './classes.ts'
import type { Environment, Site } from './heap.ts'
import { ClassObject, ExternalObject, FunctionObject, InstanceObject, LibraryObject, isContainer } from './heap.ts'
import type { Machine } from './machine.ts'
import { constructExternal, constructLibrary } from './models/index.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { NEVER, UNDEFINED, UNKNOWN, derived, joinAll, object } from './value.ts'
import { type Call, makeCall, parentOf } from './calls.ts'
import { runCallbacks } from './opaque.ts'
import { invoke } from './invoke.ts'

export function newExpression(machine: Machine, node: Node, state: State, env: Environment): Value {
  const site = machine.site(env.file, node)
  const callee = evaluate(machine, node['callee'] as Node, state, env)
  const call = makeCall(machine, node, UNDEFINED, site, state, env)
  const results: Value[] = []
  for (const target of callee.objects) {
    if (target instanceof ClassObject) results.push(object(instantiate(machine, target, call, state)))
    else if (target instanceof ExternalObject)
      results.push(speakingFor(machine, constructExternal(machine, target.path, call, state), call.args))
    else if (target instanceof FunctionObject) results.push(constructFunction(machine, target, call, state))
    else if (target instanceof LibraryObject) results.push(constructLibrary(machine, target, call, state) ?? UNKNOWN)
  }
  if (results.length > 0) return joinAll(results)
  runCallbacks(machine, call, state, UNKNOWN)
  return speakingFor(machine, derived(...call.args), call.args)
}

export function instantiate(machine: Machine, of: ClassObject, call: Call, state: State): InstanceObject {
  const instance = new InstanceObject(of, call.site, machine.context.activation)
  instance.name = of.name
  if (machine.context.activation === 0) of.made = of.made === undefined ? instance : null
  machine.askedFrom(call.site, () => construct(machine, of, instance, call, state))
  return instance
}

function construct(machine: Machine, of: ClassObject, instance: InstanceObject, call: Call, state: State): void {
  const constructor = of.methods.get('constructor')
  if (constructor === undefined) {
    constructParent(machine, of, instance, call, state)
    initialiseFields(machine, of, instance, state)
    return
  }
  if (of.parent === NEVER) initialiseFields(machine, of, instance, state)
  const self = object(instance)
  const fn = new FunctionObject(
    constructor['value'],
    of.env,
    machine.site(of.env.file, constructor['value']),
    instance.born,
    self,
    of,
  )
  invoke(machine, fn, self, call.args, state)
  state.dead = false
}

function constructParent(machine: Machine, of: ClassObject, instance: InstanceObject, call: Call, state: State): void {
  for (const parent of of.parent.objects) {
    if (parent instanceof ClassObject) construct(machine, parent, instance, call, state)
    if (parent instanceof ExternalObject) {
      for (const base of constructExternal(machine, parent.path, call, state).objects) {
        if (base instanceof LibraryObject) instance.base = base
        else if (isContainer(base)) instance.container = base
      }
    }
  }
}

export function callSuper(machine: Machine, node: Node, site: Site, state: State, env: Environment): Value {
  const call = makeCall(machine, node, UNDEFINED, site, state, env)
  const constructing = machine.stack.at(-1)
  for (const target of machine.frame.self?.objects ?? []) {
    if (!(target instanceof InstanceObject)) continue
    const of = classBeingConstructed(target.of, constructing)
    constructParent(machine, of, target, call, state)
    initialiseFields(machine, of, target, state)
  }
  return UNDEFINED
}

function classBeingConstructed(of: ClassObject, constructing: Node | undefined): ClassObject {
  let current: ClassObject = of
  for (let depth = 0; depth < 10; depth += 1) {
    if (current.methods.get('constructor')?.['value'] === constructing) return current
    const parent = parentOf(current)
    if (parent === undefined) return current
    current = parent
  }
  return current
}

function constructFunction(machine: Machine, target: FunctionObject, call: Call, state: State): Value {
  const created = machine.allocate('object', call.site)
  if (target.properties.has('prototype')) created.spreads = target.prototypes
  const self = object(created)
  const result = invoke(machine, target, self, call.args, state)
  return result.objects.length > 0 ? result : self
}
