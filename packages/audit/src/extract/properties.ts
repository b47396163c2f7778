/** Reads and writes of properties: plain objects, containers used as session stores, library objects. */
import { countOf } from './filled-lists.ts'
import { keptByName, noteExecution } from './asked.ts'
import { audienceClaim, isAudienceClaim, noteIssuerAnswers, noteIssuerSaysEnd, tokenAsSent } from './audiences.ts'
import { LET_IN, conditionOf, fromRequest, isFresh, isMove, isPresentedHandle, requestTags } from './conditions.ts'
import { putBack } from './copies.ts'
import { isOwn, noteHandleWrite, unprovenTags } from './handles.ts'
import { claimTag, partOf, presentedState } from './request-state.ts'
import { itemValue } from './literals.ts'
import { invoke } from './invoke.ts'
import { pickEntropy } from './entropy.ts'
import type { StoreRef } from './events.ts'
import type { HeapObject, Site } from './heap.ts'
import { Cell, ClassObject, ExternalObject, FunctionObject, InstanceObject, LibraryObject, storeId } from './heap.ts'
import { notePasswordWrite } from './logouts.ts'
import type { Machine } from './machine.ts'
import { noteKeyMade } from './made-secrets.ts'
import { noteCookieText } from './models/cookies.ts'
import { bodyTag, isCredentialName, namedPart } from './models/requests.ts'
import { numberOfProcess, settingOfMachine } from './models/surroundings.ts'
import { externalValue, libraryProperty, setLibraryProperty } from './models/index.ts'
import {
  inRequest,
  noteEntryRead,
  noteEntryWrite,
  noteFieldRead,
  noteReplaced,
  noteFieldWrite,
  noteRenewed,
  noteSharedRead,
  noteSharedWrite,
  readAt,
  withoutReads,
  withFields,
} from './shared.ts'
import { noteEventLookUp } from './replays.ts'
import { noteTable } from './rpc.ts'
import { noteUrlCredential } from './secrets.ts'
import type { State } from './state.ts'
import { LOOKED_BY, isOwned } from './ownership.ts'
import { PART_OF_ROW, ROW } from './told-apart.ts'
import type { Primitive } from './value.ts'
import { partOfWays } from './ways.ts'
import {
  Value,
  NEVER,
  UNDEFINED,
  UNKNOWN,
  UNSET,
  derived,
  hasTag,
  isCrowd,
  tagsOf,
  join,
  joinAll,
  object,
  storesIn,
  tagged,
  withCondition,
  withTags,
} from './value.ts'

/** The written-down key of an access, or undefined when it is computed. */
export function keyName(key: Value): string | undefined {
  const known = key.primitives.length === 1 && !key.open && key.objects.length === 0
  return known ? String(key.primitives[0]) : undefined
}

export function getProperty(machine: Machine, target: Value, key: Value, site: Site, state: State): Value {
  const name = keyName(key)
  if ((name === 'length' || name === 'byteLength') && target.objects.length === 0)
    return keptByName(lengthOf(target), target)
  const count = name === 'length' || name === 'size' ? countOf(target) : undefined
  if (count !== undefined) return count
  const made = name === 'constructor' ? classOf(target) : undefined
  if (made !== undefined) return made
  // `request.nextUrl`, `event.url`, `ctx.url`: of the address that a request came by.
  if (name === 'searchParams' && target.objects.length === 0 && hasTag(target, 'url'))
    return object(machine.library('bag', site, { origin: 'query' }))
  const presented = presentedState(machine, target, name, site, state)
  if (presented !== undefined) return presented
  if (name === undefined && isOwn(target)) learnOwn(target, state)
  let value: Value = NEVER
  for (const from of target.objects) value = join(value, readFrom(machine, from, name, key, site, state))
  // Which code it is may be told apart later; a text or an origin of some other record may not.
  if (isCrowd(target) && value !== NEVER) value = UNKNOWN.with({ objects: value.objects })
  // What is read of something that is not listed is not known.
  if (value !== NEVER && !value.open && (target.cut === true || (target.open && value.objects.length === 0)))
    value = value.with({ open: true })
  if (target.tags.length > 0)
    value = withTags(value === NEVER ? UNKNOWN : withoutVerdict(value, target), [
      ...stepTags(target.tags, name),
      ...unprovenTags(machine, target, state),
    ])
  if (name !== undefined && isPartOfBody(target)) value = namedInBody(value, name)
  if (name === 'error' && hasTag(target, 'verdict') && !hasTag(target, 'entry')) value = refusal(value, target)
  if (name === undefined && hasTag(key, 'cred')) value = foundByCredential(machine, target, value, key, site, state)
  if (name === undefined && key.tags.includes(ROW)) value = withTags(value === NEVER ? UNKNOWN : value, [PART_OF_ROW])
  value = partOf(target, value, state)
  if (name === undefined && key.entropy !== undefined && target.objects.every(({ kind }) => kind === 'array'))
    return derived(value, key).with({ entropy: pickEntropy(key.entropy) })
  if (target.objects.length === 0 && target.entropy !== undefined && name !== undefined && PLACE.test(name))
    return derived(target).with({ entropy: pickEntropy(target.entropy) })
  if (name === 'length' && target.tags.length > 0) value = keptByName(value === NEVER ? UNKNOWN : value, target)
  if (value === NEVER) return name === 'length' ? UNKNOWN : UNKNOWN.with({})
  const asSent = name === undefined || target.tags.length === 0 ? undefined : tokenAsSent(machine, target, name)
  if (asSent !== undefined) return asSent
  if (name !== undefined && target.tags.length > 0) noteIssuerAnswers(machine, target, name, site, state)
  if (name !== undefined && target.tags.length > 0) noteIssuerSaysEnd(machine, target, name, site, state)
  if (name !== undefined && isAudienceClaim(target, name)) value = audienceClaim(machine, value, site, state)
  if (target.tags.length > 0 && name !== undefined) value = noteFieldRead(machine, target, name, value, site)
  return name === undefined || target.ways === undefined ? value : partOfWays(target, name, value)
}

/** How long a text is says nothing of what it is, but whether there is one. What a session has, it has where it is empty, too. */
function lengthOf(text: Value): Value {
  return text.tags.length === 0 || hasTag(text, 'entry') ? UNKNOWN : withCondition(UNKNOWN, conditionOf(text))
}

/** Of a character in a text. */
const PLACE = /^\d+$/

/** `users[digest(token)]` of a record of settings, of a file, or of the source: who has that credential, or nobody. */
function foundByCredential(machine: Machine, target: Value, value: Value, key: Value, site: Site, state: State): Value {
  const isProven = ['principal', 'verdict', 'decoded', 'excerpt', 'entry'].some((tag) => hasTag(key, tag))
  if (isProven || !fromRequest(key) || !target.objects.every(isRecord)) return value
  noteUrlCredential(machine, key, site, state)
  const found = value === NEVER ? UNKNOWN : value
  const primitives = [...new Set([...found.primitives, undefined])]
  return withTags(found.with({ primitives, open: true }), ['cred', 'verdict'])
}

function isRecord({ kind }: HeapObject): boolean {
  return kind === 'object' || kind === 'external'
}

/** `const { data, error } = await getUser(token)`: whoever gets an error is nobody. */
function refusal(value: Value, target: Value): Value {
  const condition = { whenTrue: [], whenFalse: conditionOf(target).whenTrue }
  return withCondition(remembered(value), condition)
}

function withoutVerdict(value: Value, target: Value): Value {
  return hasTag(target, 'entry') && !hasTag(target, 'verdict') ? remembered(value) : value
}

/** Whoever a session remembers is not thereby the caller. */
function remembered(value: Value): Value {
  return hasTag(value, 'verdict') ? value.with({ tags: value.tags.filter((tag) => tag !== 'verdict') }) : value
}

/** `entry:S` read through `.owner` is `entry:S:owner`, and so with `reply`; every other origin stays what it is. */
export function stepTags(tags: readonly string[], name: string | undefined): readonly string[] {
  const stepped = partsOfBody(tags, name).map((tag) => {
    if (tag === 'reply' && name !== undefined) return `reply:${name}`
    // Arguments of a tool in the body of a request.
    if (tag === 'body' && name !== undefined) return name === 'arguments' ? 'body:arguments' : bodyTag(name)
    if (tag === ROW) return PART_OF_ROW
    if (!tag.startsWith('entry:') || tag.split(':').length > 2) return tag
    return name === undefined ? tag : `${tag}:${name}`
  })
  if (tags.includes('found') && name !== undefined && isStoredSecret(name)) return [...stepped, 'stored']
  return tags.includes('principal') && name !== undefined ? [...stepped, 'claim', claimTag(name)] : stepped
}

/** A part of a body as it was sent, which may be missing: nothing has been made of it. */
function isPartOfBody({ tags, objects, primitives }: Value): boolean {
  const isSent = tags.length > 0 && tags.every((tag) => tag === 'body' || tag === 'body:arguments')
  return isSent && objects.length === 0 && primitives.includes(undefined)
}

/** `message.params.arguments.password`: however deep it lies, its name says what it is. */
function namedInBody(value: Value, name: string): Value {
  const part = value.primitives.length > 0 ? value : value.with({ primitives: [undefined] })
  return isCredentialName(name) ? withTags(part, ['cred']) : part
}

/** `args.key.schemaType`: what has parts under names of their own was no credential, whatever the body calls it. */
function partsOfBody(tags: readonly string[], name: string | undefined): readonly string[] {
  if (name === undefined || !tags.includes('cred') || !tags.includes('body')) return tags
  const isText = name in String.prototype || isCredentialName(name) || name === 'value' || PLACE.test(name)
  return isText || tags.some(isProof) ? tags : tags.filter((tag) => tag !== 'cred')
}

/** Whoever was told by a credential, and one that did not come in a body. */
function isProof(tag: string): boolean {
  return /^(?:principal|claim|verdict|decoded|found|(?:header|cookie|query|param|entry):.*)$/.test(tag)
}

/** What a record calls a secret is one; its digest is none. */
function isStoredSecret(name: string): boolean {
  return isCredentialName(name) && !/hash|digest|name|type|id$|expir|uri|url|method|challenge|count/i.test(name)
}

function readFrom(
  machine: Machine,
  from: HeapObject,
  name: string | undefined,
  key: Value,
  site: Site,
  state: State,
): Value {
  if (from instanceof ExternalObject) return readExternal(machine, from, name, site, state)
  if (from instanceof LibraryObject) return libraryProperty(machine, from, name, key, site, state)
  if (name === undefined) return readDynamic(machine, from, key, site, state)
  if (name === 'prototype' && from instanceof FunctionObject) return object(...from.prototypes)
  const cell = from.properties.get(name)
  const getter = cell === undefined || machine.getters.size === 0 ? undefined : machine.getters.get(cell)
  if (getter !== undefined) return invoke(machine, getter, object(from), [], state)
  if (cell !== undefined) return noteSharedRead(machine, cell, state.read(cell), site, state, from)
  if (from instanceof InstanceObject) {
    const member = readMember(machine, from, from.of, name, state)
    if (member !== undefined) return member
    const base = baseOf(from)
    if (base !== undefined) return libraryProperty(machine, base, name, key, site, state)
  }
  if (from instanceof ClassObject) {
    for (const parent of from.parent.objects) return readFrom(machine, parent, name, key, site, state)
  }
  if (from instanceof FunctionObject || from.kind === 'map' || from.kind === 'set') return UNKNOWN
  if (name === 'length' && from.kind === 'array')
    return from.item === NEVER ? UNKNOWN : withTags(derived(from.item), ['excerpt'])
  if (from.item !== NEVER) return pickedAt(machine, from, name, namedPart(from.item, name))
  if (from.spreads !== undefined) {
    const found = joinAll(from.spreads.map((part) => readFrom(machine, part, name, key, site, state)))
    return from.partial && found === UNDEFINED ? UNKNOWN : found
  }
  return from.partial ? UNKNOWN : UNDEFINED
}

/** `[...sessions.values()][0]`: whichever session is there first. */
function pickedAt(machine: Machine, from: HeapObject, name: string, part: Value): Value {
  return from.kind === 'array' && PLACE.test(name) ? asPicked(machine, from, part) : part
}

/** One of the sessions that outlive the request, found by nothing that the request says. */
export function asPicked(machine: Machine, from: HeapObject, part: Value): Value {
  if (from.born !== 0 && gathered.has(from)) return part
  if (part.objects.length === 0 || part.tags.includes(SIFTED) || !part.objects.some(holdsTransport)) return part
  const of = from.origin ?? from
  const stores = [...storesIn(part).flatMap((id) => machine.containers.get(id) ?? []), of].filter(
    ({ born }) => born === 0,
  )
  return stores.length === 0 ? part : withTags(part, [...stores.map((store) => `entry:${storeId(store)}`), PICKED])
}

const gathered = new WeakSet<HeapObject>()

/** Something is pushed to a list: one of a request holds what was chosen for it, and no longer whatever is there. */
export function noteGathered(list: HeapObject): void {
  gathered.add(list)
}

function holdsTransport(item: HeapObject): boolean {
  return withFields(item).some((inner) => inner instanceof LibraryObject && inner.type === 'mcp-transport')
}

/** Tags of what a list holds that was looked through before, and of what was taken out of one by its place. */
export const SIFTED = 'sifted'
export const PICKED = 'picked'

/** `{ ...req.query }`: the object names nothing of what the request brings, and has it all the same. */
export function takeIn(target: HeapObject, from: HeapObject): void {
  const parts = from instanceof LibraryObject ? (from.type === 'bag' ? [from] : []) : (from.spreads ?? [])
  for (const part of parts)
    if (target.spreads?.includes(part) !== true) target.spreads = [...(target.spreads ?? []), part]
}

/** The library object behind an instance of a class that extends a library's. */
export function baseOf(instance: InstanceObject): LibraryObject | undefined {
  return instance.base
}

function readMember(
  machine: Machine,
  instance: InstanceObject,
  of: ClassObject,
  name: string,
  state: State,
): Value | undefined {
  const member = of.methods.get(name)
  if (member !== undefined) {
    const self = object(instance)
    const fn = new FunctionObject(
      member['value'],
      of.env,
      machine.site(of.env.file, member['value']),
      instance.born,
      self,
      of,
    )
    fn.name = name
    fn.isMethod = true
    return member['kind'] === 'get' ? invoke(machine, fn, self, [], state) : object(fn)
  }
  for (const parent of of.parent.objects) {
    if (parent instanceof ClassObject) return readMember(machine, instance, parent, name, state)
  }
  return undefined
}

function readExternal(
  machine: Machine,
  from: ExternalObject,
  name: string | undefined,
  site: Site,
  state: State,
): Value {
  if (name === undefined) return UNKNOWN
  if (isGlobalObject(from))
    return name in globalThis ? readGlobal(name, site) : readLasting(machine, ownGlobal(machine, name), site, state)
  if (from.path === 'global:process#env') return readEnvironment(machine, name, site, state)
  // What else it holds, its host decides.
  if (from.path === 'global:import.meta' && !/^(?:url|dirname|filename)$/.test(name)) return UNKNOWN
  if (name === 'default' && !from.path.includes('#')) return object(from)
  notePlatformRead(machine, from, name, site, state)
  const path = from.path.includes('#') ? `${from.path}.${name}` : `${from.path}#${name}`
  return numberOfProcess(path, site) ?? object(externalValue(machine, GLOBAL_ALIASES.get(path) ?? path, site))
}

/** What requests put in the place of a function of the platform, `console.log`, the next ones find there. */
function notePlatformRead(machine: Machine, from: ExternalObject, name: string, site: Site, state: State): void {
  if (machine.replaced.size === 0) return
  const cell = machine.replaced.get(`${from.path}#${name}`) ?? machine.replaced.get(`${from.path}#*`)
  if (cell !== undefined) readLasting(machine, cell, site, state)
}

function notePlatformWrite(
  machine: Machine,
  to: ExternalObject,
  name: string | undefined,
  value: Value,
  site: Site,
  state: State,
): void {
  if (!inRequest(machine) || !value.objects.some(({ kind }) => kind === 'function')) return
  const path = `${to.path}#${name ?? '*'}`
  const cell = machine.replaced.get(path) ?? new Cell(`${nameOf(to)}.${name ?? '*'}`, 0)
  machine.replaced.set(path, cell)
  setLasting(machine, cell, value, site, state)
}

function nameOf({ path }: ExternalObject): string {
  return path.slice('global:'.length).replace('#', '.')
}

function readLasting(machine: Machine, cell: Cell, site: Site, state: State): Value {
  return noteSharedRead(machine, cell, state.read(cell), site, state)
}

/** The class of an instance is known wherever the instance comes from. */
function classOf({ objects }: Value): Value | undefined {
  const classes = objects.flatMap((item) => (item instanceof InstanceObject ? [item.of] : []))
  return classes.length > 0 && classes.length === objects.length ? object(...new Set(classes)) : undefined
}

/** As it was set from outside, whatever a request may have made of it. */
function readEnvironment(machine: Machine, name: string, site: Site, state: State): Value {
  const value = settingOfMachine(name, environment(machine, name), site)
  return noteSharedRead(machine, machine.databaseCell(`process.env#${name}`), value, site, state)
}

/** `globalThis.sessions`, `global.sessions`: a variable of the whole process. */
function isGlobalObject(from: HeapObject): boolean {
  return from instanceof ExternalObject && (from.path === 'global:globalThis' || from.path === 'global:global')
}

/** Not there until something is put there. */
function ownGlobal(machine: Machine, name: string): Cell {
  const cell = machine.databaseCell(`globalThis#${name}`)
  if (cell.value === NEVER) cell.write(UNDEFINED.with({ open: true }))
  return cell
}

const GLOBAL_ALIASES = new Map([
  ['global:globalThis#crypto', 'node:crypto'],
  ['node:crypto#webcrypto', 'node:crypto'],
  ['global:globalThis#document', 'global:document'],
  ['global:window#document', 'global:document'],
  ['global:window#crypto', 'node:crypto'],
  ['global:self#crypto', 'node:crypto'],
  ['node:process#env', 'global:process#env'],
  ['global:Bun#env', 'global:process#env'],
])

/** A setting from outside: unset under the default configuration, unless start-up insists on it. */
function environment(machine: Machine, name: string): Value {
  const tag = `env:${name}`
  return machine.requiredEnv.has(tag)
    ? tagged(tag)
    : new Value([undefined], [], isMissing(machine, name) ? [tag, UNSET] : [tag], true)
}

/** What the program runs as is always said. */
function isMissing(machine: Machine, name: string): boolean {
  return machine.settings === 'unset' && name !== 'NODE_ENV'
}

export function storeRef(from: HeapObject): StoreRef {
  const origin = from.origin ?? from
  const kind = origin.kind === 'map' || origin.kind === 'set' || origin.kind === 'array' ? origin.kind : 'record'
  return { id: storeId(origin), site: origin.site, name: origin.name ?? 'sessions', kind, container: origin }
}

function readDynamic(machine: Machine, from: HeapObject, key: Value, site: Site, state: State): Value {
  if (from instanceof FunctionObject || from instanceof ClassObject) return UNKNOWN
  const item = from.item === NEVER && from.properties.size > 0 ? NEVER : lookUp(machine, from, key, site, state)
  let value = item
  for (const cell of from.properties.values()) value = join(value, cell.value)
  if (hasTag(key, 'body') && value.objects.some(isCode)) noteExecution(machine, site, state)
  noteTable(machine, from.properties.keys(), key, site, state)
  // `sessions[sessions.length - 1]`: the one that came last.
  return from.kind === 'array' && key.tags.includes('excerpt') && !fromRequest(key)
    ? asPicked(machine, from, value)
    : value
}

/** A function, or a record that has one. */
function isCode(item: HeapObject): boolean {
  if (item instanceof FunctionObject) return true
  return [...item.properties.values()].some(({ value }) =>
    value.objects.some((inner) => inner instanceof FunctionObject),
  )
}

/** A look-up in a container. Looking one up by a handle from the request leaves its owner unproven. */
export function lookUp(machine: Machine, from: HeapObject, key: Value, site: Site, state: State): Value {
  const store = storeRef(from)
  noteUrlCredential(machine, key, site, state)
  noteEventLookUp(machine, key, store.id, false)
  noteLookUp(machine, store, key, site, state)
  const value = itemValue(machine, from)
  noteEntryRead(machine, from, key, value, site, state)
  if (hasTag(key, 'body') && value.objects.some(isCode)) noteExecution(machine, site, state)
  noteTable(machine, from.key.primitives, key, site, state)
  const found = namesSession(key) ? remembered(value) : value
  const name = keyName(key)
  const certain = readAt(machine, from.item === NEVER ? UNKNOWN : found, store.id, site)
  return withTags(
    (name === undefined ? certain : namedPart(certain, name)).with({
      primitives: [...certain.primitives.filter((item) => item !== undefined), undefined] as Primitive[],
      open: true,
    }),
    [...foundTags(store, key), ...(isFresh(key) ? ['new'] : [])],
  )
}

/** What is known of an entry by how it was found: by a handle that the client presented, by a credential. */
export function foundTags(store: StoreRef, key: Value): readonly string[] {
  return [
    `entry:${store.id}`,
    ...(namesSession(key) ? ['held'] : []),
    ...(hasTag(key, 'cred') || isOffered(key) ? ['cred', 'verdict'] : []),
    ...(isOffered(key) ? [LET_IN] : []),
    ...(hasTag(key, 'sid') && !fromRequest(key) ? ['of-session'] : []),
    ...(isWritten(key) ? ['fixed'] : []),
  ]
}

/** A credential in the body or query of this very request: whoever it finds logs in by it. */
function isOffered(key: Value): boolean {
  const isSecret = hasTag(key, 'cred') || tagsOf(key, 'prefix').some((tag) => OF_CODES.test(tag))
  return isSecret && (hasTag(key, 'body') || hasTag(key, 'query')) && !hasTag(key, 'entry')
}

/** `otp:${email}:${code}`: what was sent to somebody to log in with. */
const OF_CODES = /^prefix:(?:\w{1,20}[:_-])?(?:otp|passcode|magic(?:-?link)?|login-?code|one-?time|2fa|mfa)\b/i

/** A key that stands in the source: what is kept under it is the same for everybody. */
function isWritten({ primitives, objects, tags, open }: Value): boolean {
  return primitives.length > 0 && objects.length === 0 && tags.length === 0 && !open
}

/** The handle that came with a request, or what was found by it: what is kept under either is of that session. */
function namesSession(key: Value): boolean {
  return isPresentedHandle(key) || hasTag(key, 'held')
}

/** Containers that were found by the caller hold nothing of others. */
export function learnOwn(found: Value, state: State): void {
  state.learn(found.objects.map((item) => `cleared:${storeId(item.origin ?? item)}`))
}

export function noteLookUp(machine: Machine, store: StoreRef, key: Value, site: Site, state: State): void {
  machine.emit('store-read', site, state, { store, key })
  // Found by what a message answers, the entry is the one that it is for.
  if (hasTag(key, 'reply')) state.learn(['addressed'])
  if (!isPresentedHandle(key)) return
  for (const tag of requestTags(key)) {
    machine.handleTags.add(tag)
    state.note(LOOKED_BY + tag)
  }
  state.note('looked')
  state.note(`looked:${store.id}`)
  // Another store has found the caller's own session under this very handle.
  if (!isOwned(state.facts, requestTags(key)) && !state.holds(`cleared:${store.id}`)) state.note(`unbound:${store.id}`)
}

export function setProperty(
  machine: Machine,
  target: Value,
  key: Value,
  value: Value,
  site: Site,
  state: State,
  mode: 'write' | 'delete' = 'write',
): void {
  const name = keyName(key)
  noteHandleWrite(machine, target, site, state)
  for (const [at, to] of target.objects.entries())
    writeTo(machine, to, { name, key, value, mode, isTold: at < MOST_TOLD }, site, state)
  if (name !== undefined) noteRenewed(machine, target, name, value, site, state)
  if (name === undefined || target.tags.length === 0) return
  noteFieldWrite(machine, target, name, value, site, state)
  notePasswordWrite(machine, target, name, value, site, state)
}

/** Of a crowd that start-up has made, such as all counters of a program, it is told of these what is written to them. */
const MOST_TOLD = 8

interface PropertyWrite {
  readonly name: string | undefined
  readonly key: Value
  readonly value: Value
  readonly mode: 'write' | 'delete'
  /** Not one of very many that this may be. */
  readonly isTold: boolean
}

function writeTo(machine: Machine, to: HeapObject, write: PropertyWrite, site: Site, state: State): void {
  const { name, key, value, mode, isTold } = write
  if (isGlobalObject(to)) {
    if (name !== undefined) setLasting(machine, ownGlobal(machine, name), value, site, state)
    return
  }
  if (to instanceof ExternalObject && to.path === 'global:process#env' && name !== undefined)
    return noteSharedWrite(machine, machine.databaseCell(`process.env#${name}`), value, site, state)
  if (to instanceof LibraryObject) return setLibraryProperty(machine, to, name, value, site, state)
  if (to instanceof ExternalObject && `${to.path}.${name}` === 'global:document.cookie')
    noteCookieText(machine, value, site, state, 'script')
  if (to instanceof ExternalObject && to.path.startsWith('global:'))
    return notePlatformWrite(machine, to, name, value, site, state)
  const base = to instanceof InstanceObject ? baseOf(to) : undefined
  if (base !== undefined && name !== undefined) setLibraryProperty(machine, base, name, value, site, state)
  if (name === undefined) {
    const isRemoval =
      mode === 'delete' ||
      (value.primitives.length > 0 &&
        value.objects.length === 0 &&
        !value.open &&
        value.primitives.every((item) => item === undefined || item === null))
    // `for (const [variable, name] of …) config[name] = process.env[variable]`
    if (to.kind === 'object' && machine.context.activation === 0 && value.open && value.objects.length === 0)
      leaveOpen(to)
    return isRemoval ? remove(machine, to, key, site, state) : insert(machine, to, key, value, site, state)
  }
  if (mode === 'delete') return leaveOut(to, name, state)
  if (to instanceof InstanceObject && callSetter(machine, to, name, value, state)) return
  const cell = to.property(name)
  for (const inner of value.objects) nameTimer(inner, name)
  noteSharedWrite(machine, cell, value, site, state, to, isTold)
  const stored = withoutReads(putBack(machine, state.read(cell), value, site, state), name)
  const before = cell.value
  // Whoever goes through the list meets it as one of its items.
  if (to.kind === 'array' && PLACE.test(name)) to.elements.write(stored)
  if (to.kind === 'instance' || to.kind === 'object') state.write(cell, stored)
  else cell.write(stored)
  if (to.kind === 'instance' && cell.value !== before) machine.instanceNews += 1
}

/** What was spread into it, and is taken out by its name, is not there any more. */
function leaveOut(to: HeapObject, name: string, state: State): void {
  if (to.spreads !== undefined) state.write(to.property(name), UNDEFINED)
}

/** `{ ...defaults, ...loaded }`: an empty default is there to be filled by what was loaded. */
export function leaveOpen(to: HeapObject): void {
  for (const [name, cell] of to.properties) {
    const { primitives, objects, open } = cell.value
    const isEmpty = primitives.every((item) => item === '' || item === undefined || item === null)
    if (isEmpty && objects.length === 0 && !open) cell.write(tagged(`opt:${name}`))
  }
}

function setLasting(machine: Machine, cell: Cell, value: Value, site: Site, state: State): void {
  noteSharedWrite(machine, cell, value, site, state)
  cell.write(value)
}

/** `set name(value)` of the class or one that it extends. */
function callSetter(machine: Machine, to: InstanceObject, name: string, value: Value, state: State): boolean {
  if (to.properties.has(name)) return false
  const setter = readMember(machine, to, to.of, `set ${name}`, state)
  for (const target of setter?.objects ?? []) {
    if (target instanceof FunctionObject) invoke(machine, target, object(to), [value], state)
  }
  return setter !== undefined
}

/** A container made by this very request, for itself: no session outlives it, nor does a timer find it later. */
function isPassing({ context: { activation, trigger } }: Machine, container: HeapObject): boolean {
  const { origin = container } = container
  return origin.born !== 0 && origin.born === activation && !origin.retained && trigger !== 'timer'
}

/** Objects are called after what first holds them; timers remember the field, which tells what renews them. */
function nameTimer(inner: HeapObject, name: string): void {
  if (!name.startsWith('store:')) inner.name ??= name
  if (inner instanceof LibraryObject && inner.type === 'timer') inner.data['field'] ??= name
}

export function insert(machine: Machine, to: HeapObject, key: Value, value: Value, site: Site, state: State): void {
  for (const inner of value.objects) nameTimer(inner, `store:${storeId(to)}`)
  to.elements.write(value)
  to.keys.write(key)
  const store = storeRef(to)
  if (!isPassing(machine, to)) noteInsert(machine, store, key, value, site, state)
  noteEntryWrite(machine, to, key, value, site, state)
}

/** A session, or whatever else, has been put into a container, ours or one that we do not see. */
export function noteInsert(
  machine: Machine,
  store: StoreRef,
  key: Value,
  value: Value,
  site: Site,
  state: State,
): void {
  machine.noteKind(store.id, key.tags)
  machine.emit('store-write', site, state, { store, key, value })
  noteKeyMade(machine, store.name, key, site, state)
  noteReplaced(machine, store.id, key, value, site, state)
  if (isMove(store.id, key, value)) state.learn([`renewed:${store.id}`])
}

export function remove(machine: Machine, from: HeapObject, key: Value, site: Site, state: State): void {
  if (isPassing(machine, from)) return
  const store = storeRef(from)
  machine.emit('store-remove', site, state, { store, key })
  // A session whose time is over is gone from here on, as if it had not been found.
  if (state.holds(`expired:${store.id}`)) state.learn([`absent:${store.id}`])
}

/** Names the language or the platform provides. */
export function readGlobal(name: string, site: Site): Value {
  if (name === 'crypto') return object(new ExternalObject('node:crypto', site))
  if (name === 'NaN' || name === 'Infinity') return UNKNOWN
  return object(new ExternalObject(`global:${name}`, site))
}
