/** Calls of what cannot be entered: their callbacks run, their result carries the origins of what they were given, and what they are given may leave. */
import { askedOfOwner, askedOnBehalf, noteExecution } from './asked.ts'
import { ANSWERED, mayAskIssuer, noteAudienceGiven, noteIssuerAsked, notePassedThrough } from './audiences.ts'
import { callersInScope } from './callers.ts'
import { fromRequest, isSentByBrowsers, requestTags, namesOrigin } from './conditions.ts'
import { noteClientsGiven } from './configured.ts'
import type { HeapObject, Site } from './heap.ts'
import { ClassObject, FunctionObject, LibraryObject } from './heap.ts'
import { namesPasswordChange, noteMayEnd, notePasswordSet } from './logouts.ts'
import type { Machine } from './machine.ts'
import { mayGoOn } from './models/middleware.ts'
import { onlyMethod } from './password-changes.ts'
import { askedForLater, noteReplayAsked } from './replays.ts'
import { callOnEntity } from './models/entities.ts'
import { optionOf } from './models/routing.ts'
import { beginQuery } from './models/query-chains.ts'
import { callWithSql } from './models/sql.ts'
import { callOnUnseenStore } from './models/unseen-stores.ts'
import { callOnUnseenService } from './models/unseen-services.ts'
import { noteHandleGiven } from './handles.ts'
import { storeRef } from './properties.ts'
import { handedOver, noteAct, noteMadeOnce } from './request-state.ts'
import { parsedBySchema } from './schemas.ts'
import { isHashedSegment, segmentsIn } from './segments.ts'
import { isNamedSecret, namesFile, noteBindings, noteLog, noteUrlCredential, noteUrlProof } from './secrets.ts'
import type { State } from './state.ts'
import { noteUnseenAct } from './messages.ts'
import { noteHandedOn } from './streams.ts'
import { sharedInstance } from './types.ts'
import { isForUpgrades, onUnseenServer, registerOnUnseen, runInContext, visitUnseen } from './unseen.ts'
import { noteHandedToAbsent } from './unseen-servers.ts'
import type { Value } from './value.ts'
import { NEVER, UNDEFINED, UNKNOWN, derived, hasTag, object, storesIn, strings, tagged, withTags } from './value.ts'
import { type Call, call_ } from './calls.ts'
import { invoke } from './invoke.ts'

const SPEAKING =
  /^(?:log|debug|info|warn|error|trace|fatal|verbose|emit|track|capture\w*|json|send|end|write|set|setHeader|status|push|append|add|on|once)$/

const LOOKING = /^(?:get|find|load|fetch|lookup|retrieve|select)(?:[A-Z]\w*)?$/

/** `env.DATABASE.prepare(…)`: what a binding of a worker's environment gives is no setting. */
function ofBinding(self: Value, name: string | undefined): Value {
  if (name === undefined || name in String.prototype || self.objects.length > 0) return self
  const tags = self.tags.filter((tag) => !tag.startsWith('env:'))
  return tags.length === self.tags.length ? self : self.with({ tags })
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

/** Methods of a pattern, which give back pieces of the text they are given. */
const FINDS_PARTS: ReadonlySet<string> = new Set(['exec', 'matchAll'])

/** What a store we cannot see holds under a key comes from where the key came from, but it is not the key. */
function asKey(value: Value): Value {
  if (!fromRequest(value) && !hasTag(value, 'entry')) return value
  const kept = value.tags.filter((tag) => !tag.startsWith('read:') && !/^entry:[^:]*:/.test(tag))
  return value.with({ tags: [...kept, 'found'] })
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
  const told = callUnseen(machine, name, call, state, callee, whose)
  const answer = askedForLater(machine, name, call, told, state)
  return name !== undefined && SPEAKING.test(name) ? answer : askedOnBehalf(machine, call.args, answer, state)
}

function callUnseen(
  machine: Machine,
  name: string | undefined,
  call: Call,
  state: State,
  callee: Value,
  whose: Whose,
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
  if (name !== undefined) noteMadeOnce(name, call.args, state)
  const kept =
    name === undefined
      ? undefined
      : (callOnEntity(machine, name, call, state) ?? callOnUnseenStore(machine, name, call, state))
  if (kept !== undefined) return kept
  const served = name === undefined ? undefined : callOnUnseenService(machine, name, call, state)
  if (served !== undefined) return served
  const parsed = parsedBySchema(machine, name, call)
  if (parsed !== undefined) return parsed
  if (name !== undefined && TAKES_CREDENTIAL.test(name) && isGivenRequest(call)) return CREDENTIAL
  noteAct(machine, name, call.args, call.site, state)
  noteReplayAsked(machine, name, call, state)
  const handed = handedOver(machine, name, call, state)
  if (handed !== undefined) return handed
  const looks = name !== undefined && LOOKING.test(name)
  const keys = looks ? [...call.args, ...call.args.flatMap((arg) => keysIn(arg))] : []
  const given = looks ? keys.map(asKey) : call.args
  const self = ofBinding(call.self, name)
  const made = callee.objects.length === 0 ? derived(self, callee, ...given) : derived(self, ...given)
  const inner = name !== undefined && FINDS_PARTS.has(name) ? segmentsIn(call.args[0] ?? UNKNOWN, made) : made
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
  else if (name === 'child') noteBindings(machine, call, state)
  if (!speaks) noteHandleGiven(machine, call.args, call.site, state)
  if (!speaks) noteAudienceGiven(machine, call, state)
  if (!speaks && call.args.some(namesOrigin)) return withTags(inner, ['origin-verdict'])
  const compared = speaks || whose === 'library' ? undefined : askedOfOwner(name, call, inner, state)
  if (compared !== undefined) return compared
  notePassedThrough(machine, call, state)
  if (presented.length === 0)
    // What lies in a file is not made of the setting that says where the file is.
    return hasTag(call.self, 'cred') || (whose !== 'files' && isNamedSecret(inner)) ? withTags(inner, ['made']) : inner
  state.note('opaque-check')
  // What is called so throws where it is not given what it wants.
  if (presented.includes(CREDENTIAL) && name !== undefined && INSISTS.test(name)) state.note('maybe-auth')
  noteIssuerAsked(machine, presented, call, state)
  if (presented.some(isSentByBrowsers)) state.note('maybe-cookie')
  const verdict = withTags(inner, ['verdict', 'cred', ...presented.flatMap(requestTags)])
  return name !== undefined && ASKS_ANOTHER.test(name) ? answered(verdict, call.args) : verdict
}

/** What another server says is no setting, though its address is one. */
function answered(verdict: Value, asked: readonly Value[]): Value {
  const tags = verdict.tags.filter((tag) => !tag.startsWith('env:'))
  return verdict.with({ tags: mayAskIssuer(asked) ? [...tags, ANSWERED] : tags })
}

/** `fetch(url, …)`, `axios.post(url, …)`, `got.post(url, …)`; not a table that is asked by a key. */
const ASKS_ANOTHER = /^(?:(?:global:)?\$?fetch|post|request|ky|got|ofetch|axios)$/

/** The credentials that code we cannot see is given. */
function offeredTo(name: string | undefined, { args }: Call, whose: Whose): readonly Value[] {
  const isJudge = name !== undefined && JUDGES.test(name)
  if (name !== undefined && ASKS_WHO.test(name) && isGivenRequest({ args })) return [CREDENTIAL]
  return args.flatMap((arg) =>
    isJudge && isSessionCookie(arg) ? [arg] : credentialsIn(arg, isJudge ? 'library' : whose),
  )
}

/** Whatever a request has to show for itself. */
const CREDENTIAL: Value = tagged('header:authorization', 'cred').with({ primitives: [undefined] })

/** `extractBearerToken(req)`, `apiKeyFrom(request)` */
const TAKES_CREDENTIAL =
  /^(?:(?:extract|read|parse|pull|take|find|get)\w*(?:bearer|token|api_?key|credentials?)|(?:bearer|token|api_?key|credentials?)(?:from|of|in)\w*)$/i

/** `authenticate(req)`, `requireUser(request)`: by whatever it brings, and who that is. */
const ASKS_WHO =
  /^(?:authenticate|authori[sz]e)\w*$|^auth$|^(?:require|ensure|assert|enforce|verify|validate|check)\w*(?:auth\w*|user|login|token|api_?key|caller|principal|access|credentials?)$|^(?:get|current|resolve|load)\w*(?:user|caller|principal|identity)$/i

/** A function that is imported from a file which is not there goes by its name alone. */
export function askedByName(name: string | undefined, call: Call, told: Value, state: State): Value {
  if (name === undefined || !isGivenRequest(call)) return told
  if (TAKES_CREDENTIAL.test(name)) return CREDENTIAL
  if (!ASKS_WHO.test(name)) return told
  state.note('opaque-check')
  if (INSISTS.test(name)) state.note('maybe-auth')
  return withTags(told, ['verdict', ...CREDENTIAL.tags])
}

const INSISTS = /^(?:require|ensure|assert|enforce)/

function isGivenRequest({ args }: Pick<Call, 'args'>): boolean {
  return args.some(({ objects }) =>
    objects.some(
      (item) =>
        item instanceof LibraryObject &&
        (item.type.endsWith('request') || /^(?:hono|koa|elysia)-context$/.test(item.type)),
    ),
  )
}

/**
 * A credential as it is, or sent on for somebody else to judge: `fetch(url, { headers: { authorization } })`,
 * `axios.post(url, { code })`. What our own code packs into an object, it may pack for other reasons.
 */
function credentialsIn(value: Value, whose: Whose): readonly Value[] {
  if (isCredential(value)) return [value]
  return value.objects.flatMap((item) => {
    if (item instanceof LibraryObject && item.type === 'form') return heldCredentials(item)
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
  if (name === undefined || !FETCHES.test(name)) return false
  return call.args.some((arg) => isRequest(arg) || isMessageAsSent(optionOf(arg, 'body') ?? NEVER))
}

/** `fetch`, and that of a service binding. */
const FETCHES = /^(?:global:)?fetch$/

function isRequest({ objects }: Value): boolean {
  return objects.some((item) => item instanceof LibraryObject && item.type.endsWith('request'))
}

/** The body of a request, or the request itself as a stream of it. */
function isMessageAsSent(value: Value): boolean {
  return isMessage(value) || isRequest(value)
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
  for (const key of keys)
    if (hasTag(key, 'cred') || isHashedSegment(key)) machine.emit('record-asked', call.site, state, { kept, key })
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
  if (!hasTag(call.self, 'entry') || name === undefined || isHousekeeping(name, call.args)) return
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

/** What Node's emitters and sockets are asked about themselves, or told to say when they end: nobody is served by that. */
function isHousekeeping(name: string, [first]: readonly Value[]): boolean {
  if (HOUSEKEEPING.test(name)) return true
  return (
    LISTENS.test(name) &&
    first !== undefined &&
    strings(first).length > 0 &&
    strings(first).every((it) => ENDS.test(it))
  )
}

const HOUSEKEEPING =
  /^(?:removeListener|removeAllListeners|removeEventListener|[sg]etMaxListeners|listenerCount|eventNames|setNoDelay|setKeepAlive|setEncoding|unref|hasRef|cork|uncork)$/
const LISTENS = /^(?:on|once|off|addListener|addEventListener|prependListener)$/
const ENDS = /^(?:drain|close|error|finish|end|timeout|abort)$/

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

export const SENDS = /^(?:write|send|enqueue|push|publish|post)(?:[A-Z]\w*)?$/

/** The answer to one request goes to whatever entry a loop yields: nothing has told whose request it answers. */
export function noteReply(machine: Machine, call: Call, state: State): void {
  if (state.holds('unasked') || state.holds('addressed') || !call.args.some((arg) => hasTag(arg, 'reply'))) return
  for (const container of containersOf(machine, call.self))
    machine.emit('send-all', call.site, state, { store: storeRef(container), call: call.site, reply: true })
}

/** The containers that yielded a value. */
function containersOf(machine: Machine, value: Value): readonly HeapObject[] {
  return storesIn(value).flatMap((id) => machine.containers.get(id) ?? [])
}

/** What a client sent is handed to a method of the session that was looked up, by whatever class it is. */
export function notePassedOn(machine: Machine, call: Call, state: State): void {
  if (!hasTag(call.self, 'entry')) return
  if (call.args.some((arg) => isMessage(arg) && !hasTag(arg, 'cred')))
    machine.emit('dispatch', call.site, state, { receiver: call.self, how: 'own' })
}

function isMessage(value: Value): boolean {
  return (
    hasTag(value, 'body') ||
    value.objects.some(({ kind, item }) => kind === 'array' && hasTag(item, 'body')) ||
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
