/** Entering a function of the tree: its parameters, its body, what it returns and which checks outlast it. */
import type { Node } from './ast.ts'
import { isNode } from './ast.ts'
import { assignPattern } from './assignments.ts'
import { evaluate } from './expressions.ts'
import type { Environment, Site } from './heap.ts'
import { Environment as Env, FunctionObject, LibraryObject } from './heap.ts'
import { nameBefore, noteMayHaveEnded } from './logouts.ts'
import type { Exit, Frame, Machine } from './machine.ts'
import { tableFacts } from './protocol.ts'
import { noteToolResult } from './handles.ts'
import { markOf } from './quiet.ts'
import { declareLocal, execute, hoist, patternNames } from './statements.ts'
import { isOfHeader, isOfUrl, noteUrlInstead } from './secrets.ts'
import type { State } from './state.ts'
import { typedParameter } from './types.ts'
import type { Value } from './value.ts'
import { noteCaller } from './told-apart.ts'
import { resultOf } from './ways.ts'
import { withWording } from './wordings.ts'
import { noteMade, noteReturned } from './made-secrets.ts'
import { NEVER, UNDEFINED, UNKNOWN, derived, joinAll, object, withTags } from './value.ts'

/** Runs a function of the tree with these arguments and folds what its exits know into the caller's path. */
export function invoke(
  machine: Machine,
  fn: FunctionObject,
  self: Value,
  args: readonly Value[],
  state: State,
  goesOn?: (exit: Exit) => boolean,
): Value {
  if (machine.isTooDeep(fn.node) || !isNode(fn.node['body'])) return derived(...args)
  machine.markReached(fn)
  const ofRequest = isOfRequest(self) || args.some(isOfRequest)
  const recalled = machine.quiet.recall(machine, fn, args, ofRequest)
  if (recalled !== undefined) {
    if (machine.quiet.mayEnd(machine, fn)) noteMayHaveEnded(machine, state)
    return recalled
  }
  state.learn(tableFacts(fn.name))
  const asked = { fn, self, args }
  const isStartup = machine.context.activation === 0
  const remembered = isStartup && goesOn === undefined ? machine.summaries.recall(machine, asked, state) : undefined
  if (remembered !== undefined) return remembered
  const mark = markOf(machine, state)
  const walk = isStartup ? machine.summaries.begin(machine, asked, state) : undefined
  machine.stack.push(fn.node)
  const saved = machine.frame
  const frame: Frame = {
    exits: [],
    jumps: [],
    self: selfOf(fn, self),
    made: new Set(),
    ...(fn.node['generator'] === true ? { yields: [] } : {}),
  }
  machine.frame = frame
  const before = state.facts.must
  try {
    const run = () => runBody(machine, fn, args, state, frame)
    const isCut = machine.rationed(rationOf(machine, ofRequest), () =>
      fn.node['async'] === true ? machine.later(run) : run(),
    )
    if (isCut) machine.quiet.close(machine, fn)
  } finally {
    machine.stack.pop()
    machine.leftEarly.ended(machine.stack.length, machine.order)
    machine.frame = saved
  }
  const given = listOfYields(machine, fn, frame)
  if (frame.exits.length === 0) {
    state.dead = true
    machine.quiet.note(machine, fn, args, mark, state, NEVER)
    if (walk !== undefined) machine.summaries.end(machine, walk, state, NEVER)
    return NEVER
  }
  noteResults(machine, fn, frame)
  noteUrlResult(machine, frame)
  const followed = goesOn === undefined ? frame.exits : frame.exits.filter(goesOn)
  state.merge(
    followed.map((exit) => exit.state),
    machine.stack.length,
  )
  dropChecks(state, mark.may)
  const result = given ?? withWording(resultOfCall(frame, before), frame.words)
  noteCaller(state, result, before)
  machine.quiet.note(machine, fn, args, mark, state, result)
  if (walk !== undefined) machine.summaries.end(machine, walk, state, result)
  return result
}

/**
 * What a generator that returns nothing hands out, as a list. Whoever goes through it may stop at any of it, so a generator
 * that never ends does not end its caller. One that returns a value is run by a library that hands it each value back.
 */
function listOfYields(machine: Machine, fn: FunctionObject, { exits, yields = [] }: Frame): Value | undefined {
  if (yields.length === 0 || exits.some(({ value }) => value !== UNDEFINED)) return undefined
  if (exits.length === 0) exits.push(...yields.map(({ state }) => ({ state, value: UNDEFINED })))
  const list = machine.allocate('array', machine.site(fn.env.file, fn.node))
  list.elements.write(joinAll(yields.map(({ value }) => value)))
  list.transient = true
  return object(list)
}

/** What a function gives back is called after it. */
function noteResults(machine: Machine, fn: FunctionObject, frame: Frame): void {
  if (frame.exits.every(({ value }) => value.entropy === undefined)) return
  const name = fn.name ?? nameBefore(fn.site)
  for (const [index, exit] of frame.exits.entries()) {
    if (exit.value.entropy === undefined || exit.site === undefined) continue
    const value = noteReturned(machine, name, exit.value, fn.site, exit.site, exit.state)
    frame.exits[index] = { ...exit, value }
  }
}

/** `if (header) return header.slice(7)` and then `return url.searchParams.get('token')`: one does for the other. */
function noteUrlResult(machine: Machine, { exits }: Frame): void {
  if (exits.length < 2) return
  const urls = exits.filter(({ value }) => value.tags.length > 0 && isOfUrl(value))
  const header = urls.length === 0 ? undefined : exits.find(({ value }) => isOfHeader(value))
  if (header === undefined) return
  for (const { value, site, state } of urls)
    if (site !== undefined) noteUrlInstead(machine, value, header.value, site, state)
}

function rationOf(machine: Machine, ofRequest: boolean): 'ample' | 'plain' {
  return ofRequest || machine.context.trigger === 'startup' || machine.stack.length === 1 ? 'ample' : 'plain'
}

/** Calls that are given a request, or what came with it, may do something else each time. */
function isOfRequest(value: Value): boolean {
  return value.objects.some((item) => item instanceof LibraryObject) || value.tags.some((tag) => OF_REQUEST.test(tag))
}

const OF_REQUEST = /^(?:header|cookie|cred|sid|entry|held|mint|principal)(?::|$)/

/** What a function checked for itself is over when it returns; what its answer depends on shows in the answer. */
function dropChecks(state: State, before: ReadonlySet<string>): void {
  if (state.facts.may === before) return
  const made = [...state.facts.may].filter((fact) => fact.startsWith('checked:') && !before.has(fact))
  if (made.length === 0) return
  const may = new Set(state.facts.may)
  for (const fact of made) may.delete(fact)
  state.facts = { must: state.facts.must, may }
}

/** `this`: a method called on a session that was looked up works on that session. */
function selfOf(fn: FunctionObject, self: Value): Value | undefined {
  if (fn.boundThis === undefined) return fn.node.type === 'ArrowFunctionExpression' ? undefined : self
  if (!fn.isMethod || self.tags.length === 0) return fn.boundThis
  const entries = self.tags.filter((tag) => tag.startsWith('entry:') || tag === 'held')
  const isReceiver = fn.boundThis.objects.every((item) => self.objects.includes(item))
  return isReceiver ? withTags(fn.boundThis, entries) : fn.boundThis
}

function runBody(machine: Machine, fn: FunctionObject, args: readonly Value[], state: State, frame: Frame): void {
  const env = new Env(fn.env, fn.env.file, frame.self)
  const body = state.fork()
  bindParameters(machine, fn, args, body, env)
  const code = fn.node['body'] as Node
  if (code.type !== 'BlockStatement') {
    const value = evaluate(machine, code, body, env)
    if (!body.dead) {
      const site = machine.site(env.file, code)
      noteToolResult(machine, value, site, body)
      frame.exits.push({ state: body, value, site })
    }
    return
  }
  hoist(machine, code['body'] as Node[], env)
  for (const statement of code['body'] as Node[]) {
    if (body.dead) break
    execute(machine, statement, body, env)
  }
  if (!body.dead) frame.exits.push({ state: body, value: UNDEFINED })
}

function bindParameters(
  machine: Machine,
  fn: FunctionObject,
  args: readonly Value[],
  state: State,
  env: Environment,
): void {
  const params = parametersOf(fn.node)
  params.forEach((param, index) => {
    for (const name of patternNames(param)) declareLocal(machine, env, name, param)
    const given =
      param.type === 'RestElement' ? restOf(machine, args.slice(index), machine.site(env.file, param)) : args[index]
    const typed = typedParameter(machine, param, given ?? (index < args.length ? UNKNOWN : UNDEFINED), env, fn)
    const value =
      param.type === 'Identifier' && !(typed.entropy && isPosted(fn, String(param['name'])))
        ? noteMade(machine, String(param['name']), typed, machine.site(env.file, param), state)
        : typed
    assignPattern(machine, param, value, state, env)
    if (param.type === 'TSParameterProperty') assignParameterProperty(machine, param, state, env)
  })
}

/** What is posted to whoever listens tells one message from another, whatever it is called. */
function isPosted({ node, env }: FunctionObject, name: string): boolean {
  const body = env.file.text.slice(node.start, node.end)
  return body.includes(`postMessage(${name},`) || body.includes(`postMessage(${name})`)
}

export function parametersOf(node: Node): readonly Node[] {
  const params = node['params'] as Node[] | { readonly items?: Node[] }
  return Array.isArray(params) ? params : (params.items ?? [])
}

function restOf(machine: Machine, args: readonly Value[], site: Site): Value {
  const rest = machine.allocate('array', site)
  args.forEach((arg, index) => {
    rest.property(String(index)).write(arg)
    rest.elements.write(arg)
  })
  return object(rest)
}

function assignParameterProperty(machine: Machine, param: Node, state: State, env: Environment): void {
  for (const name of patternNames(param)) {
    const cell = env.own(name)
    if (cell === undefined) continue
    for (const target of machine.frame.self?.objects ?? []) {
      target.property(name).write(state.read(cell))
      machine.instanceNews += 1
    }
  }
}

/** The value a call gives, and what its truth says about the path taken inside. */
function resultOfCall({ exits }: Frame, before: ReadonlySet<string>): Value {
  const [first] = exits
  if (exits.length === 1 && first!.value.condition === undefined) return first!.value
  return resultOf(
    exits.map((exit) => ({ facts: exit.state.facts, value: exit.value })),
    before,
  )
}
