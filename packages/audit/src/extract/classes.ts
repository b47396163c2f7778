/** Functions and classes as values, and the fields that an instance begins with. */
import type { Node } from './ast.ts'
import { isNode, staticKey } from './ast.ts'
import { isController } from './controllers.ts'
import type { Environment } from './heap.ts'
import { Cell, ClassObject, Environment as Env, FunctionObject, InstanceObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import { noteMade } from './made-secrets.ts'
import type { Value } from './value.ts'
import { NEVER, UNDEFINED, object } from './value.ts'
import { evaluate } from './expressions.ts'

export function createFunction(
  machine: Machine,
  node: Node,
  env: Environment,
  name: string | undefined,
  self?: Value,
): FunctionObject {
  const arrow = node.type === 'ArrowFunctionExpression'
  const boundThis = self ?? (arrow ? (machine.frame.self ?? env.findSelf()) : undefined)
  const fn = new FunctionObject(node, env, machine.site(env.file, node), machine.context.activation, boundThis)
  fn.name = name ?? (isNode(node['id']) ? String(node['id']['name']) : undefined)
  machine.noteFunction(fn)
  return fn
}

export function createClass(machine: Machine, node: Node, env: Environment, state: State): ClassObject {
  const parent = isNode(node['superClass']) ? evaluate(machine, node['superClass'], state, env) : NEVER
  const site = machine.site(env.file, node)
  const inner = new Env(env, env.file)
  const created = new ClassObject(node, inner, site, machine.context.activation, parent)
  created.name = isNode(node['id']) ? String(node['id']['name']) : undefined
  if (created.name !== undefined) inner.declare(created.name, new Cell(created.name, 0)).write(object(created))
  for (const member of node['body'].body as Node[]) {
    const name = staticKey(member) ?? keptUnder(member)
    if (name === undefined) continue
    if (member['static'] === true) declareStatic(machine, created, member, name, state)
    else if (member.type === 'MethodDefinition' && isNode(member['value']?.body))
      created.methods.set(member['kind'] === 'set' ? `set ${name}` : name, member)
  }
  // A framework may learn from them what the program is made of.
  for (const decorator of (node['decorators'] ?? []) as Node[])
    state.aside((fork) => evaluate(machine, decorator['expression'] as Node, fork, inner))
  if (machine.stack.length > 0 && isController(created)) machine.madeControllers.add(created)
  return created
}

/** `async [start]() {}`, under a symbol of the program: there for whoever has the symbol. */
function keptUnder({ type, key }: Node): string | undefined {
  return type === 'MethodDefinition' && isNode(key) && key.type === 'Identifier'
    ? `[${String(key['name'])}]`
    : undefined
}

function declareStatic(machine: Machine, created: ClassObject, member: Node, name: string, state: State): void {
  const cell = created.property(name)
  if (member.type === 'MethodDefinition') {
    cell.write(object(createFunction(machine, member['value'] as Node, created.env, name, object(created))))
    return
  }
  if (!isNode(member['value'])) return cell.write(UNDEFINED)
  const value = evaluate(machine, member['value'], state, created.env)
  for (const target of value.objects) target.name ??= name
  cell.write(value)
}

/** Makes the instance's fields, parents first. */
export function initialiseFields(machine: Machine, of: ClassObject, instance: InstanceObject, state: State): void {
  // Fields that make instances of their own class have no end, as functions that call themselves have none.
  if (machine.isTooDeep(of.node)) {
    instance.partial = true
    return
  }
  const saved = machine.frame
  machine.stack.push(of.node)
  machine.frame = { exits: [], jumps: [], self: object(instance) }
  try {
    for (const member of of.node['body'].body as Node[]) initialiseField(machine, member, of, instance, state)
  } finally {
    machine.stack.pop()
    machine.frame = saved
  }
}

function initialiseField(
  machine: Machine,
  member: Node,
  of: ClassObject,
  instance: InstanceObject,
  state: State,
): void {
  const isField = member.type === 'PropertyDefinition' || member.type === 'AccessorProperty'
  const name = staticKey(member)
  if (!isField || member['static'] === true || name === undefined) return
  const env = new Env(of.env, of.env.file, object(instance))
  const given = isNode(member['value']) ? evaluate(machine, member['value'], state, env) : UNDEFINED
  const value = noteMade(machine, name, given, machine.site(env.file, member), state)
  for (const target of value.objects) target.name ??= name
  instance.property(name).write(value)
}
