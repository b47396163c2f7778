/**
 * Code that makes servers and that nobody here calls: the file that starts it is not in the tree. It is run before what it
 * makes would be run without it, so that handlers meet the objects that it gives them.
 */
import type { SourceFile } from '../source/tree.ts'
import type { Node } from './ast.ts'
import { children } from './ast.ts'
import { call_ } from './calls.ts'
import { parametersOf } from './invoke.ts'
import { ClassObject, FunctionObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { exportedCells } from './modules.ts'
import { State } from './state.ts'
import { methodOf, sharedInstance } from './types.ts'
import type { Value } from './value.ts'
import { UNDEFINED, UNKNOWN, object } from './value.ts'

type Maker = ClassObject | FunctionObject

/** What makers of makers of servers are told by; nobody wires more than this in files that nobody imports. */
const GENERATIONS = 3
const MOST_MAKERS = 40
/** Methods by which what was made is set going. */
const STARTS = /^(?:start|run|listen|serve|launch|boot(?:strap)?|init(?:iali[sz]e)?|open|main)$/

/** Whether code of a file serves by itself. */
type Serves = (node: Node, file: SourceFile) => boolean

/** Runs what makes servers of this tree, the outermost first. */
export function runMakers(machine: Machine, serves: Serves): void {
  for (const maker of makersOf(machine, serves)) {
    if (maker instanceof ClassObject) startClass(machine, maker)
    else if (!machine.reached.has(maker.node)) callUnknown(machine, maker)
  }
}

function makersOf(machine: Machine, serves: Serves): readonly Maker[] {
  const exported = [...new Set(exportedCode(machine))]
  const known = new Set(exported.filter((item) => serves(item.node, item.env.file)))
  const generations: Maker[][] = []
  let last: ReadonlySet<string> = new Set([...known].map((item) => item.name ?? ''))
  for (let generation = 0; generation < GENERATIONS && last.size > 0; generation += 1) {
    const next = exported.filter((item) => !known.has(item) && isUnmade(machine, item) && makesOneOf(item.node, last))
    for (const item of next) known.add(item)
    generations.unshift(next)
    last = new Set(next.map((item) => item.name ?? ''))
  }
  return generations.flat().slice(0, MOST_MAKERS)
}

function exportedCode(machine: Machine): readonly Maker[] {
  return [...machine.modules.values()]
    .filter((module) => module.started)
    .flatMap((module) =>
      [...exportedCells(module)].flatMap((cell) =>
        cell.value.objects.filter((item) => item instanceof ClassObject || item instanceof FunctionObject),
      ),
    )
}

/** Nobody has called it, or made one of it. */
function isUnmade(machine: Machine, item: Maker): boolean {
  if (item instanceof FunctionObject) return !machine.reached.has(item.node)
  const constructor = item.methods.get('constructor')
  return constructor !== undefined && !machine.reached.has(constructor['value'])
}

/** `new Server(…)`, for a class of the tree that serves. */
function makesOneOf(root: Node, names: ReadonlySet<string>): boolean {
  const pending: Node[] = [root]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.type === 'NewExpression' && names.has(String((node['callee'] as Node)['name']))) return true
    for (const child of children(node)) pending.push(child)
  }
  return false
}

function startClass(machine: Machine, of: ClassObject): void {
  const instance = sharedInstance(machine, of)
  for (const [name, member] of of.methods) {
    if (!STARTS.test(name) || machine.reached.has(member['value'])) continue
    const method = methodOf(machine, object(instance), name, instance.site)
    for (const fn of method.objects) if (fn instanceof FunctionObject) callUnknown(machine, fn)
  }
}

/** Runs a function of start-up with arguments of which nothing is known. */
export function callUnknown(machine: Machine, fn: FunctionObject): Value {
  const call = {
    site: fn.site,
    args: parametersOf(fn.node).map(() => UNKNOWN),
    argSites: [],
    self: UNDEFINED,
    env: fn.env,
  }
  let made: Value = UNKNOWN
  machine.root({ trigger: 'startup', activation: 0 }, () =>
    machine.guarded('a function', () => {
      made = call_(machine, object(fn), call, State.beginning())
    }),
  )
  return made
}
