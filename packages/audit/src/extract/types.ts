/** What a declared type says of a value we did not see being made: a parameter of a function nobody called here. */
import type { Node } from './ast.ts'
import { isNode } from './ast.ts'
import type { Environment, FunctionObject, Site } from './heap.ts'
import { ClassObject, ExternalObject, HeapObject, InstanceObject, LibraryObject } from './heap.ts'
import { initialiseFields } from './classes.ts'
import { invoke, parametersOf } from './invoke.ts'
import { FunctionObject as Fn } from './heap.ts'
import type { Machine } from './machine.ts'
import { libraryOfType } from './models/types.ts'
import { getProperty } from './properties.ts'
import { State } from './state.ts'
import type { Value } from './value.ts'
import { NEVER, UNKNOWN, join, object, primitive } from './value.ts'

/** Gives an open value of a parameter the object that its declared type promises. */
export function typedParameter(
  machine: Machine,
  param: Node,
  value: Value,
  env: Environment,
  fn: FunctionObject,
): Value {
  if (value.objects.length > 0 || !value.open) return value
  const annotation = annotationOf(param)
  if (annotation === undefined) return value
  const typed = valueOfType(machine, annotation, env, machine.site(fn.env.file, param))
  return typed === NEVER ? value : join(value, typed)
}

function annotationOf(param: Node): Node | undefined {
  const inner = (
    param.type === 'TSParameterProperty'
      ? param['parameter']
      : param.type === 'AssignmentPattern'
        ? param['left']
        : param
  ) as Node
  const annotation = (inner['typeAnnotation'] ?? (inner['left'] as Node | undefined)?.['typeAnnotation']) as
    | Node
    | undefined
  return isNode(annotation) ? (annotation['typeAnnotation'] as Node) : undefined
}

function valueOfType(machine: Machine, type: Node, env: Environment, site: Site): Value {
  if (type.type === 'TSUnionType') {
    return (type['types'] as Node[]).map((item) => valueOfType(machine, item, env, site)).reduce(join, NEVER)
  }
  if (type.type === 'TSTypeReference') return valueOfReference(machine, type, env, site)
  return NEVER
}

function valueOfReference(machine: Machine, type: Node, env: Environment, site: Site): Value {
  const name = typeName(type['typeName'] as Node)
  const [root = '', ...rest] = name.split('.')
  const cell = env.find(root)
  if (cell === undefined) {
    const library = libraryOfType(`global:${name}`, site, machine.context.activation)
    return library === undefined ? NEVER : object(library)
  }
  let found: Value = NEVER
  for (const target of cell.value.objects) {
    if (target instanceof ClassObject && rest.length === 0) found = join(found, object(sharedInstance(machine, target)))
    if (target instanceof ExternalObject) {
      const separator = target.path.includes('#') ? '.' : '#'
      const path = rest.length === 0 ? target.path : `${target.path}${separator}${rest.join('.')}`
      const library = libraryOfType(path, site, machine.context.activation)
      if (library !== undefined) found = join(found, object(library))
    }
  }
  return found
}

function typeName(node: Node): string {
  if (node.type === 'TSQualifiedName') return `${typeName(node['left'] as Node)}.${String(node['right'].name)}`
  return String(node['name'] ?? '')
}

/** The one instance that stands for every instance of a class whose creation was not seen. */
export function sharedInstance(machine: Machine, of: ClassObject): InstanceObject {
  if (of.shared !== undefined) return of.shared
  const instance = new InstanceObject(of, of.site, 0)
  instance.name = of.name
  of.shared = instance
  const state = State.beginning()
  machine.root({ trigger: 'startup', activation: 0 }, () => {
    buildInstance(machine, of, instance, state)
    machine.noteCut('class', of.site)
  })
  // Each of the instances that it stands for has its own.
  for (const cell of instance.properties.values())
    for (const item of cell.value.objects) if (item instanceof LibraryObject) item.data['perInstance'] = true
  return instance
}

/** The one object that stands for all that `new F()` would make, of a function with a prototype of its own. */
export function sharedOf(machine: Machine, of: FunctionObject): HeapObject {
  if (of.shared !== undefined) return of.shared
  const instance = new HeapObject('object', of.site, 0)
  instance.name = of.name
  instance.spreads = of.prototypes
  instance.partial = true
  of.shared = instance
  const args = parametersOf(of.node).map(() => UNKNOWN)
  machine.root({ trigger: 'startup', activation: 0 }, () => {
    invoke(machine, of, object(instance), args, State.beginning())
    machine.noteCut('function', of.site)
  })
  return instance
}

/** A method as it is found on an object that start-up has made, whoever calls it later. */
export function methodOf(machine: Machine, self: Value, name: string, site: Site): Value {
  return getProperty(machine, self, primitive(name), site, State.beginning())
}

function buildInstance(machine: Machine, of: ClassObject, instance: InstanceObject, state: State): void {
  for (const parent of of.parent.objects) {
    if (parent instanceof ClassObject) buildInstance(machine, parent, instance, state)
  }
  initialiseFields(machine, of, instance, state)
  const constructor = of.methods.get('constructor')
  if (constructor === undefined) return
  const fn = new Fn(
    constructor['value'],
    of.env,
    machine.site(of.env.file, constructor['value']),
    0,
    object(instance),
    of,
  )
  invoke(
    machine,
    fn,
    object(instance),
    parametersOf(constructor['value']).map(() => UNKNOWN),
    state,
  )
}
