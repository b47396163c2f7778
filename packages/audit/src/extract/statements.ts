/** Executes statements: control flow, declarations, exits. */
import type { Node } from './ast.ts'
import { isNode, staticKey } from './ast.ts'
import { askedByComparing, noteDenied, noteExecution, notePolicy, noteRefusal } from './asked.ts'
import { assume, assumeNot, conditionOf, equality, fromRequest, isOptional, truthOn } from './conditions.ts'
import { createClass, createFunction } from './classes.ts'
import { evaluate } from './expressions.ts'
import { assignPattern } from './assignments.ts'
import { elementsOf, iterated, noteWritten } from './literals.ts'
import { noteEndless } from './streams.ts'
import type { Environment, HeapObject, Site } from './heap.ts'
import { Cell, Environment as Env, FunctionObject, LibraryObject, storeId } from './heap.ts'
import type { Machine } from './machine.ts'
import { LIMITS } from './machine.ts'
import { noteToolResult } from './handles.ts'
import type { Module, RunModule } from './modules.ts'
import { importName, importNamespace } from './modules.ts'
import { narrow } from './narrow.ts'
import { noteRefusedTexts } from './refused-texts.ts'
import { noteAsked } from './marks.ts'
import { noteComparison, noteEitherCredential } from './secrets.ts'
import { noteDecision } from './request-state.ts'
import { noteMethod } from './rpc.ts'
import { noteChecks } from './shared.ts'
import { noteMade } from './made-secrets.ts'
import type { State } from './state.ts'
import { State as PathState, VERIFIED } from './state.ts'
import { flagsIn, laterOf } from './flags.ts'
import { ROW } from './told-apart.ts'
import type { Value } from './value.ts'
import { noteWordSeen } from './wordings.ts'
import { NEVER, UNDEFINED, UNKNOWN, derived, hasTag, join, object, withTags } from './value.ts'

export function runModule(machine: Machine, module: Module): void {
  if (module.started) return
  module.started = true
  machine.root(
    { trigger: 'startup', activation: 0 },
    () => {
      linkModule(machine, module)
      const state = new PathState({ must: new Set(), may: new Set() })
      for (const next of module.imports) runModule(machine, next)
      for (const statement of module.program['body'] as Node[]) {
        if (state.dead) state.dead = false
        machine.rationed('ample', () =>
          machine.guarded('a statement', () => execute(machine, statement, state, module.env), module.file.path),
        )
      }
      if (machine.exhausted)
        machine.gaps.push({
          path: module.file.path,
          reason: 'The file is too large to follow to its end.',
          total: true,
        })
    },
    LIMITS.stepsPerModule,
  )
}

/** Names are bound before anything runs, as ECMAScript has it: modules may import each other in a circle. */
function linkModule(machine: Machine, module: Module): void {
  if (module.linked) return
  module.linked = true
  const body = module.program['body'] as Node[]
  machine.root({ trigger: 'startup', activation: 0 }, () => {
    hoist(machine, body, module.env)
    const link = (next: Module): void => linkImported(machine, module, next)
    declareExports(machine, module, body, link)
    linkImports(machine, module, body, link)
    linkReexports(machine, module, body, link)
  })
}

/** What CommonJS exports is known only when it has run. */
function linkImported(machine: Machine, module: Module, next: Module): void {
  module.imports.add(next)
  if (isCommonjs(next)) runModule(machine, next)
  else linkModule(machine, next)
}

function isCommonjs(module: Module): boolean {
  return !(module.program['body'] as Node[]).some(({ type }) => /^(?:Import|Export)/.test(type))
}

function linkImports(machine: Machine, module: Module, body: readonly Node[], link: (next: Module) => void): void {
  // `import type { FastifyInstance } from 'fastify'`: parameters are declared by it, and nothing runs for it.
  const linkTypes = (next: Module): void => {
    if (!isCommonjs(next)) linkModule(machine, next)
  }
  for (const statement of body) {
    if (statement.type !== 'ImportDeclaration') continue
    const specifier = String(statement['source'].value)
    const ofTypes = statement['importKind'] === 'type'
    if ((statement['specifiers'] as Node[]).length === 0 && !ofTypes)
      importNamespace(machine, specifier, module.file, link)
    for (const item of statement['specifiers'] as Node[]) {
      const local = String(item['local'].name)
      if (item.type === 'ImportNamespaceSpecifier') {
        if (!ofTypes)
          module.env.declare(local, new Cell(local, 0)).write(importNamespace(machine, specifier, module.file, link))
        continue
      }
      const imported = item.type === 'ImportDefaultSpecifier' ? 'default' : nameOf(item['imported'] as Node)
      const follow = ofTypes ? linkTypes : link
      module.env.declare(local, importName(machine, specifier, imported, module.file, follow))
    }
  }
}

function nameOf(node: Node): string {
  return String(node['name'] ?? node['value'])
}

function declareExports(machine: Machine, module: Module, body: readonly Node[], link: RunModule): void {
  for (const statement of body) {
    if (statement.type === 'ExportAllDeclaration' && !isNode(statement['exported']))
      module.stars.push(String(statement['source'].value))
    if (statement.type === 'ExportNamedDeclaration') declareNamed(module, statement)
    if (statement.type === 'ExportDefaultDeclaration') {
      const id = statement['declaration'].id as Node | null | undefined
      const cell = isNode(id) ? module.env.own(String(id['name'])) : undefined
      module.exports.set('default', cell ?? new Cell('default', 0, machine.site(module.file, statement)))
    }
  }
  for (const specifier of module.stars) importNamespace(machine, specifier, module.file, link)
}

function declareNamed(module: Module, statement: Node): void {
  if (isNode(statement['source'])) {
    const specifier = String(statement['source']['value'])
    for (const item of (statement['specifiers'] ?? []) as Node[])
      module.reexports.set(nameOf(item['exported'] as Node), { specifier, name: nameOf(item['local'] as Node) })
    return
  }
  for (const item of (statement['specifiers'] ?? []) as Node[]) {
    const cell = module.env.own(nameOf(item['local'] as Node))
    if (cell !== undefined) module.exports.set(nameOf(item['exported'] as Node), cell)
  }
  const declaration = statement['declaration'] as Node | null
  if (!isNode(declaration)) return
  for (const name of declaredNames(declaration)) {
    const cell = module.env.own(name)
    if (cell !== undefined) module.exports.set(name, cell)
  }
}

/** Exports of what was imported: `export { x } from`, `export * as x from`, `import { x }; export { x }`. */
function linkReexports(machine: Machine, module: Module, body: readonly Node[], link: RunModule): void {
  for (const statement of body) {
    const source = isNode(statement['source']) ? String(statement['source']['value']) : undefined
    if (statement.type === 'ExportAllDeclaration' && isNode(statement['exported'])) {
      const name = nameOf(statement['exported'])
      const cell = new Cell(name, 0)
      cell.write(importNamespace(machine, source ?? '', module.file, link))
      module.exports.set(name, cell)
    }
    if (statement.type !== 'ExportNamedDeclaration') continue
    for (const item of (statement['specifiers'] ?? []) as Node[]) {
      const exported = nameOf(item['exported'] as Node)
      const local = nameOf(item['local'] as Node)
      const cell = source === undefined ? module.env.own(local) : importName(machine, source, local, module.file, link)
      if (cell !== undefined) module.exports.set(exported, cell)
    }
  }
}

/** Declares the names of a block before it runs, and its functions with their values. */
export function hoist(machine: Machine, body: readonly Node[], env: Environment): void {
  for (const statement of body) {
    const inner = unwrapExport(statement)
    const names = declaredNames(inner)
    if (names === NO_NAMES) continue
    for (const name of names) if (env.own(name) === undefined) declareLocal(machine, env, name, inner)
    if (inner.type === 'FunctionDeclaration' && isNode(inner['id']) && isNode(inner['body'])) {
      const name = String(inner['id']['name'])
      env.own(name)?.write(object(createFunction(machine, inner, env, name)))
    }
  }
}

/** A variable of the code being run. */
export function declareLocal(machine: Machine, env: Environment, name: string, node: Node): Cell {
  const cell = new Cell(name, machine.context.activation, machine.site(env.file, node))
  cell.level = machine.stack.length
  return env.declare(name, cell)
}

function unwrapExport(statement: Node): Node {
  const exported = statement.type === 'ExportNamedDeclaration' || statement.type === 'ExportDefaultDeclaration'
  return exported && isNode(statement['declaration']) ? statement['declaration'] : statement
}

/** Most statements declare nothing. */
const NO_NAMES: readonly string[] = []

function declaredNames(statement: Node): readonly string[] {
  switch (statement.type) {
    case 'VariableDeclaration':
      return (statement['declarations'] as Node[]).flatMap((item) => patternNames(item['id'] as Node))
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
    case 'TSEnumDeclaration':
      return isNode(statement['id']) ? [String(statement['id']['name'])] : NO_NAMES
    default:
      return NO_NAMES
  }
}

export function patternNames(pattern: Node): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [String(pattern['name'])]
    case 'ObjectPattern':
      return (pattern['properties'] as Node[]).flatMap((item) =>
        patternNames((item['argument'] ?? item['value']) as Node),
      )
    case 'ArrayPattern':
      return (pattern['elements'] as (Node | null)[]).flatMap((item) => (item === null ? [] : patternNames(item)))
    case 'AssignmentPattern':
      return patternNames(pattern['left'] as Node)
    case 'RestElement':
      return patternNames(pattern['argument'] as Node)
    case 'TSParameterProperty':
      return patternNames(pattern['parameter'] as Node)
    default:
      return []
  }
}

export function executeBlock(machine: Machine, body: readonly Node[], state: State, env: Environment): void {
  const inner = new Env(env, env.file)
  hoist(machine, body, inner)
  for (const statement of body) {
    if (state.dead) return
    execute(machine, statement, state, inner)
  }
}

export function execute(machine: Machine, node: Node, state: State, env: Environment): void {
  if (state.dead || !machine.step()) return
  switch (node.type) {
    case 'ExpressionStatement':
      evaluate(machine, node['expression'] as Node, state, env)
      return
    case 'VariableDeclaration':
      return declareVariables(machine, node, state, env)
    case 'ReturnStatement':
      return executeReturn(machine, node, state, env)
    case 'IfStatement':
      return executeIf(machine, node, state, env)
    case 'BlockStatement':
      return executeBlock(machine, node['body'] as Node[], state, env)
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
      return executeExport(machine, node, state, env)
    case 'ClassDeclaration':
      if (isNode(node['id']))
        state.write(cellOf(env, String(node['id']['name'])), object(createClass(machine, node, env, state)))
      return
    case 'TryStatement':
      return executeTry(machine, node, state, env)
    case 'ThrowStatement':
      evaluate(machine, node['argument'] as Node, state, env)
      noteDenied(state)
      state.dead = true
      return
    case 'ForOfStatement':
    case 'ForInStatement':
      return executeForEach(machine, node, state, env)
    case 'ForStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
      return executeLoop(machine, node, state, env)
    case 'SwitchStatement':
      return executeSwitch(machine, node, state, env)
    case 'BreakStatement':
    case 'ContinueStatement':
      return executeJump(machine, node, state)
    case 'LabeledStatement':
      return executeLabeled(machine, node, state, env)
    case 'TSEnumDeclaration':
      return declareEnum(machine, node, state, env)
    case 'TSExportAssignment': {
      const value = evaluate(machine, node['expression'] as Node, state, env)
      machine.modules.get(env.file.path)?.commonjsCell.write(value)
      return
    }
    default:
      return
  }
}

function cellOf(env: Environment, name: string): Cell {
  return env.find(name) ?? env.declare(name, new Cell(name, 0))
}

function declareVariables(machine: Machine, node: Node, state: State, env: Environment): void {
  for (const item of node['declarations'] as Node[]) {
    const init = item['init'] as Node | null
    const id = item['id'] as Node
    if (!isNode(init)) {
      if (id.type === 'Identifier') state.write(cellOf(env, String(id['name'])), UNDEFINED)
      continue
    }
    const name = id.type === 'Identifier' ? String(id['name']) : undefined
    if (name !== undefined) noteWritten(machine, name, init, env)
    const given = evaluate(machine, init, state, env)
    const value = name === undefined ? given : noteMade(machine, name, given, machine.site(env.file, init), state)
    if (name !== undefined) for (const target of value.objects) target.name ??= name
    assignPattern(machine, id, value, state, env)
  }
}

function executeReturn(machine: Machine, node: Node, state: State, env: Environment): void {
  const argument = node['argument'] as Node | null
  if (argument?.type === 'ConditionalExpression') return executeIf(machine, eitherReturn(node, argument), state, env)
  const value = isNode(argument) ? evaluate(machine, argument, state, env) : UNDEFINED
  if (state.dead) return
  noteToolResult(machine, value, machine.site(env.file, node), state)
  if (machine.context.trigger === 'request') noteRefusal(value, state)
  const site = isNode(argument) ? { site: machine.site(env.file, argument) } : {}
  machine.frame.exits.push({ state: state.fork(), value, ...site })
  state.dead = true
}

/** `return test ? one : other` is two ways out, each of which knows what its own side of the test says. */
function eitherReturn(node: Node, either: Node): Node {
  let known = returnsOf.get(node)
  if (known === undefined) {
    const returned = (argument: Node): Node => ({ ...node, argument, start: argument.start, end: argument.end })
    const [consequent, alternate] = ['consequent', 'alternate'].map((name) => returned(either[name] as Node))
    known = { ...node, type: 'IfStatement', test: either['test'], consequent, alternate } as Node
    returnsOf.set(node, known)
  }
  return known
}

const returnsOf = new WeakMap<Node, Node>()

function executeExport(machine: Machine, node: Node, state: State, env: Environment): void {
  const declaration = node['declaration'] as Node | null
  if (!isNode(declaration)) return
  const isDeclaration = declaration.type.endsWith('Declaration')
  if (isDeclaration && isNode(declaration['id'] ?? null)) return execute(machine, declaration, state, env)
  if (declaration.type === 'VariableDeclaration') return execute(machine, declaration, state, env)
  if (node.type !== 'ExportDefaultDeclaration') return
  const value = evaluate(machine, declaration, state, env)
  machine.modules.get(env.file.path)?.exports.get('default')?.write(value)
}

function executeIf(machine: Machine, node: Node, state: State, env: Environment): void {
  const test = evaluate(machine, node['test'] as Node, state, env)
  if (state.dead) return
  noteDecision(machine, test, machine.site(env.file, node['test'] as Node), state)
  const alternate = node['alternate'] as Node | null
  const before = state.facts.must
  branch(
    machine,
    state,
    test,
    (taken) => {
      narrow(node['test'] as Node, taken, before, env)
      const { order } = machine
      machine.firstUses.run(machine, node, taken, env, () => execute(machine, node['consequent'] as Node, taken, env))
      if (taken.dead && machine.order > order && !goesRound(node)) noteLeftEarly(machine, order)
      noteRefusedTexts(machine, node, taken.dead, state, env)
    },
    (other) => {
      narrow(node['test'] as Node, other, before, env)
      if (isNode(alternate)) execute(machine, alternate, other, env)
    },
  )
}

/** Code that sets up an app has gone no further than here, and the rest of the function is for when it has not been here. */
function noteLeftEarly({ leftEarly, stack, order }: Machine, from: number): void {
  if (stack.length > 0) leftEarly.note(from, order, stack.length)
}

/** `for (const part of parts) { if (part.guard) { app.use(part.guard); continue } … }`: the rest may still be run. */
function goesRound({ consequent }: Node): boolean {
  const { type, body } = consequent as Node
  const last = type === 'BlockStatement' ? (body as readonly Node[]).at(-1) : (consequent as Node)
  return last?.type === 'ContinueStatement' || last?.type === 'BreakStatement'
}

/** Runs both sides of a condition on forks that know which way it went, and joins what survives. */
export function branch(
  machine: Machine,
  state: State,
  test: Value,
  whenTrue: (state: State) => void,
  whenFalse: (state: State) => void,
): void {
  const truth = truthOn(machine, test, state)
  const exits = machine.frame.exits.length
  const yes = state.fork()
  const no = state.fork()
  yes.dead = !truth.canBeTrue
  no.dead = !truth.canBeFalse
  noteChecks(yes, test)
  noteChecks(no, test)
  noteAsked(machine, test)
  if (!yes.dead) {
    assume(machine, yes, test)
    if (isForOnePath(machine, test)) machine.rationed('path', () => whenTrue(yes))
    else whenTrue(yes)
  }
  if (!no.dead) {
    assumeNot(machine, no, test)
    whenFalse(no)
  }
  if (machine.frame.exits.length === exits) noteRequired(machine, state, test, { yesDead: yes.dead, noDead: no.dead })
  noteEitherCredential(machine, yes, no)
  state.merge([yes, no])
  notePolicy(state, conditionOf(test), [yes, no])
}

/** `if (url.pathname === '/a') …`: one of many things that a handler does, each of which leaves something to the others. */
function isForOnePath({ context }: Machine, test: Value): boolean {
  return context.trigger === 'request' && conditionOf(test).whenTrue.some((fact) => fact.startsWith('path:'))
}

/** `if (!process.env.X) throw`: from here on X is set. Only start-up code decides this, where no other setting must be on. */
function noteRequired(
  machine: Machine,
  state: State,
  test: Value,
  ends: { readonly yesDead: boolean; readonly noDead: boolean },
): void {
  if (machine.context.trigger !== 'startup' || ends.yesDead === ends.noDead) return
  if (isOptional(machine, state)) return
  const facts = ends.yesDead ? test.condition?.whenFalse : test.condition?.whenTrue
  for (const fact of facts ?? [])
    if (fact.startsWith('optional:')) machine.requiredEnv.add(fact.slice('optional:'.length))
}

function executeTry(machine: Machine, node: Node, state: State, env: Environment): void {
  const before = state.fork()
  const body = state.fork()
  const passed = machine.passed.length
  execute(machine, node['block'] as Node, body, env)
  const handler = node['handler'] as Node | null
  const caught = before
  if (isNode(handler)) {
    // Anything the block may have done may have happened before it threw; no check in it is known to have passed.
    for (const fact of body.facts.may) if (!fact.startsWith('unbound:') && fact !== 'refused') caught.note(fact)
    const inner = new Env(env, env.file)
    const param = handler['param'] as Node | null
    if (isNode(param)) {
      for (const name of patternNames(param)) declareLocal(machine, inner, name, param)
      assignPattern(machine, param, UNKNOWN, caught, inner)
    }
    execute(machine, handler['body'] as Node, caught, inner)
    if (refuses(caught, state) && !body.dead && body.facts.may.has('opaque-check')) {
      body.learn(VERIFIED)
      caught.dead = true
      for (const next of machine.passed.slice(passed)) if (next.facts.may.has('opaque-check')) next.learn(VERIFIED)
    }
    state.merge([body, caught])
  } else state.merge([body])
  const finalizer = node['finalizer'] as Node | null
  if (!isNode(finalizer)) return
  const ended = state.dead
  if (ended) {
    const rest = before.fork()
    rest.dead = false
    execute(machine, finalizer, rest, env)
  } else execute(machine, finalizer, state, env)
  state.dead ||= ended
}

/** The handler of a failed verification answered 401 or 403, or ended the path. */
function refuses(caught: State, before: State): boolean {
  return caught.dead || (caught.facts.may.has('refused') && !before.facts.may.has('refused'))
}

function executeForEach(machine: Machine, node: Node, state: State, env: Environment): void {
  const given = evaluate(machine, node['right'] as Node, state, env)
  const walks = node.type === 'ForOfStatement'
  const source = walks ? iterated(machine, given, machine.site(env.file, node), state, env) : given
  const each = node.type === 'ForOfStatement' ? callablesIn(source) : []
  if (each.length > 0 && !/\b(?:break|continue)\b/.test(env.file.text.slice(node.start, node.end)))
    return executeInTurn(machine, node, each, state, env)
  const item =
    node.type === 'ForInStatement'
      ? asRow(keysOf(source), source)
      : itemOf(machine, source, machine.site(env.file, node))
  if (node['await'] === true) {
    machine.wait()
    if (!isOneRound(node['body'] as Node)) noteEndless(node, source, state)
  }
  loop(machine, { node, env, state }, (body) => {
    const inner = new Env(env, env.file)
    const left = node['left'] as Node
    if (left.type === 'VariableDeclaration') {
      hoist(machine, [left], inner)
      assignPattern(machine, (left['declarations'] as Node[])[0]!['id'] as Node, item, body, inner)
    } else assignPattern(machine, left, item, body, inner)
    execute(machine, node['body'] as Node, body, inner)
  })
}

/** One of a list; of one that cannot be seen, and that no request brought, it is said that there are others. */
function itemOf(machine: Machine, source: Value, site: Site): Value {
  return asRow(elementsOf(machine, source, site), source)
}

function asRow(item: Value, source: Value): Value {
  const isUnseen = source.open && source.objects.every(({ kind }) => kind === 'external')
  return isUnseen && !fromRequest(source) ? withTags(item, [ROW]) : item
}

/** `{ …; break }`: only the first is waited for. */
function isOneRound(body: Node): boolean {
  const last = body.type === 'BlockStatement' ? (body['body'] as Node[]).at(-1) : body
  return last?.type === 'BreakStatement' || last?.type === 'ReturnStatement'
}

/** `for (const guard of guards)`: all of a list of functions that stands in the source are called, one after the other. */
function executeInTurn(machine: Machine, node: Node, each: readonly Value[], state: State, env: Environment): void {
  for (const item of each) {
    if (state.dead) return
    const inner = new Env(env, env.file)
    const left = node['left'] as Node
    const isDeclared = left.type === 'VariableDeclaration'
    if (isDeclared) hoist(machine, [left], inner)
    const to = isDeclared ? ((left['declarations'] as Node[])[0]!['id'] as Node) : left
    assignPattern(machine, to, item, state, inner)
    execute(machine, node['body'] as Node, state, inner)
  }
}

const MOST_IN_TURN = 8

/** The functions of a list to which nothing but they has been added. */
function callablesIn({ objects, open }: Value): readonly Value[] {
  const [list] = objects
  if (objects.length !== 1 || open || list?.kind !== 'array' || list.partial) return []
  const items = [...list.properties].filter(([name]) => /^\d+$/.test(name)).map(([, { value }]) => value)
  if (items.length === 0 || items.length > MOST_IN_TURN) return []
  const isCertain = items.every((item) => !item.open && item.objects.length === 1 && isCallable(item.objects[0]!))
  return isCertain && list.item.objects.length === items.length ? items : []
}

function isCallable(item: HeapObject): boolean {
  return item instanceof FunctionObject || (item instanceof LibraryObject && item.type === 'middleware')
}

function keysOf(source: Value): Value {
  let keys = derived(source)
  for (const target of source.objects) keys = join(keys, withKeyTag(target.key, storeId(target)))
  return keys
}

function withKeyTag(value: Value, store: string): Value {
  return (value === NEVER ? UNKNOWN : value).with({ tags: [...value.tags, `key:${store}`], open: true })
}

function executeLoop(machine: Machine, node: Node, state: State, env: Environment): void {
  if (machine.stack.at(-1)?.['generator'] === true && isForEver(node, env)) state.note('endless')
  const inner = new Env(env, env.file)
  const init = node['init'] as Node | null | undefined
  if (isNode(init)) {
    if (init.type === 'VariableDeclaration') {
      hoist(machine, [init], inner)
      execute(machine, init, state, inner)
    } else evaluate(machine, init, state, inner)
  }
  const test = node['test'] as Node | null
  if (node.type !== 'DoWhileStatement' && isNode(test)) evaluate(machine, test, state, inner)
  const run = (body: State): void => {
    execute(machine, node['body'] as Node, body, inner)
    if (isNode(node['update']) && !body.dead) evaluate(machine, node['update'], body, inner)
    if (node.type === 'DoWhileStatement' && isNode(test) && !body.dead) evaluate(machine, test, body, inner)
  }
  loop(machine, { node, env: inner, state }, run, isNode(test) ? roundsOf(machine, test, state, inner) : undefined)
}

/** `while (true) { yield await next() }` of a generator: it gives as long as somebody takes. */
function isForEver(node: Node, { file }: Environment): boolean {
  const isTrue = node.type === 'WhileStatement' && (node['test'] as Node)['value'] === true
  return isTrue && !/\b(?:break|return|throw)\b/.test(file.text.slice(node.start, node.end))
}

/** `i < 32`, `text.length < 32`: from nothing, by one, to a number that is known. */
function roundsOf(machine: Machine, test: Node, state: State, env: Environment): number | undefined {
  if (test.type !== 'BinaryExpression' || !/^(?:<=?|!==?)$/.test(String(test['operator']))) return undefined
  const right = test['right'] as Node
  if (right.type !== 'Literal' && right.type !== 'Identifier') return undefined
  const { primitives, open } = evaluate(machine, right, state, env)
  const [count] = primitives
  return primitives.length === 1 && !open && typeof count === 'number' ? count : undefined
}

/** A loop body runs no times or once; what later rounds could add is already in the cells, which only grow. */
function loop(
  machine: Machine,
  { node, env, state }: { readonly node: Node; readonly env: Environment; readonly state: State },
  body: (state: State) => void,
  rounds?: number,
): void {
  const skipped = state.fork()
  const once = state.fork()
  for (const cell of flagsIn(node, env, state)) once.write(cell, laterOf(state.read(cell)))
  const states: State[] = []
  machine.frame.jumps.push({ label: undefined, loop: true, states, rounds })
  body(once)
  machine.frame.jumps.pop()
  state.merge([skipped, once, ...states])
}

function executeSwitch(machine: Machine, node: Node, state: State, env: Environment): void {
  const subject = evaluate(machine, node['discriminant'] as Node, state, env)
  noteWordSeen(machine, subject, state)
  if (hasTag(subject, 'body')) noteExecution(machine, machine.site(env.file, node['discriminant'] as Node), state)
  const inner = new Env(env, env.file)
  const cases = node['cases'] as Node[]
  for (const item of cases) hoist(machine, item['consequent'] as Node[], inner)
  const states: State[] = []
  const ends: State[] = []
  machine.frame.jumps.push({ label: undefined, loop: false, states })
  let falling: State | undefined
  const rest = state.fork()
  for (const item of cases) {
    const taken = caseState(machine, item, subject, rest, falling, inner, state)
    for (const statement of item['consequent'] as Node[]) execute(machine, statement, taken, inner)
    falling = taken.dead ? undefined : taken
  }
  machine.frame.jumps.pop()
  if (falling !== undefined) ends.push(falling)
  if (!cases.some((item) => item['test'] === null)) ends.push(rest)
  state.merge([...states, ...ends])
}

function caseState(
  machine: Machine,
  item: Node,
  subject: Value,
  rest: State,
  falling: State | undefined,
  env: Environment,
  base: State,
): State {
  const taken = rest.fork()
  if (isNode(item['test'])) {
    const label = evaluate(machine, item['test'], rest, env)
    const site = machine.site(env.file, item['test'])
    noteMethod(machine, subject, label, site, rest)
    noteComparison(machine, subject, label, '===', site, rest)
    const test = askedByComparing(machine, equality(machine, subject, label), [subject, label], site, rest)
    noteDecision(machine, test, site, rest)
    const truth = truthOn(machine, test, rest)
    if (!truth.canBeTrue) taken.dead = true
    if (!truth.canBeFalse) rest.dead = true
    assume(machine, taken, test)
    assumeNot(machine, rest, test)
  }
  if (falling === undefined) return taken
  const both = base.fork()
  both.merge([taken, falling])
  return both
}

function executeJump(machine: Machine, node: Node, state: State): void {
  const label = isNode(node['label']) ? String(node['label']['name']) : undefined
  const targets = machine.frame.jumps
  for (let index = targets.length - 1; index >= 0; index -= 1) {
    const target = targets[index]!
    const fits = label === undefined ? node.type === 'BreakStatement' || target.loop : target.label === label
    if (!fits || (label === undefined && target.label !== undefined)) continue
    target.states.push(state.fork())
    break
  }
  state.dead = true
}

function executeLabeled(machine: Machine, node: Node, state: State, env: Environment): void {
  const states: State[] = []
  const end = state.fork()
  machine.frame.jumps.push({ label: String(node['label'].name), loop: true, states })
  execute(machine, node['body'] as Node, end, env)
  machine.frame.jumps.pop()
  state.merge([end, ...states])
}

function declareEnum(machine: Machine, node: Node, state: State, env: Environment): void {
  const target = machine.allocate('object', machine.site(env.file, node))
  const members = (node['body']?.members ?? node['members'] ?? []) as Node[]
  for (const member of members) {
    const name = staticKey({ ...member, property: member['id'] }) ?? nameOf(member['id'] as Node)
    if (isNode(member['initializer'])) target.property(name).write(evaluate(machine, member['initializer'], state, env))
  }
  state.write(cellOf(env, String(node['id'].name)), object(target))
}
