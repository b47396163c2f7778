/**
 * Functions that keep sessions and that nobody here is seen to call: in a part of a server their callers are elsewhere, and
 * in a whole one it may be code that is not followed that opens what requests look up.
 */
import type { Node } from './ast.ts'
import { call_ } from './calls.ts'
import { parametersOf } from './invoke.ts'
import type { HeapObject } from './heap.ts'
import { ClassObject, FunctionObject } from './heap.ts'
import { isPresentedHandle } from './conditions.ts'
import type { Machine } from './machine.ts'
import { part } from './models/requests.ts'
import type { Module } from './modules.ts'
import { exportedCells } from './modules.ts'
import { argumentsFor, nameOfParameter } from './roots.ts'
import { runDeferred } from './routes.ts'
import { State } from './state.ts'
import { runModule } from './statements.ts'
import { methodOf, sharedInstance } from './types.ts'
import type { Value } from './value.ts'
import { UNDEFINED, UNKNOWN, object, primitive, tagged } from './value.ts'

/** A function, or a method by its name, of what a module exports. */
interface Kept {
  readonly name: string
  /** The class or object that it belongs to. */
  readonly of: string
  readonly node: Node
  readonly find: () => Value
  readonly self: () => Value
}

export function runSessionModules(machine: Machine): void {
  const unopened = unopenedIn(machine)
  for (const module of machine.modules.values()) {
    const { path, text } = module.file
    if (machine.leftBehind.has(path) || !/sess(?!ment)/i.test(text)) continue
    if (unopened.has(path)) for (const kept of keptIn(machine, module).filter(isMint(text))) run(machine, module, kept)
    else if (!machine.listens && isOfCallers(module)) runPart(machine, module)
  }
}

/** Files in which requests look sessions up in a container that nobody is seen to put any into. */
function unopenedIn(machine: Machine): ReadonlySet<string> {
  const filled = new Set(machine.events.flatMap((event) => (event.kind === 'store-write' ? [event.store.id] : [])))
  return new Set(
    machine.events.flatMap((event) =>
      event.kind === 'store-read' &&
      event.store.kind === 'database' &&
      event.context.trigger === 'request' &&
      isPresentedHandle(event.key) &&
      !filled.has(event.store.id)
        ? [event.site.path]
        : [],
    ),
  )
}

/** Whatever makes an ID may open what is looked up. */
const isMint =
  (text: string) =>
  ({ node }: Kept): boolean =>
    /\brandom(?:UUID|Bytes)\b|\bgetRandomValues\b|\bnanoid\b|\buuid|\bcreateId\b|\bulid\b|\bgenerate\w{0,40}(?:Id|Token)\b/i.test(
      text.slice(node.start, node.end),
    )

/** It has to do with those who ask for something; what browsers, shells and conversations call a session is another thing. */
function isOfCallers({ file: { path, text } }: Module): boolean {
  return (ABOUT_CALLERS.test(text) || KEEPS_IN_REDIS.test(text)) && !OTHER.test(path)
}

const ABOUT_CALLERS = /\bmcp\b|cookie|header|transport|user|owner|login|auth|principal|account/i
/** `class RedisSessionManager`: what outlives the process and is called so is for those who come back. */
const KEEPS_IN_REDIS = /\bclass\s{1,9}\w{0,40}Redis\w{0,20}Session|\bclass\s{1,9}\w{0,40}Session\w{0,20}Redis/

const OTHER =
  /browser|page|chat|convers|terminal|shell|pty|ssh|game|playwright|puppeteer|debug|train|record|upload|voice|meeting|client|test|mock|agent/i

/** Runs them all where none of them has been: then whoever calls them is not in the tree. */
function runPart(machine: Machine, module: Module): void {
  machine.root({ trigger: 'startup', activation: 0 }, () => runModule(machine, module))
  const kept = keptIn(machine, module).filter((one) => isOfSessions(one, module))
  if (kept.length > MOST || kept.some(({ node }) => machine.served.has(node))) return
  // What opens comes first, so that what is looked up is there.
  for (const one of kept.toSorted((a, b) => Number(OPENS.test(b.name)) - Number(OPENS.test(a.name))))
    run(machine, module, one)
}

const MOST = 40
const OPENS = /^(?:create|add|register|open|start|begin|new|init|issue|set|save|store|put|insert|make)/i

function isOfSessions({ name, of, node }: Kept, { file }: Module): boolean {
  const names = [name, of, ...parametersOf(node).map(nameOfParameter)]
  return names.every((one) => !OTHER.test(one)) && (names.some(isSession) || isSession(file.path.split('/').at(-1)!))
}

function isSession(name: string): boolean {
  return /sess(?!ment)|^sid$/i.test(name)
}

function keptIn(machine: Machine, module: Module): readonly Kept[] {
  return [...exportedCells(module)].flatMap((cell) =>
    cell.value.objects.flatMap((item) => keptBy(machine, item, cell.name, module)),
  )
}

function keptBy(machine: Machine, item: HeapObject, name: string, module: Module): readonly Kept[] {
  if (item.site.path !== module.file.path) return []
  if (item instanceof FunctionObject)
    return [{ name: item.name ?? name, of: '', node: item.node, find: () => object(item), self: () => UNDEFINED }]
  if (item instanceof ClassObject) return methodsOf(machine, item)
  if (item.kind !== 'object') return []
  return [...item.properties].flatMap(([key, { value }]) =>
    value.objects
      .filter((fn) => fn instanceof FunctionObject)
      .map((fn) => ({ name: key, of: name, node: fn.node, find: () => object(fn), self: () => object(item) })),
  )
}

function methodsOf(machine: Machine, of: ClassObject): readonly Kept[] {
  const self = (): Value => object(of.made ?? sharedInstance(machine, of))
  return [...of.methods]
    .filter(([name, member]) => name !== 'constructor' && member['kind'] === 'method')
    .map(([name, member]) => ({
      name,
      of: of.name ?? '',
      node: member['value'] as Node,
      find: () => methodOf(machine, self(), name, of.site),
      self,
    }))
}

/** Somebody else's request leads here, and what it has shown by then is not known. */
function run(machine: Machine, { env }: Module, kept: Kept): void {
  if (machine.reached.has(kept.node)) return
  const callee = kept.find()
  const [fn] = callee.objects
  if (!(fn instanceof FunctionObject)) return
  machine.root({ trigger: 'request', activation: machine.newActivation() }, () =>
    machine.guarded('a function', () => {
      const state = State.beginning()
      state.note('opaque-middleware')
      const args = argumentsOf(machine, kept, fn)
      call_(machine, callee, { site: fn.site, args, argSites: [], self: kept.self(), env }, state)
      runDeferred(machine)
    }),
  )
}

/** What is called the ID of a session is one: made elsewhere where a session is put there, presented everywhere else. */
function argumentsOf(machine: Machine, { name, of, node }: Kept, fn: FunctionObject): readonly Value[] {
  const params = parametersOf(node).map(nameOfParameter)
  const usual = argumentsFor(machine, node, fn.site)
  return params.map((param, index) => {
    const isHandle =
      HANDLE.test(param) || (index === 0 && /^(?:id|token|key)$/.test(param) && isSession(`${of} ${name}`))
    if (!isHandle) return usual[index] ?? UNKNOWN
    return OPENS.test(name) ? tagged('sid') : part('header', primitive('mcp-session-id'))
  })
}

const HANDLE = /^(?:mcp_?)?(?:session_?(?:id|token|key)|sid)$/i
