/**
 * `requestState`: what a client carries from one round of a request to the next, and may change on the way.
 * Tags say what a value has of it: `rstate:raw` as it was presented, `rstate:open` proven to be what was given out,
 * `rstate:part` decoded or taken out of it. Facts of a path say what was asked of it: `rs:verified`, `rs:bound`,
 * `rs:client`, `rs:fresh`, `rs:request`; `rs:absent` where none came.
 */
import type { HeapObject, Site } from './heap.ts'
import { LibraryObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Condition, Value } from './value.ts'
import { UNKNOWN, derived, hasTag, onlyString, tagged, withCondition, withTags } from './value.ts'
import { fieldsWithin } from './within.ts'

export const RAW = 'rstate:raw'
export const PROVEN = 'rstate:open'
const PART = 'rstate:part'

/** As it comes in; there may be none. */
export const PRESENTED: Value = tagged(RAW).with({ primitives: [undefined] })

/** `params.requestState`, wherever the parameters of a request come from. */
export function presentedState(
  machine: Machine,
  target: Value,
  name: string | undefined,
  site: Site,
  state: State,
): Value | undefined {
  const isRound = name === 'requestState' || name === 'inputResponses'
  if (!isRound || !(hasTag(target, 'body') || target.objects.some(isBody))) return undefined
  if (name === 'inputResponses') return UNKNOWN.with({ primitives: [undefined] })
  machine.emit('state-in', site, state, {})
  return PRESENTED
}

function isBody(item: unknown): boolean {
  return item instanceof LibraryObject && item.type === 'bag' && item.data['origin'] === 'body'
}

/** Whether it is, or holds, state as a client sent it. */
export function isState(value: Value): boolean {
  return hasTag(value, 'rstate')
}

/** Whether nothing has been taken out of it yet. */
function isWhole(value: Value): boolean {
  return !value.tags.includes(PART)
}

/** Decoded, or a field of what was decoded: proven where the whole was proven before. */
export function partOf(source: Value, value: Value, state: State): Value {
  if (!isState(source)) return value
  const isProven = state.holds('rs:verified') || !source.tags.includes(RAW)
  return value.with({
    tags: [...value.tags.filter((tag) => !tag.startsWith('rstate:')), isProven ? PROVEN : RAW, PART],
  })
}

/** The same for what a text was cut into. */
export function partsOf(source: Value, cut: Value, state: State): Value {
  if (!isState(source)) return cut
  for (const { elements } of cut.objects) elements.value = partOf(source, elements.value, state)
  return cut.objects.length > 0 ? cut : partOf(source, cut, state)
}

/** What a verifier gives back: what was sealed. */
export function provenFrom(...sources: readonly Value[]): Value {
  const value = derived(...sources)
  return value.with({ tags: [...value.tags.filter((tag) => !tag.startsWith('rstate:')), PROVEN] })
}

/** What was found under it is not it. */
export function withoutState(value: Value): Value {
  return isState(value) ? value.with({ tags: value.tags.filter((tag) => !tag.startsWith('rstate:')) }) : value
}

/** What the presence of state says. */
export function presenceOf(value: Value): Condition {
  if (value.tags.includes('typeof-rstate')) return { whenTrue: [], whenFalse: [] }
  return { whenTrue: ['rs:present'], whenFalse: isWhole(value) ? ['rs:absent'] : [] }
}

/** Facts that a path without state has for nothing. */
export function isSaidOfState(fact: string): boolean {
  return fact.startsWith('rs:') && fact !== 'rs:absent' && fact !== 'rs:present'
}

const names = new WeakMap<Machine, Set<string>>()

/** Names of tools and prompts: state that carries one is for that one. */
export function noteToolName(machine: Machine, name: string | undefined): void {
  if (name === undefined) return
  const known = names.get(machine) ?? new Set()
  names.set(machine, known.add(name))
}

function isToolName(machine: Machine, text: string | undefined): boolean {
  return text !== undefined && (names.get(machine)?.has(text) === true || METHODS.has(text))
}

const METHODS: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])

/** What the equality of two values says of state. */
export function equalState(machine: Machine, a: Value, b: Value): readonly string[] {
  noteNamed(machine, a, b)
  noteNamed(machine, b, a)
  if (!isState(a) && !isState(b)) return []
  return [...new Set([...pairFacts(machine, a, b), ...pairFacts(machine, b, a)])]
}

/** `params.name === 'pay'` */
function noteNamed(machine: Machine, given: Value, name: Value): void {
  if (hasTag(given, 'body') && !isState(given) && !hasTag(given, 'entry')) noteToolName(machine, onlyString(name))
}

function pairFacts(machine: Machine, state: Value, other: Value): readonly string[] {
  if (isKeyed(other) && isState(other) && isState(state) && !isKeyed(state))
    return ['rs:verified', ...bindingOf(machine, other)]
  if (!isState(state) || isState(other) || isKeyed(state)) return []
  return bindingOf(machine, other)
}

/** A MAC; or a digest that a secret went into. */
function isKeyed(value: Value): boolean {
  if (hasTag(value, 'mac')) return true
  return hasTag(value, 'hash') && (hasTag(value, 'env') || hasTag(value, 'was-env') || hasTag(value, 'mint'))
}

/** What something that has to match ties state to: the caller, the request. */
export function bindingOf(machine: Machine, value: Value): readonly string[] {
  const facts: string[] = []
  if (isCaller(value)) facts.push(namesPerson(value) ? 'rs:bound' : 'rs:client')
  const prefixes = value.tags.filter((tag) => tag.startsWith('prefix:')).map((tag) => tag.slice('prefix:'.length))
  const isNamed =
    isToolName(machine, onlyString(value)) ||
    prefixes.some((prefix) => prefix.split(/[^\w/-]+/).some((word) => isToolName(machine, word)))
  if (isNamed || hasTag(value, 'body') || hasTag(value, 'header:mcp-name')) facts.push('rs:request')
  return facts
}

function isCaller(value: Value): boolean {
  if (hasTag(value, 'principal') || hasTag(value, 'sid')) return true
  return hasTag(value, 'cred') && (hasTag(value, 'verdict') || !hasTag(value, 'body'))
}

/** All users of one application share its client ID: alone it tells nobody apart. */
function namesPerson(value: Value): boolean {
  const isShared = value.tags.includes('claim:client') || value.tags.includes('claim:rank')
  return !isShared || value.tags.includes('claim:person') || value.tags.includes('claim:token')
}

const OF_CLIENT: ReadonlySet<string> = new Set([
  'clientId',
  'client_id',
  'azp',
  'resource',
  'aud',
  'iss',
  'exp',
  'expiresAt',
])

/** What a caller may do is not who they are. */
const RANK = /admin|role|scope|permission|privilege|group|super|staff/i

/** `jti`: this token, and no other of the same caller. */
const OF_TOKEN = /^(?:jti|sid)$|sess|token/i

/** Whether a claim tells people apart, or even their tokens. */
export function claimTag(name: string): string {
  if (RANK.test(name)) return 'claim:rank'
  if (OF_TOKEN.test(name)) return 'claim:token'
  return OF_CLIENT.has(name) ? 'claim:client' : 'claim:person'
}

/** `state.expires < now`: however it is answered, it was asked. */
export function freshness(left: Value, right: Value, result: Value): Value {
  const isAsked =
    (isState(left) && hasTag(right, 'clock')) ||
    (isState(right) && hasTag(left, 'clock')) ||
    isAge(left) ||
    isAge(right)
  if (!isAsked) return result
  const { whenTrue = [], whenFalse = [] } = result.condition ?? {}
  return withCondition(result, { whenTrue: [...whenTrue, 'rs:fresh'], whenFalse: [...whenFalse, 'rs:fresh'] })
}

/** `now - state.issuedAt` */
function isAge(value: Value): boolean {
  return isState(value) && hasTag(value, 'clock')
}

/** The result of comparing with a word is a part of what state says. */
export function asAnswer(a: Value, b: Value, result: Value): Value {
  const isWord = (value: Value): boolean => value.primitives.some((item) => item !== undefined && item !== null)
  return (isState(a) && isWord(b)) || (isState(b) && isWord(a)) ? withTags(result, [PART]) : result
}

/** A condition that state decides. To ask whether it is genuine, fresh or somebody's is no use of it. */
export function noteDecision(machine: Machine, test: Value, site: Site, state: State): void {
  noteWeighed(test, state)
  if (!test.tags.includes(RAW) || isWhole(test) || state.holds('rs:verified')) return
  const { whenTrue = [], whenFalse = [] } = test.condition ?? {}
  if ([...whenTrue, ...whenFalse].some(isSaidOfState)) return
  machine.emit('state-use', site, state, { how: 'decision' })
}

/** A condition that asks a record that state names: what was done is not done twice. */
function noteWeighed(test: Value, state: State): void {
  if (!isInRound(state)) return
  const asked = test.tags.filter((tag) => tag.startsWith('entry:'))
  if (asked.length > 0) state.learn(asked.map((tag) => `weighed:${tag.slice('entry:'.length)}`))
}

/** State given to something that acts on it. */
export function noteStateUse(machine: Machine, how: 'effect' | 'answer', site: Site, state: State): void {
  if (!state.holds('rs:verified')) machine.emit('state-use', site, state, { how })
}

const DECODES =
  /^(?:parse\w*|safeParse\w*|decode\w*|from\w*|to[A-Z]\w*|inflate\w*|gunzip\w*|unzip\w*|decompress\w*|unpack\w*|deserialize\w*|unescape\w*|validate|assert\w*|is[A-Z]\w*|exec|match\w*|test|has\w*|equal\w*|compare\w*|hash|digest|update|sign|createHash)$/
const OPENS = /verif|unseal|unsign|decrypt|open|authenticat|unwrap|redeem|consume|^check/i
const SPENDS = /claim|consume|redeem|spend|once|burn|reserve|acquire|setnx|markused/i
/** What it names is taken away: that proves nothing of it, unless it was looked for before. */
const TAKES_AWAY = /^(?:delete|destroy|wipe|remove|unlink|purge|rm(?![a-z]))/
const LOOKS = /^(?:get|find|load|fetch|lookup|retrieve|read|take|pop|peek)/

/** State handed to code that cannot be seen: what comes back, where that is known of its name. */
export function handedOver(
  machine: Machine,
  name: string | undefined,
  given: { readonly self: Value; readonly args: readonly Value[]; readonly site: Site },
  state: State,
): Value | undefined {
  const states = given.args.flatMap((arg) => statesIn(arg, 2))
  if (states.length === 0 || name === undefined) return undefined
  if (SPENDS.test(name)) state.learn(['rs:spent'])
  const whole = states.some((value) => value.tags.includes(RAW) && isWhole(value))
  const source = derived(...states)
  if (DECODES.test(name)) return partOf(source, derived(given.self, ...given.args, source), state)
  if (LOOKS.test(name) && !SENDS.test(name)) state.learn([ASKED])
  if (LOOKS.test(name) && !SENDS.test(name)) return withoutState(derived(given.self, ...given.args.map(withoutState)))
  if (!source.tags.includes(RAW)) return undefined
  const isDeleted = TAKES_AWAY.test(name) && !state.holds(ASKED)
  if ((!whole || isDeleted) && !OPENS.test(name)) {
    noteStateUse(machine, 'effect', given.site, state)
    return undefined
  }
  // Whatever it does with the whole of it, it may be what proves it.
  state.learn(['rs:verified', 'rs:unseen'])
  machine.emit('state-check', given.site, state, {})
  return provenFrom(given.self, ...given.args, source)
}

/** State that a value is, or holds as a plain object does; not what goes on to the next round. */
export function statesIn(value: Value, depth: number): readonly Value[] {
  if (isState(value)) return [value]
  return depth === 0 ? [] : held(value).flatMap((inner) => statesIn(inner, depth - 1))
}

const MOST_FIELDS = 20

function held({ objects }: Value): readonly Value[] {
  return objects.flatMap((item) => {
    if (item.kind !== 'object' && item.kind !== 'array') return []
    const named = [...item.properties].filter(([name]) => name !== 'requestState').map(([, cell]) => cell.value)
    return [...named.slice(0, MOST_FIELDS), item.item]
  })
}

const ACTS =
  /^(?:send|charge|pay|transfer|create|insert|publish|post|submit|exec[A-Zu]\w*|run|spawn|deploy|order|book|buy|purchase|withdraw|deposit|refund|issue|provision|enqueue|add|append|emit|notify|mail|invoke|dispatch|push|capture|debit|credit|grant|approve|release|ship|delete|destroy|wipe)/

/** Something is done, outside of what can be seen, in a round that brought state. */
export function noteAct(
  machine: Machine,
  name: string | undefined,
  args: readonly Value[],
  site: Site,
  state: State,
): void {
  if (name === 'create' && args.some((arg) => namesOnce(arg, ONCE))) state.learn(['rs:spent'])
  if (name !== undefined && PUTS.test(name) && isInRound(state)) {
    if (args.some((arg) => hasTag(arg, 'summed')))
      return machine.emit('act', site, state, { again: true, ofRequest: args.some(isOfRequest) })
    if (state.holds(ASKED) && args.slice(0, 1).some((key) => statesIn(key, 1).length > 0)) state.learn(['rs:spent'])
  }
  if (name !== undefined && isInRound(state) && isSum(name, args)) {
    // How often that state was here is counted.
    if (args.slice(0, 1).some((key) => statesIn(key, 1).length > 0)) return state.learn(['rs:spent'])
    return machine.emit('act', site, state, { again: true, ofRequest: args.some(isOfRequest) })
  }
  if (name === undefined || !(SENDS.test(name) ? posts(args) : ACTS.test(name))) return
  if (isInRound(state) || args.some((arg) => statesIn(arg, 2).length > 0))
    machine.emit('act', site, state, {
      again: (SENDS.test(name) ? posts(args, /^(?:post|patch)$/i) : !ENDS.test(name)) && !args.some(isKeyedOnce),
      ofRequest: args.some(isOfRequest),
    })
}

function isOfRequest(arg: Value): boolean {
  return originsOf(arg, 2).some((tag) => tag.startsWith('body'))
}

/** A row under a key that the database makes up: each time another one. */
export function noteRowMade(
  machine: Machine,
  columns: readonly { readonly column: string; readonly value: Value }[],
  site: Site,
  state: State,
): void {
  const isNamed = columns.some(({ column, value }) => KEYS.test(column) || statesIn(value, 1).length > 0)
  if (isInRound(state) && columns.length > 0 && !isNamed)
    machine.emit('act', site, state, { again: true, ofRequest: columns.some(({ value }) => isOfRequest(value)) })
}

/** What may be told twice to nobody: a second row of that name is refused. */
const KEYS = /^(?:_?id|\d+|key|uuid|guid|slug|name|email|nonce|jti)$/i

/** `{ balance: { decrement: 5 } }`, `{ $inc: { balance: 5 } }` */
function adds(values: readonly Value[]): boolean {
  return fieldsWithin(values, DEEPEST_UPDATE).some(([name]) => ADDS_FIELD.test(name))
}

function isSum(name: string, args: readonly Value[]): boolean {
  return ADDS.test(name) || (UPDATES.test(name) && adds(args))
}

const DEEPEST_UPDATE = 4
const UPDATES = /^(?:update|upsert|findOneAnd|findByIdAnd)/
const ADDS_FIELD = /^(?:increment|decrement|\$inc|\$push)$/
/** Of Redis: `decrBy`, `hIncrBy`, `lPush`, `xAdd`; and of query builders. */
const ADDS = /^(?:[hz]?incr|decr|[lr]push|xadd)/i

/** Something that is not seen was asked for what it has under what state says. */
const ASKED = 'rs:asked'

/** `votes.put(poll, String(total + 1))`; `spent.put(state.id, '1')` */
const PUTS = /^(?:put|set|save|write|update|upsert)/

/** A row that has a name out of state is made once. */
export function noteMadeOnce(name: string, args: readonly Value[], state: State): void {
  if (CREATES.test(name) && args.some((arg) => namesOnce(arg, PRIMARY))) state.learn(['rs:spent'])
}

const CREATES = /^(?:create|insertOne)$/

/**
 * `redemption.create({ data: { nonce: state.nonce } })`: a column that is called so is unique, as what a row is known by is, and
 * the second row is refused.
 */
function namesOnce(arg: Value, columns: RegExp): boolean {
  const data = arg.objects.flatMap((item) => item.properties.get('data')?.value.objects ?? [item])
  return data.some(({ properties }) =>
    [...properties].some(([name, { value }]) => columns.test(name) && isState(value)),
  )
}

/** Of whatever table: others are unique where its schema says so. */
const PRIMARY = /^_?id$/
const ONCE = /^(?:nonce|jti|(?:state|request|redemption|idempotency)_?(?:id|key|token))$/i

/** `{ idempotencyKey: state.id }`, `{ headers: { 'Idempotency-Key': state.id } }`: whoever does it does it once for that key. */
function isKeyedOnce(arg: Value): boolean {
  const holds = ({ properties }: HeapObject): boolean =>
    [...properties].some(([name, { value }]) => IDEMPOTENCY.test(name) && isState(value))
  return arg.objects.some((item) => holds(item) || item.properties.get('headers')?.value.objects.some(holds) === true)
}

const IDEMPOTENCY = /^(?:(?:x-)?idempotency-?_?(?:key|token)|jobId|(?:message)?deduplicationId)$/i

/** Where a value, and what it holds as a plain object, came from. */
export function originsOf(value: Value, depth: number): readonly string[] {
  if (depth === 0) return value.tags
  const inner = held(value).flatMap((item) => originsOf(item, depth - 1))
  return inner.length === 0 ? value.tags : [...value.tags, ...inner]
}

const ENDS = /^(?:delete|destroy|wipe)/

/** Whether state came with this request. */
export function isInRound({ facts }: State): boolean {
  return !facts.must.has('rs:absent') && (facts.must.has('rs:present') || facts.must.has('rs:verified'))
}

/** `balance -= amount`: each time again. */
export function summed(value: Value, state: State): Value {
  return isInRound(state) ? withTags(value, ['summed']) : value
}

/** `fetch` of the platform, of a package, or of a binding. */
const SENDS = /^(?:global:)?fetch$/

function posts(args: readonly Value[], verbs = /^(?:post|put|patch|delete)$/i): boolean {
  const method = args[1]?.objects.flatMap((item) => item.properties.get('method')?.value.primitives ?? []) ?? []
  return method.some((verb) => typeof verb === 'string' && verbs.test(verb))
}

/** An object with `requestState` is what a round ends with. */
export function noteStateOut(machine: Machine, value: Value | undefined, site: Site, state: State): void {
  if (value === undefined || isState(value) || value.objects.some(({ properties }) => properties.has('verify'))) return
  const { trigger } = machine.context
  if (trigger === 'tool' || trigger === 'request') machine.emit('state-out', site, state, { value })
}
