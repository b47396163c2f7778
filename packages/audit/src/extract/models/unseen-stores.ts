/** Containers whose making we do not see, told by how they are used: `env.SESSIONS.get(id)`, `plugin.sessions.set(id, …)`. */
import type { Call } from '../calls.ts'
import { isFresh, isOfCaller, isPresentedHandle } from '../conditions.ts'
import type { StoreRef } from '../events.ts'
import type { Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { foundTags, noteInsert, noteLookUp } from '../properties.ts'
import { askedForLater } from '../replays.ts'
import type { State } from '../state.ts'
import {
  Value,
  UNKNOWN,
  derived,
  hasTag,
  joinAll,
  object,
  onlyString,
  tagged,
  tagsOf,
  truthiness,
  withTags,
} from '../value.ts'
import { sendCommand } from './documents.ts'
import { callNamespace } from './durable-objects.ts'
import { entriesIn } from './http.ts'
import { isNamedAfterSessions, keyIn, namesRecord, noteTimes } from './queries.ts'
import { optionOf } from './routing.ts'
import { TIMES, noteTimeToLive } from './times-to-live.ts'

const READS =
  /^(?:get|getItem|getWithMetadata|has|exists|find|findOne|findUnique|findUniqueOrThrow|findFirst|findFirstOrThrow|findOneBy|findOneByOrFail|findOneOrFail|findById|findByPk|getById|load|fetch|retrieve|read|lookup|peek)$/
const WRITES = /^(?:set|put|setItem|create|insert|insertOne|findOrCreate|save|store|upsert|add)$/
const REMOVES = /^(?:delete|del|remove|deleteOne|deleteMany|deleteById|removeItem|destroy|unset)$/
const UPDATES = /^(?:update|updateOne|updateById|findByIdAndUpdate|findOneAndUpdate|hset|hSet|hmset|hmSet)$/
/** They give back the record that they have changed, or removed. */
const CHANGES_FOUND = /^find(?:OneAnd|ByIdAnd)(?:Update|Replace|Modify)$/
const TAKES_OUT = /^find(?:OneAnd|ByIdAnd)(?:Delete|Remove)$/
const LISTS = /^(?:entries|values|keys)$/
/** What a query is told after what it looks for, and how its record is to be given. */
const TELLS_MORE = /^(?:lean|exec|populate|select|sort|limit|hint|maxTimeMS|toObject|toJSON|orFail|readConcern)$/
const NAMES_SESSION = /^(?:header|query|param|cookie):.*(?:sess|sid)/

/** A call on such a container with the handle of a session; undefined where it is none. */
export function callOnUnseenStore(machine: Machine, name: string, call: Call, state: State): Value | undefined {
  if (endsItself(machine, name, call, state)) return UNKNOWN
  const sent = sendCommand(machine, name, call, state)
  if (sent !== undefined) return sent
  if (TELLS_MORE.test(name) && call.self.tags.some((tag) => tag.startsWith('entry:unseen#'))) return call.self
  if (call.self.objects.some((item) => item.kind !== 'external')) return undefined
  return callOnTable(machine, name, call, state)
}

/** The same on a container whose name is known. */
export function callOnContainer(
  machine: Machine,
  container: Container,
  name: string,
  call: Call,
  state: State,
): Value | undefined {
  const found = callOnTable(machine, name, { ...call, container }, state)
  const given = askedForLater(machine, name, call, found ?? UNKNOWN, state)
  return found === undefined && given === UNKNOWN ? undefined : given
}

/** `found.deleteOne()`: a record that was found in one takes itself out. */
function endsItself(machine: Machine, name: string, { self, args, site }: Call, state: State): boolean {
  if (args.length > 0 || !REMOVES.test(name)) return false
  const ids = self.tags.flatMap((tag) => /^entry:(unseen#[^:]{1,80})$/.exec(tag)?.[1] ?? [])
  for (const id of ids) {
    const store: StoreRef = { id, site, name: id.slice('unseen#'.length), kind: 'database' }
    machine.emit('store-remove', site, state, { store, key: tagged(`key:${id}`) })
  }
  return ids.length > 0
}

/** What a container is called, and where it is described if that is another place than where it is used. */
interface Container {
  readonly name: string
  readonly at?: Site
}

/** `container`: where it is known otherwise than by how the call is written. */
type OnTable = Call & { readonly container?: Container }

function callOnTable(machine: Machine, name: string, call: OnTable, state: State): Value | undefined {
  if (LISTS.test(name)) return listed(machine, name, call)
  const durable = callNamespace(machine, name, call, state, () => storeOf(name, call))
  if (durable !== undefined) return durable
  const use = useOf(name)
  if (UPDATES.test(name)) noteUpdate(machine, name, call, state)
  if (name === 'createIndex') noteIndex(machine, call, state)
  if (use === undefined) return undefined
  const key =
    keyIn(call.args[0], isHandleOf(name, call)) ??
    credentialIn(machine, name, call) ??
    argumentIn(machine, name, call) ??
    madeByDatabase(name, call) ??
    sweptIn(machine, name, call, state)
  const store = key === undefined ? undefined : storeOf(name, call, key)
  if (key === undefined || store === undefined) return undefined
  if (!WRITES.test(name)) noteTimes(machine, store, call, state)
  return use(machine, store, key, call, state)
}

/** `deleteMany({ where: { expiresAt: { lt: now } } })`: the rows of sessions that are over, whatever their IDs are. */
function sweptIn(machine: Machine, name: string, call: OnTable, state: State): Value | undefined {
  const store = REMOVES.test(name) ? storeOf(name, call) : undefined
  if (store === undefined || !machine.hasDatabase(store.id)) return undefined
  return noteTimes(machine, store, call, state).length === 0 ? undefined : tagged(`key:${store.id}`)
}

/** In a container of sessions, what is presented for one is its handle, whatever it is called; and so is the key of a row. */
function isHandleOf(name: string, call: OnTable): (value: Value) => boolean {
  const receiver = storeOf(name, call)
  if (receiver === undefined) return isHandle
  const isOfSessions = isNamedAfterSessions(receiver.name)
  const row = `entry:${receiver.id}:`
  return (value) =>
    isHandle(value) ||
    (isOfSessions && namesRecord(value)) ||
    (value.objects.length === 0 && !hasTag(value, 'clock') && value.tags.some((tag) => tag.startsWith(row)))
}

function useOf(name: string): Use | undefined {
  if (READS.test(name) || CHANGES_FOUND.test(name)) return read
  if (TAKES_OUT.test(name)) return take
  return WRITES.test(name) ? write : REMOVES.test(name) ? remove : undefined
}

/** `createIndex({ seenAt: 1 }, { expireAfterSeconds: 600 })`: the database ends what is older by that field. */
function noteIndex(machine: Machine, call: OnTable, state: State): void {
  const store = storeOf('createIndex', call)
  if (store === undefined || optionOf(call.args[1], 'expireAfterSeconds') === undefined) return
  for (const field of call.args[0]?.objects.flatMap(({ properties }) => [...properties.keys()]) ?? [])
    machine.emit('time-check', call.site, state, { store: store.id, field })
}

/**
 * What the request is let in by, or names in a header or cookie, where something that was made up here was put in there
 * before: it may be that. Where it was found, it is put back.
 */
function credentialIn(machine: Machine, name: string, call: OnTable): Value | undefined {
  const key = keyIn(
    call.args[0],
    (value) => value.objects.length === 0 && (hasTag(value, 'cred') || namesRecord(value)),
  )
  const store = key === undefined ? undefined : storeOf(name, call, key)
  if (store === undefined || !machine.hasDatabase(store.id)) return undefined
  return WRITES.test(name) && !isOfFound(call.args[1], store) ? undefined : key
}

/** What was found in a store, or text or a record that was made of it. */
function isOfFound(value: Value | undefined, { id }: StoreRef): boolean {
  return value !== undefined && hasTag(tagged(...entriesIn([value])), `entry:${id}`)
}

/**
 * What a tool is given, where something that was made up here was put in there before: it may name that. An owner who is
 * asked for beside it counts.
 */
function argumentIn(machine: Machine, name: string, call: OnTable): Value | undefined {
  if (WRITES.test(name)) return undefined
  const key = keyIn(call.args[0], isArgument)
  const store = key === undefined ? undefined : storeOf(name, call, key)
  if (key === undefined || store === undefined || !machine.hasDatabase(store.id)) return undefined
  const owner = keyIn(call.args[0], isOfCaller)
  return owner === undefined ? key : derived(key, owner)
}

/** `prisma.draft.create({ data: { owner } })`: a record that says whose it is gets its key from the database. */
function madeByDatabase(name: string, { args, site: { file, start } }: Call): Value | undefined {
  const data = optionOf(args[0], 'data')
  if (
    name !== 'create' ||
    data === undefined ||
    !/^[\w.]*prisma\b|^[\w.]*\bdb\./i.test(file.text.slice(start, start + 80))
  )
    return undefined
  return keyIn(data, isOfCaller) === undefined ? undefined : tagged('mint')
}

function isArgument(value: Value): boolean {
  return value.objects.length === 0 && hasTag(value, 'body') && isPresentedHandle(value)
}

/** `update({ where: { id }, data: { userId } })`, `updateOne({ sid }, { $set: { userId } })`, `hset(key, 'userId', id)`. */
function noteUpdate(machine: Machine, name: string, call: OnTable, state: State): void {
  const [first, second] = call.args
  const key = keyIn(first, isHandleOf(name, call))
  const store = key === undefined ? undefined : storeOf(name, call, key)
  if (store === undefined) return
  noteTimes(machine, store, call, state)
  const field = second === undefined ? undefined : onlyString(second)
  const written =
    field === undefined
      ? fieldsIn(optionOf(first, 'data') ?? optionOf(second, '$set') ?? second)
      : [[field, call.args[2] ?? UNKNOWN] as const]
  for (const [column, value] of written)
    machine.emit('entry-write', call.site, state, { store: store.id, field: column, value })
}

function fieldsIn(record: Value | undefined): readonly (readonly [string, Value])[] {
  const fields = (record?.objects ?? []).flatMap(({ kind, properties }) => (kind === 'object' ? [...properties] : []))
  return fields.slice(0, MOST_FIELDS).map(([name, { value }]) => [name, value])
}

const MOST_FIELDS = 12

function isHandle(value: Value): boolean {
  if (value.objects.length > 0) return false
  if (hasTag(value, 'mint') || hasTag(value, 'sid')) return !hasTag(value, 'jwt')
  return value.tags.some((tag) => NAMES_SESSION.test(tag)) && isPresentedHandle(value)
}

/**
 * A binding of the environment has a name of its own; else what stands before the method names the container: two modules
 * that say `plugin.sessions` mean the same. What keys begin with tells apart what lies in one container.
 */
function storeOf(name: string, call: OnTable, key?: Value): StoreRef | undefined {
  const receiver = call.container?.name ?? bindingOf(call.self) ?? receiverOf(name, call)
  if (receiver === undefined) return undefined
  const prefix = key === undefined ? undefined : tagsOf(key, 'prefix')[0]?.slice('prefix:'.length).replaceAll(':', '_')
  const id = prefix === undefined ? `unseen#${receiver}` : `unseen#${receiver}#${prefix}`
  return { id, site: call.container?.at ?? call.site, name: receiver, kind: 'database' }
}

function bindingOf(self: Value): string | undefined {
  const [binding, ...others] = tagsOf(self, 'env').filter((tag) => !SAYS_WHERE.test(tag))
  return others.length > 0 ? undefined : binding?.slice('env:'.length)
}

/** Where a database is and who may use it: a client made of that has many containers. */
const SAYS_WHERE =
  /(?:UR[LI]|DSN|HOST|PORT|USER|TOKEN|SECRET|KEY|PASS|PASSWORD|CONN|CONNECTION|CONNECTION_STRING|STRING|NAME|REGION|ENDPOINT|ADDRESS)$/i

function receiverOf(name: string, { site: { file, start, end } }: Call): string | undefined {
  const text = file.text.slice(start, Math.min(end, start + 300))
  const found = new RegExp(
    String.raw`(?:([\w$]+)(?:\(\))?|\(\s*(['"\x60])([\w$.-]{1,60})\2\s*\))[!?]?\.\s*${name}\b`,
  ).exec(text)
  return found?.[1] ?? found?.[3]
}

type Use = (machine: Machine, store: StoreRef, key: Value, call: OnTable, state: State) => Value

const read: Use = (machine, store, key, call, state) => {
  noteLookUp(machine, store, key, call.site, state)
  const stored = machine.databaseCell(store.id).value
  return withTags(new Value([undefined], stored.objects, [], true), foundTags(store, key))
}

const write: Use = (machine, store, key, call, state) => {
  const value = call.args.length > 1 ? call.args[1]! : (optionOf(call.args[0], 'data') ?? call.args[0] ?? UNKNOWN)
  machine.databaseCell(store.id).write(value)
  noteInsert(machine, store, key, value, call.site, state)
  // A document says when it ends, and no database goes by that.
  const given = call.args.slice(isDocument(call) ? 1 : 0).filter(expires)
  const isOfKnown = (state.facts.may.has(`looked:${store.id}`) || isOfFound(value, store)) && !isFresh(key)
  if (given.length > 0) noteTimeToLive(machine, store, { given, site: call.site }, isOfKnown, state)
  return UNKNOWN
}

/** `insertOne({ _id, … })`, or a model's. */
function isDocument({ container, args, site: { file, start, end } }: OnTable): boolean {
  if (container !== undefined) return args.length === 1
  return /\.\s*insert(?:One)?\s*\(/.test(file.text.slice(start, Math.min(end, start + 300)))
}

/** `set(key, value, 'EX', 3600)`, `set(key, value, { ttl: 3600 })` */
function expires(value: Value): boolean {
  if (/^(?:EX|PX|EXAT|PXAT)$/i.test(onlyString(value) ?? '')) return true
  return TIMES.some((name) => {
    const option = optionOf(value, name)
    return option !== undefined && truthiness(option).canBeTrue
  })
}

const remove: Use = (machine, store, key, call, state) => {
  machine.emit('store-remove', call.site, state, { store, key })
  return UNKNOWN
}

const take: Use = (machine, store, key, call, state) => {
  const found = read(machine, store, key, call, state)
  remove(machine, store, key, call, state)
  return found
}

/** Everything in a container that sessions were seen to go into, whatever their keys begin with. */
function listed(machine: Machine, name: string, call: OnTable): Value | undefined {
  const container = storeOf(name, call)
  const ids = container === undefined ? [] : machine.databasesIn(container.id)
  if (ids.length === 0) return undefined
  const key = tagged(...ids.map((id) => `key:${id}`))
  const values = joinAll(ids.map((id) => machine.databaseCell(id).value))
  const entry = withTags(
    values,
    ids.map((id) => `entry:${id}`),
  )
  const list = machine.allocate('array', call.site)
  list.elements.write(name === 'keys' ? key : name === 'values' ? entry : pairOf(machine, key, entry, call))
  list.transient = true
  return object(list)
}

function pairOf(machine: Machine, key: Value, entry: Value, call: Call): Value {
  const pair = machine.allocate('array', call.site)
  pair.property('0').write(key)
  pair.property('1').write(entry)
  return object(pair)
}
