/** Calls: of functions in the tree (followed), of libraries we know (modelled), of anything else (opaque). */
import { askedByCalling, askedOfOwner, noteExecution } from './asked.ts'
import { noteAudienceGiven, noteIssuerAsked, notePassedThrough } from './audiences.ts'
import type { Node } from './ast.ts'
import { bare, isNode, staticKey } from './ast.ts'
import { callBuiltin, callPromise } from './builtins.ts'
import { callersInScope } from './callers.ts'
import { assume, fromRequest, isSentByBrowsers, requestTags, namesOrigin, oneOf } from './conditions.ts'
import { noteClientsGiven, noteConfigured, noteLibraryUse, speakingFor } from './configured.ts'
import { assignPattern, evaluate, initialiseFields } from './expressions.ts'
import type { Environment, HeapObject, Site } from './heap.ts'
import {
  ClassObject,
  Environment as Env,
  ExternalObject,
  FunctionObject,
  InstanceObject,
  LibraryObject,
  isContainer,
} from './heap.ts'
import {
  hashedPassword,
  namesPasswordChange,
  noteEnding,
  noteMayEnd,
  noteMayHaveEnded,
  notePasswordSet,
} from './logouts.ts'
import type { Exit, Frame, Machine } from './machine.ts'
import { mayGoOn } from './models/middleware.ts'
import { callExternal, callLibrary, constructExternal } from './models/index.ts'
import { withinTree } from './models/paths.ts'
import { onlyMethod } from './password-changes.ts'
import { noteUpdateWritten, tableFacts } from './protocol.ts'
import { noteReplayAsked, noteReplayed } from './replays.ts'
import { optionOf } from './models/routing.ts'
import { ownDigest } from './models/randomness.ts'
import { beginQuery } from './models/query-chains.ts'
import { callWithSql } from './models/sql.ts'
import { callOnUnseenStore } from './models/unseen-stores.ts'
import { importNamespace } from './modules.ts'
import { isOwn, noteHandleCall, noteHandleGiven, noteToolResult } from './handles.ts'
import { baseOf, getProperty, learnOwn, storeRef } from './properties.ts'
import { handedOver, noteAct } from './request-state.ts'
import { markOf } from './quiet.ts'
import { noteHandedToProgram } from './rpc.ts'
import { declareLocal, execute, hoist, patternNames, runModule } from './statements.ts'
import { parsedBySchema } from './schemas.ts'
import { isNamedSecret, namesFile, noteLog, noteUrlCredential, noteUrlProof } from './secrets.ts'
import type { State } from './state.ts'
import { noteUnseenAct } from './messages.ts'
import { noteHandedOn } from './streams.ts'
import { sharedInstance, typedParameter } from './types.ts'
import { isForUpgrades, onUnseenServer, registerOnUnseen, runInContext, visitUnseen } from './unseen.ts'
import { noteHandedToAbsent } from './unseen-servers.ts'
import type { Value } from './value.ts'
import { resultOf } from './ways.ts'
import { noteMade, noteReturned } from './made-secrets.ts'
import {
  NEVER,
  UNDEFINED,
  UNKNOWN,
  derived,
  hasTag,
  join,
  joinAll,
  object,
  primitive,
  storesIn,
  strings,
  tagged,
  withTags,
} from './value.ts'

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
  const told = hashedPassword(name, call_(machine, target, call, state))
  const answer = target.objects.length === 0 ? (askedOfOwner(name, call, told, state) ?? told) : told
  return askedByCalling(machine, answer, { name, given: call.args, site }, state)
}

function makeCall(machine: Machine, node: Node, self: Value, site: Site, state: State, env: Environment): Call {
  const nodes = (node['arguments'] ?? []) as Node[]
  const args: Value[] = []
  for (const item of nodes) {
    const value = evaluate(machine, item, state, env)
    if (item.type === 'SpreadElement') args.push(...spreadArguments(value))
    else args.push(value)
  }
  return { site, args, argSites: nodes.map((item) => machine.site(env.file, item)), self, env }
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
      return target.container && callBuiltin(machine, object(target.container), name, call, state)
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

function parentOf(of: ClassObject): ClassObject | undefined {
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

const SPEAKING =
  /^(?:log|debug|info|warn|error|trace|fatal|verbose|emit|track|capture\w*|json|send|end|write|set|setHeader|status|push|append|add|on|once)$/

const LOOKING = /^(?:get|find|load|fetch|lookup|retrieve|select)(?:[A-Z]\w*)?$/

/** `env.DATABASE.prepare(…)`: what a binding of a worker's environment gives is no setting. */
function ofBinding(self: Value, name: string | undefined): Value {
  if (name === undefined || name in String.prototype || self.objects.length > 0) return self
  const tags = self.tags.filter((tag) => !tag.startsWith('env:'))
  return tags.length === self.tags.length ? self : { ...self, tags }
}

/** `findUnique({ where: { id } })`: what a record is looked up by, wherever the query names it. */
function keysIn(arg: Value, depth = 2): readonly Value[] {
  if (depth === 0) return []
  const parts = arg.objects.flatMap((item) =>
    item.kind === 'object' ? [...item.properties.values()].slice(0, MOST_KEYS).map((cell) => cell.value) : [],
  )
  return parts.flatMap((value) => (value.objects.length === 0 ? [value] : keysIn(value, depth - 1)))
}

const MOST_KEYS = 8

/** `/^Bearer (.+)$/.exec(header)`, `decoder.decode(bytes)`: what writes a text in another way, or takes it apart, judges nothing. */
function isTakenApart(name: string | undefined, call: Call): boolean {
  if (name === undefined || !TAKES_APART.test(name)) return false
  const given = call.args.filter((arg) => fromRequest(arg))
  return given.length === 1 && call.args.length === 1 && given[0]!.objects.length === 0
}

const TAKES_APART =
  /^(?:exec|matchAll|byteLength|inspect|parse|(?:un)?escape\w*|encode\w*|decode(?:URI\w*|Base64\w*|Jwt|JWT|ProtectedHeader|Token)?|jwtDecode|(?:trim|strip|mask|redact|sanitize|normalize|truncate|obfuscate)\w*|parse(?:Auth|Bearer|Basic|Header|Cookie|Token|Scheme)\w*|(?:extract|remove)(?:Auth|Bearer|Basic|Header|Token|Scheme|Prefix|Api_?Key)\w*)$/

/** What a store we cannot see holds under a key comes from where the key came from, but it is not the key. */
function asKey(value: Value): Value {
  if (!fromRequest(value) && !hasTag(value, 'entry')) return value
  const kept = value.tags.filter((tag) => !tag.startsWith('read:') && !/^entry:[^:]*:/.test(tag))
  return { ...value, tags: [...kept, 'found'] }
}

/** Of a package, of those functions of Node that know paths and files, or nobody's that is known. */
type Whose = 'library' | 'files' | 'unknown'

/**
 * A call of code we cannot see. It may call its callbacks; its result carries the origins of what it was given.
 * Given a credential, its result may be a verdict on it.
 */
export function callOpaque(
  machine: Machine,
  name: string | undefined,
  call: Call,
  state: State,
  callee: Value,
  whose: Whose = 'unknown',
): Value {
  if (name !== undefined && LISTENERS.test(name)) {
    if (isForUpgrades(machine, call)) return onUnseenServer(machine, name, call, state)
    if (deferListener(machine, call, state)) return call.self
  }
  const inContext = name === 'run' && whose === 'unknown' ? runInContext(machine, call, state) : undefined
  if (inContext !== undefined) return inContext
  if (whose === 'unknown') noteHandedToAbsent(machine, name, call, state)
  noteUnseenAct(machine, name, call, state, whose === 'unknown' ? 'unknown' : 'library')
  noteClientsGiven(machine, call, state)
  if (isPassedOn(name, call)) noteExecution(machine, call.site, state)
  noteHandedOn(machine, call, state)
  const queried = callWithSql(machine, name, call, state)
  if (queried !== undefined) return queried
  const chain = beginQuery(machine, name, call, state)
  if (chain !== undefined) return chain
  const adapted = adaptedExchange(name, call)
  if (adapted !== undefined) return adapted
  const changed = name === undefined || !namesPasswordChange(name) ? undefined : onlyMethod(machine, name)
  if (changed !== undefined) return call_(machine, object(changed.fn), { ...call, self: changed.self }, state)
  notePasswordSet(machine, name, call, state)
  // `client.callbackParams(req)` of openid-client: the code and state that an authorization server sends back.
  if (name === 'callbackParams') return tagged('query:code', 'cred')
  const kept = name === undefined ? undefined : callOnUnseenStore(machine, name, call, state)
  if (kept !== undefined) return kept
  const parsed = parsedBySchema(machine, name, call)
  if (parsed !== undefined) return parsed
  noteAct(machine, name, call.args, call.site, state)
  noteReplayAsked(machine, name, call, state)
  const handed = handedOver(machine, name, call, state)
  if (handed !== undefined) return handed
  const looks = name !== undefined && LOOKING.test(name)
  const keys = looks ? [...call.args, ...call.args.flatMap((arg) => keysIn(arg))] : []
  const given = looks ? keys.map(asKey) : call.args
  const self = ofBinding(call.self, name)
  const inner = callee.objects.length === 0 ? derived(self, callee, ...given) : derived(self, ...given)
  const provided = providedInstance(machine, name, call)
  if (provided !== undefined) return provided
  if (name !== undefined && registerOnUnseen(machine, name, call, state)) return call.self
  if (!visitUnseen(machine, name, call, state)) runCallbacks(machine, call, state, UNKNOWN)
  mayGoOn(machine, call, state)
  noteReceiver(machine, call, state, name)
  const speaks = name !== undefined && SPEAKING.test(name)
  noteMayEnd(machine, name, state)
  const judges = !speaks && !isTakenApart(name, call)
  const presented = judges ? [...offeredTo(name, call, whose), ...keys.filter(isCredential)] : []
  const noteUrl = name !== undefined && VERIFIES.test(name) ? noteUrlProof : noteUrlCredential
  if (looks) noteUrlKeys(machine, keys, { name, call }, state)
  else if (!speaks)
    for (const arg of [...call.args, ...presented])
      if (whose !== 'files' || !namesFile(arg)) noteUrl(machine, arg, call.site, state)
  if (speaks) noteLog(machine, name, call, state)
  if (!speaks) noteHandleGiven(machine, call.args, call.site, state)
  if (!speaks) noteAudienceGiven(machine, call)
  if (!speaks && call.args.some(namesOrigin)) return withTags(inner, ['origin-verdict'])
  const compared = speaks || whose === 'library' ? undefined : askedOfOwner(name, call, inner, state)
  if (compared !== undefined) return compared
  if (presented.length === 0)
    return hasTag(call.self, 'cred') || isNamedSecret(inner) ? withTags(inner, ['made']) : inner
  state.note('opaque-check')
  noteIssuerAsked(machine, presented, call, state)
  notePassedThrough(machine, call, state)
  if (presented.some(isSentByBrowsers)) state.note('maybe-cookie')
  return withTags(inner, ['verdict', 'cred', ...presented.flatMap(requestTags)])
}

/** The credentials that code we cannot see is given. */
function offeredTo(name: string | undefined, { args }: Call, whose: Whose): readonly Value[] {
  const isJudge = name !== undefined && JUDGES.test(name)
  return args.flatMap((arg) =>
    isJudge && isSessionCookie(arg) ? [arg] : credentialsIn(arg, isJudge ? 'library' : whose),
  )
}

/**
 * A credential as it is, or sent on for somebody else to judge: `fetch(url, { headers: { authorization } })`,
 * `axios.post(url, { code })`. What our own code packs into an object, it may pack for other reasons.
 */
function credentialsIn(value: Value, whose: Whose): readonly Value[] {
  if (isCredential(value)) return [value]
  return value.objects.flatMap((item) => {
    if (item.kind !== 'object') return []
    const parts = REQUEST_PARTS.flatMap((name) => item.properties.get(name)?.value.objects ?? [])
    const body = item.properties.get('body')?.value
    const sent = body !== undefined && isCredential(body) ? [body] : []
    return [...(whose !== 'unknown' ? heldCredentials(item) : []), ...parts.flatMap(heldCredentials), ...sent]
  })
}

/** `fetch(url, { body })` with what the client sent, `proxy.web(request, response)`: somebody else does what it says. */
function isPassedOn(name: string | undefined, call: Call): boolean {
  const types = call.args.flatMap(({ objects }) =>
    objects.flatMap((item) => (item instanceof LibraryObject ? [item.type] : [])),
  )
  if (types.some((type) => type.endsWith('request')) && types.includes('response')) return true
  return name === 'global:fetch' && call.args.some((arg) => isMessage(optionOf(arg, 'body') ?? NEVER))
}

/** Methods of code we cannot see that are asked whether a credential is good. */
const JUDGES = /^(?:verify|authenticate|validate|introspect)/

/** What records are asked for by, in something we do not see: which, what stands before the method says. */
function noteUrlKeys(
  machine: Machine,
  keys: readonly Value[],
  { name, call }: { readonly name: string; readonly call: Call },
  state: State,
): void {
  const text = call.site.file.text.slice(call.site.start, Math.min(call.site.end, call.site.start + 300))
  const kept = /^(.*?)[!?]?\.\s*\w+\s*\(/s.exec(text.slice(0, text.indexOf(name) + name.length + 1))?.[1] ?? name
  for (const key of keys) if (hasTag(key, 'cred')) machine.emit('record-asked', call.site, state, { kept, key })
}

/** The same, and their names say that it is one. */
const VERIFIES = /^(?:verify|authenticate|introspect)\w*(?:Key|Token|Jwt|JWT|Credentials?)$/

/** `adapter.getRequest(raw)`, `toWebRequest(req)`: what an adapter makes of a request, or of an answer, is still that. */
function adaptedExchange(name: string | undefined, { args }: Call): Value | undefined {
  const [first] = args
  if (name === undefined || args.length !== 1 || !ADAPTS.test(name)) return undefined
  return first!.objects.some(isOfExchange) ? first : undefined
}

const ADAPTS = /^(?:get|to|as|make|create|wrap|adapt|convert|build|normali[sz]e)\w*(?:Req|Request|Res|Response)$/

function isOfExchange(item: HeapObject): boolean {
  return item instanceof LibraryObject && /(?:request|response)$/.test(item.type)
}

/** `validateSession(id)`, whatever the cookie is called. */
function isSessionCookie(value: Value): boolean {
  const isCookie = hasTag(value, 'cookie') || hasTag(value, 'header:cookie')
  return isCookie && !hasTag(value, 'entry') && !value.tags.some((tag) => /^cookie:.*(?:csrf|xsrf)/.test(tag))
}

const REQUEST_PARTS = ['headers', 'data', 'body', 'json', 'form', 'params']

function heldCredentials(bag: HeapObject): readonly Value[] {
  return [...bag.properties.values()].map((cell) => cell.value).filter(isCredential)
}

function isCredential(value: Value): boolean {
  return hasTag(value, 'cred') && !hasTag(value, 'entry')
}

const LISTENERS = /^(?:on|once|addListener|addEventListener|prependListener)$/
const ENDINGS = new Set(['close', 'abort', 'aborted', 'end', 'finish', 'disconnect', 'error'])

/** `socket.on('close', fn)` on an object we know nothing of: a connection that ends. */
function deferListener(machine: Machine, call: Call, state: State): boolean {
  const [event, listener] = call.args
  const name = event?.primitives[0]
  if (listener === undefined || typeof name !== 'string') return false
  // What start-up listens to happens when requests have been served: a job is done, a file has changed.
  if (machine.context.trigger === 'startup') {
    if (!SIGNALS.test(name) && !CONNECTIONS.test(name))
      machine.defer(listener, [UNKNOWN, UNKNOWN], state, machine.triggered('news'))
    return false
  }
  if (!ENDINGS.has(name)) return false
  machine.defer(listener, [], state, machine.triggered('disconnect'))
  return true
}

/** Somebody comes or says something: a request of its own, wherever that is followed. */
const CONNECTIONS = /^(?:connect(?:ion)?|request|upgrade|message|data|stream|session|open|listening)$/

/** The process itself ends or fails. */
const SIGNALS = /^(?:SIG[A-Z]+|exit|beforeExit|uncaughtException|unhandledRejection|warning|error)$/

/** `container.resolve(Service)`: a dependency container makes an instance of the class it is asked for. */
function providedInstance(machine: Machine, name: string | undefined, call: Call): Value | undefined {
  if (name === undefined || !PROVIDES.test(name)) return undefined
  const [asked] = call.args
  const classes = asked?.objects.filter((item) => item instanceof ClassObject) ?? []
  return classes.length === 0 ? undefined : object(...classes.map((item) => sharedInstance(machine, item)))
}

const PROVIDES = /^(?:resolve|get|getInstance|inject|useClass|make|create|getAsync|resolveAsync)$/

/** A method called on a session that was looked up is a use of it. */
export function noteReceiver(machine: Machine, call: Call, state: State, name: string | undefined): void {
  if (!hasTag(call.self, 'entry') || name === undefined) return
  if (name === 'close' || name === 'destroy' || name === 'end' || name === 'terminate') {
    for (const tag of call.self.tags)
      if (tag.startsWith('entry:'))
        machine.emit('entry-close', call.site, state, { store: tag.split(':')[1] ?? '', closed: undefined })
  }
  if (name === 'send') noteSendAll(machine, call, state)
  const how = name === 'handleRequest' || name === 'handlePostMessage' ? 'transport' : 'own'
  const callers = how === 'transport' ? callersInScope(call.env, state) : []
  machine.emit('dispatch', call.site, state, { receiver: call.self, how, callers })
}

/** The same message for every session. Notifications written out here are meant for all; anything else is somebody's answer. */
export function noteSendAll(machine: Machine, call: Call, state: State): void {
  const [message = UNKNOWN] = call.args
  if (state.facts.may.has('looked') || message.objects.some((item) => item.properties.has('method'))) return
  if (machine.context.trigger === 'timer' || machine.context.trigger === 'shutdown' || hasTag(message, 'reply')) return
  for (const container of containersOf(machine, call.self))
    machine.emit('send-all', call.site, state, { store: storeRef(container), call: call.site, reply: false })
}

/** MCP is answered by a server of this request, behind a session that was found by its ID alone or with a check. */
export function noteServedBehind(machine: Machine, site: Site, state: State): void {
  const { may, must } = state.facts
  const found = [...must].filter((fact) => fact.startsWith('exists:')).map((fact) => fact.slice('exists:'.length))
  for (const store of found.filter((id) => may.has(`looked:${id}`)))
    machine.emit('dispatch', site, state, { receiver: tagged(`entry:${store}`, 'held'), how: 'own' })
}

const SENDS = /^(?:write|send|enqueue|push|publish|post)(?:[A-Z]\w*)?$/

/** The answer to one request goes to whatever entry a loop yields: nothing has told whose request it answers. */
function noteReply(machine: Machine, call: Call, state: State): void {
  if (state.holds('unasked') || state.holds('addressed') || !call.args.some((arg) => hasTag(arg, 'reply'))) return
  for (const container of containersOf(machine, call.self))
    machine.emit('send-all', call.site, state, { store: storeRef(container), call: call.site, reply: true })
}

/** The containers that yielded a value. */
function containersOf(machine: Machine, value: Value): readonly HeapObject[] {
  return storesIn(value).flatMap((id) => machine.containers.get(id) ?? [])
}

/** What a client sent is handed to a method of the session that was looked up, by whatever class it is. */
function notePassedOn(machine: Machine, call: Call, state: State): void {
  if (!hasTag(call.self, 'entry')) return
  if (call.args.some((arg) => isMessage(arg) && !hasTag(arg, 'cred')))
    machine.emit('dispatch', call.site, state, { receiver: call.self, how: 'own' })
}

function isMessage(value: Value): boolean {
  return (
    hasTag(value, 'body') ||
    value.objects.some((item) => item instanceof LibraryObject && item.type === 'bag' && item.data['origin'] === 'body')
  )
}

export function runCallbacks(machine: Machine, call: Call, state: State, given: Value): void {
  for (const arg of call.args) {
    for (const target of arg.objects) {
      if (!(target instanceof FunctionObject)) continue
      machine.givenAway.add(target.node)
      state.perhaps((fork) => invoke(machine, target, UNDEFINED, [given, given, given], fork))
    }
  }
}

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
  const given = { fn, self, args }
  const isStartup = machine.context.activation === 0
  const remembered = isStartup && goesOn === undefined ? machine.summaries.recall(machine, given, state) : undefined
  if (remembered !== undefined) return remembered
  const mark = markOf(machine, state)
  const walk = isStartup ? machine.summaries.begin(machine, given, state) : undefined
  machine.stack.push(fn.node)
  const saved = machine.frame
  const frame: Frame = {
    exits: [],
    jumps: [],
    self: selfOf(fn, self),
    made: new Set(),
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
    machine.frame = saved
  }
  if (frame.exits.length === 0) {
    state.dead = true
    machine.quiet.note(machine, fn, args, mark, state, NEVER)
    if (walk !== undefined) machine.summaries.end(machine, walk, state, NEVER)
    return NEVER
  }
  noteResults(machine, fn, frame)
  const followed = goesOn === undefined ? frame.exits : frame.exits.filter(goesOn)
  state.merge(
    followed.map((exit) => exit.state),
    machine.stack.length,
  )
  dropChecks(state, mark.may)
  const result = resultOfCall(frame, before)
  machine.quiet.note(machine, fn, args, mark, state, result)
  if (walk !== undefined) machine.summaries.end(machine, walk, state, result)
  return result
}

/** What a function gives back is called after it. */
function noteResults(machine: Machine, { name }: FunctionObject, frame: Frame): void {
  for (const [index, exit] of frame.exits.entries()) {
    if (name === undefined || exit.value.entropy === undefined || exit.site === undefined) continue
    const value = noteReturned(machine, name, exit.value, exit.site, exit.state)
    frame.exits[index] = { ...exit, value }
  }
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

function callSuper(machine: Machine, node: Node, site: Site, state: State, env: Environment): Value {
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
  const self = object(created)
  const result = invoke(machine, target, self, call.args, state)
  return result.objects.length > 0 ? result : self
}
