/** Calls: of functions in the tree (followed), of libraries we know (modelled), of anything else (opaque). */
import { askedByCalling, askedOfOwner } from './asked.ts'
import type { Node } from './ast.ts'
import { bare, staticKey } from './ast.ts'
import { callBuiltin, callPromise } from './builtins.ts'
import { assume, oneOf } from './conditions.ts'
import { noteConfigured, noteLibraryUse } from './configured.ts'
import { evaluate } from './expressions.ts'
import type { Environment, HeapObject, Site } from './heap.ts'
import {
  ClassObject,
  ExternalObject,
  FunctionObject,
  InstanceObject,
  LibraryObject,
  isContainer,
  isFunction,
} from './heap.ts'
import { hashedPassword, noteEnding } from './logouts.ts'
import type { Machine } from './machine.ts'
import { connectUnseen } from './models/mcp.ts'
import { callExternal, callLibrary } from './models/index.ts'
import { withinTree } from './models/paths.ts'
import { noteUpdateWritten } from './protocol.ts'
import { noteReplayed } from './replays.ts'
import { ownDigest } from './models/randomness.ts'
import { importNamespace } from './modules.ts'
import { isOwn, noteHandleCall } from './handles.ts'
import { baseOf, getProperty, learnOwn } from './properties.ts'
import { noteHandedToProgram } from './rpc.ts'
import { runModule } from './statements.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { NEVER, UNDEFINED, UNKNOWN, derived, join, joinAll, object, primitive, strings, withTags } from './value.ts'
import { askedByName, callOpaque, SENDS, noteReply, notePassedOn } from './opaque.ts'
import { invoke } from './invoke.ts'
import { callSuper } from './construct.ts'

/** One call as a model sees it. */
export interface Call {
  readonly site: Site
  readonly args: readonly Value[]
  /** Where each argument stands. */
  readonly argSites: readonly Site[]
  /** What it is called on. */
  readonly self: Value
  readonly env: Environment
}

export function callExpression(machine: Machine, node: Node, state: State, env: Environment): Value {
  const site = machine.site(env.file, node)
  if (node.type === 'ImportExpression') return importDynamic(machine, node, site, state, env)
  const callee = bare(node['callee'] as Node)
  if (callee.type === 'Super') return callSuper(machine, node, site, state, env)
  if (callee.type === 'MemberExpression') return callMember(machine, node, callee, site, state, env)
  const target = evaluate(machine, callee, state, env)
  const call = makeCall(machine, node, UNDEFINED, site, state, env)
  const name = callee.type === 'Identifier' ? String(callee['name']) : undefined
  noteEnding(machine, name, state)
  const given = call_(machine, target, call, state)
  const found = target.objects.length === 0 ? askedByName(name, call, given, state) : given
  const told = hashedPassword(name, found)
  const answer = target.objects.length === 0 ? (askedOfOwner(name, call, told, state) ?? told) : told
  return askedByCalling(machine, answer, { name, given: call.args, site }, state)
}

export function makeCall(machine: Machine, node: Node, self: Value, site: Site, state: State, env: Environment): Call {
  const nodes = (node['arguments'] ?? []) as Node[]
  const args: Value[] = []
  const argSites: Site[] = []
  for (const item of nodes) {
    argSites.push(machine.site(env.file, item))
    const value = evaluate(machine, item, state, env)
    if (item.type === 'SpreadElement') args.push(...spreadArguments(value))
    else args.push(value)
  }
  return { site, args, argSites, self, env }
}

/** `...args`, or what `apply` is given: each of a list that is known, or whatever may be in it. */
export function spreadArguments(value: Value): readonly Value[] {
  const [only] = value.objects
  if (value.objects.length === 1 && only !== undefined && only.kind === 'array') {
    const items = [...only.properties.keys()]
      .filter((name) => /^\d+$/.test(name))
      .map((name) => only.property(name).value)
    if (items.length > 0) return items
  }
  return [joinAll([...value.objects.map((item) => item.item), derived(value)])]
}

/** `import('./' + name)`: whatever of the tree, or of a package, that may be. */
function importDynamic(machine: Machine, node: Node, site: Site, state: State, env: Environment): Value {
  const source = (node['source'] ?? (node['arguments'] as Node[] | undefined)?.[0]) as Node | undefined
  const specifiers = source === undefined ? [] : strings(evaluate(machine, source, state, env))
  if (specifiers.length === 0) return UNKNOWN
  return joinAll(
    specifiers.map((specifier) =>
      importNamespace(machine, withinTree(specifier, { site }), env.file, (module) => runModule(machine, module)),
    ),
  )
}

function callMember(machine: Machine, node: Node, callee: Node, site: Site, state: State, env: Environment): Value {
  const isSuper = (callee['object'] as Node).type === 'Super'
  const self = isSuper ? (machine.frame.self ?? UNKNOWN) : evaluate(machine, callee['object'] as Node, state, env)
  if (callee['optional'] === true) assume(machine, state, self)
  const name = staticKey(callee)
  const key = name === undefined ? evaluate(machine, callee['property'] as Node, state, env) : primitive(name)
  const call = makeCall(machine, node, self, site, state, env)
  if (name === undefined) return call_(machine, getProperty(machine, self, key, site, state), call, state)
  if (!isSuper) noteConfigured(machine, callee['object'] as Node, name, call, state, env)
  noteEnding(machine, name, state)
  if (name === 'connect' && self.objects.length === 0) connectUnseen(machine, callee['object'] as Node, call, state)
  noteHandedToProgram(machine, callee, call.args, site, state)
  const inherited = isSuper ? callInherited(machine, self, name, call, state) : undefined
  const answer = hashedPassword(name, inherited ?? callMethod(machine, self, name, call, state))
  if (self.objects.some(isGlobal)) return answer
  return askedByCalling(machine, answer, { name, given: [self, ...call.args], site }, state)
}

/** `super.name(…)` from a method, whatever that is called: what its class has it from. Undefined where that is not known. */
function callInherited(machine: Machine, self: Value, name: string, call: Call, state: State): Value | undefined {
  for (const target of self.objects) {
    if (!(target instanceof InstanceObject)) continue
    const from = runningClass(machine, target.of)
    if (from === undefined) continue
    const above = lineageOf(from)
      .slice(1)
      .find((of) => of.methods.has(name))
    if (above === undefined) {
      const base = baseOf(target)
      if (base !== undefined) return callLibrary(machine, base, name, call, state)
      const builtin = target.container && callBuiltin(machine, object(target.container), name, call, state)
      // What a class that is not here does. It is not the method of this name here, which is the one that asks.
      return builtin ?? callOpaque(machine, name, call, state, self)
    }
    const code = above.methods.get(name)!['value'] as Node
    const fn = new FunctionObject(
      code,
      above.env,
      machine.site(above.env.file, code),
      target.born,
      object(target),
      above,
    )
    return invoke(machine, fn, self, call.args, state)
  }
  return undefined
}

/** Of a class and those it extends the one whose method is running; a function within a method runs as part of it. */
function runningClass(machine: Machine, of: ClassObject): ClassObject | undefined {
  const lineage = lineageOf(of)
  for (const node of machine.stack.toReversed()) {
    const found = lineage.find(({ methods }) => [...methods.values()].some((member) => member['value'] === node))
    if (found !== undefined) return found
    if (node.type !== 'ArrowFunctionExpression') return undefined
  }
  return undefined
}

/** A class and those it extends, as far as they are seen. */
function lineageOf(of: ClassObject): readonly ClassObject[] {
  const lineage = [of]
  for (let next = parentOf(of); next !== undefined && lineage.length < 10; next = parentOf(next)) lineage.push(next)
  return lineage
}

export function parentOf(of: ClassObject): ClassObject | undefined {
  return of.parent.objects.find((item): item is ClassObject => item instanceof ClassObject)
}

function isGlobal(item: HeapObject): boolean {
  return item instanceof ExternalObject && item.path.startsWith('global:')
}

/** `self.name(...)`. */
export function callMethod(machine: Machine, self: Value, name: string, call: Call, state: State): Value {
  if (SENDS.test(name)) {
    if (machine.context.trigger === 'tool') noteReply(machine, call, state)
    noteUpdateWritten(machine, call, state)
    if (name !== 'push') noteReplayed(machine, call, state)
  }
  noteHandleCall(machine, name, call, state)
  if (isOwn(self)) learnOwn(self, state)
  const isPromise =
    (name === 'then' || name === 'catch' || name === 'finally') &&
    !self.objects.some((item) => item.properties.has(name))
  if (isPromise) return callPromise(machine, self, name, call, state)
  const results: Value[] = []
  let plain: Value = NEVER
  for (const target of self.objects) {
    const modelled = callOn(machine, target, name, call, state)
    if (modelled === undefined) plain = join(plain, object(target))
    else results.push(modelled)
  }
  const callee = plain === NEVER ? NEVER : getProperty(machine, plain, primitive(name), call.site, state)
  if (callee.objects.length > 0) {
    notePassedOn(machine, call, state)
    results.push(call_(machine, callee, call, state))
  }
  if (results.length > 0) {
    const extra = self.tags.filter((tag) => OF_RECEIVER.test(tag))
    return extra.length > 0 ? withTags(oneOf(results), extra) : oneOf(results)
  }
  const builtin = callBuiltin(machine, self, name, call, state)
  return builtin ?? callOpaque(machine, name, call, state, self)
}

/** Origins that what a method gives has from what it is called on. */
const OF_RECEIVER = /^(?:cred$|entry:|unproven:|rstate:)/

function callOn(machine: Machine, target: HeapObject, name: string, call: Call, state: State): Value | undefined {
  if (target instanceof LibraryObject) return callLibrary(machine, target, name, call, state)
  if (target instanceof ExternalObject) {
    const member = getProperty(machine, object(target), primitive(name), call.site, state)
    return call_(machine, member, call, state)
  }
  if (target instanceof FunctionObject) return callOnFunction(machine, target, name, call, state)
  if (target instanceof InstanceObject) {
    const base = baseOf(target)
    const own = getOwnMember(target, name)
    if (base !== undefined && !own) return callLibrary(machine, base, name, call, state)
    if (target.container !== undefined && !own) return callBuiltin(machine, object(target.container), name, call, state)
    return undefined
  }
  return isContainer(target) ? callBuiltin(machine, object(target), name, call, state) : undefined
}

function getOwnMember(instance: InstanceObject, name: string): boolean {
  if (instance.properties.has(name)) return true
  for (
    let of: ClassObject | undefined = instance.of;
    of !== undefined;
    of = of.parent.objects.find((item): item is ClassObject => item instanceof ClassObject)
  ) {
    if (of.methods.has(name)) return true
  }
  return false
}

function callOnFunction(
  machine: Machine,
  target: FunctionObject,
  name: string,
  call: Call,
  state: State,
): Value | undefined {
  const [first = UNDEFINED, ...rest] = call.args
  if (name === 'call') return invoke(machine, target, first, rest, state)
  if (name === 'apply') return invoke(machine, target, first, spreadArguments(rest[0] ?? UNKNOWN), state)
  if (name === 'bind') {
    const bound = new FunctionObject(target.node, target.env, target.site, target.born, target.boundThis ?? first)
    return object(bound)
  }
  return undefined
}

/** Calls whatever the callee may be, each on its own fork, and joins the outcomes. */
export function call_(machine: Machine, callee: Value, call: Call, state: State): Value {
  const targets = callee.objects.filter(
    (item) => item instanceof FunctionObject || item instanceof ExternalObject || item instanceof LibraryObject,
  )
  if (targets.length === 0) return callOpaque(machine, undefined, call, state, callee)
  if (targets.length === 1) return callOne(machine, targets[0]!, call, state)
  const forks: State[] = []
  const values: Value[] = []
  for (const target of targets) {
    const fork = state.fork()
    values.push(callOne(machine, target, call, fork))
    forks.push(fork)
  }
  state.merge(forks)
  return oneOf(values)
}

/** `transaction(async (tx) => …)`: the function among the arguments is called with this. Undefined where there is none. */
export function callWithin(machine: Machine, given: Value, call: Call, state: State): Value | undefined {
  const within = call.args.find(isFunction)
  return within && call_(machine, within, { ...call, args: [given] }, state)
}

function callOne(machine: Machine, target: HeapObject, call: Call, state: State): Value {
  if (target instanceof FunctionObject) {
    machine.calls.push(call.site)
    const result = machine.askedFrom(call.site, () => invoke(machine, target, call.self, call.args, state))
    machine.calls.pop()
    return ownDigest(target.name, call.args, result)
  }
  if (target instanceof ExternalObject) {
    noteLibraryUse(machine, target.path, call.site, state)
    return callExternal(machine, target.path, call, state)
  }
  if (target instanceof LibraryObject)
    return (
      callLibrary(machine, target, '()', call, state) ?? callOpaque(machine, undefined, call, state, object(target))
    )
  return UNKNOWN
}
