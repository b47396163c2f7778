/** What sessions share: one server for all, a variable of the last caller, state written over across an await. */
import type {
  BroadcastFact,
  CollisionFact,
  SharedServerFact,
  SharedVariableFact,
  StaleWriteFact,
  StoreFact,
} from '../../facts/facts.ts'
import type { Event, EventOf, StoreRef } from '../events.ts'
import type { Node } from '../ast.ts'
import { children, isInside } from '../ast.ts'
import type { Cell, Environment, HeapObject } from '../heap.ts'
import { FunctionObject, InstanceObject, LibraryObject, isWithin } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { OTHER_MODE, fromRequest, requestTags } from '../conditions.ts'
import { isCredentialName } from '../models/requests.ts'
import { asksOnlyWhetherThere, isHeldAgainst } from '../presence.ts'
import { PICKED } from '../properties.ts'
import { namesSession, withFields } from '../shared.ts'
import type { Value } from '../value.ts'
import { hasTag, isDrawn, storesIn } from '../value.ts'
import { distinct, eventsOf, locate, sameSite } from './collect.ts'
import { collectReuses } from './once.ts'
import { collectKeptAnswers } from './kept-answers.ts'
import { byServer } from './server-places.ts'
import { isCatchAll } from './stores.ts'

const SERVING = new Set(['request', 'initialized', 'tool'])

export function collectSharedServers(machine: Machine): readonly SharedServerFact[] {
  const connects = eventsOf(machine, 'connect')
  const servers = connects
    .filter(
      (event) =>
        SERVING.has(event.context.trigger) &&
        outlives(event.server, event) &&
        (event.stores.every((store) => isForAll(machine, event.server, store)) || isOfCaller(machine, event)),
    )
    .map((event) => ({ server: event.server, fact: sharedServer(machine, event, connects) }))
  const transports = eventsOf(machine, 'dispatch')
    .filter(
      (event) => event.how === 'transport' && event.context.trigger === 'request' && !hasTag(event.receiver, 'entry'),
    )
    .flatMap((event) =>
      event.receiver.objects
        .filter(
          (item) =>
            item instanceof LibraryObject &&
            item.type === 'mcp-transport' &&
            item.data['typed'] !== true &&
            item.data['perInstance'] !== true &&
            item.born === 0,
        )
        .map((item): SharedServerFact => ({
          what: 'transport',
          among: 'all',
          created: locate(item.site),
          used: locate(event.site),
        })),
    )
  return [...byServer(servers), ...distinct(transports, ({ created }) => `${created.path}:${created.startLine}`)]
}

function sharedServer(
  machine: Machine,
  event: EventOf<'connect'>,
  connects: readonly EventOf<'connect'>[],
): SharedServerFact {
  const isOneOfTwo = connects.some((other) => isOtherMode(machine, other, event))
  return {
    what: 'server',
    among: isOfCaller(machine, event) ? 'one-caller' : isOneOfTwo ? 'one-mode' : 'all',
    created: locate(event.server.site),
    used: locate(event.site),
  }
}

/** The same request may be served by another server, which is not the same one before it was kept. */
function isOtherMode(machine: Machine, other: EventOf<'connect'>, event: EventOf<'connect'>): boolean {
  return (
    other.context === event.context && !sameSite(other.server.site, event.server.site) && isOfSession(machine, other)
  )
}

/** A server made in a request, or found with its session. */
function isOfSession(machine: Machine, { server, stores }: EventOf<'connect'>): boolean {
  return server.born !== 0 || stores.some((store) => isByCaller(machine, store))
}

/** Start-up has put it there, or the first request that asked for what everybody asks for: whoever comes finds it. */
function isForAll(machine: Machine, server: HeapObject, store: string): boolean {
  if (isByCaller(machine, store)) return false
  const writes = eventsOf(machine, 'store-write').filter((write) => write.store.id === store)
  return server.born === 0 || (writes.length > 0 && writes.every(({ key }) => namesNoClient(key)))
}

/** What the program is made of, or a part of the path that says which of its servers is meant. */
function namesNoClient(key: Value): boolean {
  const asked = requestTags(key)
  if (asked.length === 0) return !fromRequest(key)
  return asked.every((tag) => tag.startsWith('param:') && !MAY_NAME_CLIENT.test(tag))
}

const MAY_NAME_CLIENT = /\*|id$|user|sess|token|key|client|conn|account|tenant|owner|email|hash|handle/i

/** Found by the credential of the caller, and connected to a transport made for this request: one server for all its sessions. */
function isOfCaller(machine: Machine, event: EventOf<'connect'>): boolean {
  const isNew = event.transport.objects.some((item) => item.born === event.context.activation)
  return isNew && !hasTag(event.transport, 'entry') && event.stores.some((store) => isKeyedByCaller(machine, store))
}

/** `servers.get(req.params.name)`: what start-up has put there under a name is found by everybody who uses that. */
function isByCaller(machine: Machine, store: string): boolean {
  const asked = [...eventsOf(machine, 'store-read'), ...eventsOf(machine, 'store-write')]
  return asked.some((event) => event.store.id === store && namesCaller(event.key))
}

function isKeyedByCaller(machine: Machine, store: string): boolean {
  const reads = eventsOf(machine, 'store-read').filter((event) => event.store.id === store)
  const names = (tag: string): boolean => reads.some((event) => hasTag(event.key, tag))
  return names('cred') && !names('sid') && !names('header:mcp-session-id')
}

function outlives(server: HeapObject, event: EventOf<'connect'>): boolean {
  return server.born === 0 || server.born !== event.context.activation
}

export function collectSharedVariables(machine: Machine): readonly SharedVariableFact[] {
  const readsOf = readsByCell(machine)
  const hasClients = servesClients(machine)
  const found = new Set<string>()
  const facts = eventsOf(machine, 'shared-write').flatMap((write): SharedVariableFact[] => {
    const name = write.name.replace(/(\w)#/, '$1.')
    const place = `${write.site.path}:${name}`
    const reads = readsOf.get(write.cell)
    // One place is told of once, however many requests write there.
    if (reads === undefined || found.has(place)) return []
    const holds = heldBy(machine, write)
    if (holds === undefined || (OF_CLIENTS.has(holds) && !hasClients)) return []
    // Made where there is none yet: the next request finds it, and works on.
    const read = reads.find(
      (event) =>
        (holds !== 'session' || (isOfNextMessage(write, event) && isWorkedOn(machine, event))) &&
        (isElsewhere(event, write) ||
          holds === 'session' ||
          (event.ofOthers && (holds === 'page' || isClientOfCaller(write) || isTakenOver(write))) ||
          (holds === 'identity' && isLeftBehind(write, event))) &&
        (holds !== 'flow' || isComingBack(write, event, reads)) &&
        (!OF_OBJECTS.has(holds) || !asksOnly(machine, event)),
    )
    if (read === undefined) return []
    found.add(place)
    return [
      {
        name,
        holds,
        declared: write.cell.site === undefined ? undefined : locate(write.cell.site),
        written: locate(write.site),
        read: locate(read.site),
        leftBehind: holds === 'identity' && reads.some((event) => isLeftBehind(write, event)),
        ...(isOptional(machine, write) ? { optional: true } : {}),
      },
    ]
  })
  const answers = hasClients ? collectKeptAnswers(machine) : []
  return distinct(
    [...facts, ...sharedLogins(machine), ...answers, ...pickedSessions(machine)],
    (fact) => `${fact.written.path}:${fact.name}`,
  )
}

/** That one is there says nothing of anybody; that somebody has logged in does. */
const OF_OBJECTS: ReadonlySet<SharedVariableFact['holds']> = new Set(['transport', 'server', 'response', 'page'])

/** Only where somebody has set what is not set by default, and others are served without it. */
function isOptional(machine: Machine, { context, facts }: Event): boolean {
  const settings = [...facts.must].filter((fact) => fact.startsWith('optional:') || fact.startsWith(OTHER_MODE))
  if (settings.length === 0) return false
  const beside = machine.events.filter((event) => event.context.activation === context.activation)
  return settings.some((fact) => beside.some((event) => event.kind === 'dispatch' && !event.facts.must.has(fact)))
}

/** Not only looked for, nor held against the ID that a client presents. */
function isWorkedOn(machine: Machine, event: Event): boolean {
  const module = machine.modules.get(event.site.path)
  return module === undefined || !(asksOnly(machine, event) || isHeldAgainst(module.program, event.site))
}

function asksOnly(machine: Machine, { site }: Event): boolean {
  const module = machine.modules.get(site.path)
  return module !== undefined && asksOnlyWhetherThere(module.program, site)
}

function readsByCell(machine: Machine): ReadonlyMap<Cell, readonly EventOf<'shared-read'>[]> {
  const reads = new Map<Cell, EventOf<'shared-read'>[]>()
  for (const event of eventsOf(machine, 'shared-read')) {
    if (!SERVING.has(event.context.trigger)) continue
    const known = reads.get(event.cell)
    if (known === undefined) reads.set(event.cell, [event])
    else known.push(event)
  }
  return reads
}

/** Where all that is seen serves one client, nobody else asks for these. */
const OF_CLIENTS: ReadonlySet<SharedVariableFact['holds']> = new Set(['choice', 'page', 'flow'])

/** `add_cluster({ name, user, password })`: what one client logs in elsewhere with, others use by its name. */
function sharedLogins(machine: Machine): readonly SharedVariableFact[] {
  if (!servesClients(machine)) return []
  const uses = eventsOf(machine, 'store-read').filter((event) => isOfTool(event) && !namesCaller(event.key))
  return eventsOf(machine, 'store-write').flatMap((write): SharedVariableFact[] => {
    const { store, site } = write
    if (!isOfTool(write) || store.container?.born !== 0 || namesCaller(write.key) || !bringsLogin(write.value))
      return []
    if (isKeptForCaller(machine, store.container)) return []
    const read = uses.find(
      (event) => event.store.id === store.id && event.context.activation !== write.context.activation,
    )
    if (read === undefined) return []
    const places = { declared: locate(store.site), written: locate(site), read: locate(read.site) }
    const via = write.via === undefined ? {} : { via: locate(write.via) }
    return [{ name: store.name, holds: 'logins', ...places, ...via, leftBehind: false }]
  })
}

/** `[...sessions.values()][0].handleRequest(…)`: a request is served by whichever session is there. */
function pickedSessions(machine: Machine): readonly SharedVariableFact[] {
  const picked = eventsOf(machine, 'dispatch').filter(
    ({ context, how, receiver }) =>
      context.trigger === 'request' && how === 'transport' && receiver.tags.includes(PICKED),
  )
  return picked.flatMap(({ receiver, site }): SharedVariableFact[] => {
    const stores = storesIn(receiver)
    const kept = eventsOf(machine, 'store-write').find((write) => stores.includes(write.store.id))
    if (kept === undefined) return []
    const places = { declared: locate(kept.store.site), written: locate(kept.site), read: locate(site) }
    return [{ name: kept.store.name, holds: 'sessions', ...places, leftBehind: false }]
  })
}

/** `stores.get(sessionId)`: a container that is itself kept under who calls, be it that start-up has made one as well. */
export function isKeptForCaller(machine: Machine, container: HeapObject): boolean {
  const within = eventsOf(machine, 'store-write').filter(({ value }) => value.objects.includes(container))
  return within.some(({ store }) => isByCaller(machine, store.id))
}

/** Over HTTP: whoever talks through a pipe has the program to himself. */
function isOfTool({ context, facts }: Event): boolean {
  if (context.route === undefined) return false
  return context.trigger === 'tool' || (context.trigger === 'request' && facts.must.has('init'))
}

/** Who calls, or by which session, is part of the name. */
export function namesCaller(key: Value): boolean {
  return ['cred', 'principal', 'sid', 'held', 'of-session', 'mint'].some((tag) => hasTag(key, tag)) || namesSession(key)
}

/** A password or key that the body brought, as it is or in what was made of it. */
function bringsLogin({ objects }: Value): boolean {
  return objects.flatMap(withFields).some(({ kind, properties }) => {
    if (kind !== 'object' && kind !== 'instance') return false
    return [...properties].some(
      ([name, { value }]) => isCredentialName(name) && hasTag(value, 'body') && value.objects.length === 0,
    )
  })
}

/** One handler takes all requests: some put their connection in a place where others find it. */
function isTakenOver({ value }: EventOf<'shared-write'>): boolean {
  return value.objects.flatMap(withFields).some((item) => ['response', 'transport'].includes(kindOf(item) ?? ''))
}

/** Made with the credential of whoever came first. */
function isClientOfCaller(write: EventOf<'shared-write'>): boolean {
  return hasTag(write.value, 'speaks-for') || write.value.objects.some((item) => speaksFor(item, write))
}

/** Tools are called by many at once: over HTTP, not over the standard streams of one client. */
function servesClients(machine: Machine): boolean {
  return [...eventsOf(machine, 'dispatch'), ...eventsOf(machine, 'endpoint')].some(
    (event) => event.context.trigger === 'request',
  )
}

/** A credential that one request brought is there for the next, which has brought none and is not asked for any. */
function isLeftBehind(write: EventOf<'shared-write'>, read: EventOf<'shared-read'>): boolean {
  if (!read.ofOthers || !hasTag(write.value, 'cred')) return false
  // What a balance was before is no credential of anybody.
  if (hasTag(write.value, 'counter') || write.value.tags.some((tag) => tag.startsWith('read:'))) return false
  return read.context.trigger === 'request' && !read.facts.must.has('auth')
}

/** Read by another run than the one that wrote it, which has not just set it itself, or later in the same one. */
function isElsewhere(read: EventOf<'shared-read'>, write: EventOf<'shared-write'>): boolean {
  return read.context.activation === write.context.activation ? read.moment > write.moment : read.ofOthers
}

function heldBy(machine: Machine, event: EventOf<'shared-write'>): SharedVariableFact['holds'] | undefined {
  for (const item of [...event.value.objects.flatMap(withFields), ...withinOwn(event)]) {
    const held = item instanceof FunctionObject ? closedOver(item, event) : kindOf(item)
    if (held !== undefined) return held
  }
  if (event.value.objects.some((item) => speaksFor(item, event))) return 'identity'
  if (isOpened(event)) return 'session'
  if (event.value.objects.length > 0) return undefined
  const names = (tag: string): boolean => hasTag(event.value, tag)
  // What counts is nobody, wherever it began.
  if (names('counter')) return undefined
  if (names('cred') || names('principal') || names('speaks-for') || isSessionOfCaller(machine, event.value))
    return 'identity'
  // A header whatever it is called, kept as a key or a token: it is one.
  if (fromRequest(event.value) && isCredentialName(event.name)) return 'identity'
  // How much the server writes down is no state of anybody's.
  if (event.facts.must.has('rpc:logging/setLevel')) return undefined
  if (isOfFlow(event)) return 'flow'
  return event.context.trigger === 'tool' && names('body') ? 'choice' : undefined
}

/** `this.current = session`, where a client has just said `initialize`: a record with an ID that was made for it, or that ID. */
function isOpened({ facts, value, context }: EventOf<'shared-write'>): boolean {
  if (context.trigger !== 'request' || !facts.must.has('init')) return false
  if (value.objects.length === 0) return isDrawn(value) && hasTag(value, 'mint')
  return value.objects.some(
    ({ kind, born, properties }) =>
      (kind === 'object' || kind === 'instance') &&
      born === context.activation &&
      [...properties.values()].some((cell) => isDrawn(cell.value) && hasTag(cell.value, 'mint')),
  )
}

/** Whatever comes after `initialize`, on the same route, goes by what the last one has left. */
function isOfNextMessage({ context }: EventOf<'shared-write'>, read: EventOf<'shared-read'>): boolean {
  const { route } = read.context
  if (!read.ofOthers || read.facts.must.has('init') || route === undefined || context.route === undefined) return false
  return sameSite(route.site, context.route.site)
}

/** The ID of a session, and not what was made here or found in a container that no caller names: the ID of the program itself. */
function isSessionOfCaller(machine: Machine, value: Value): boolean {
  if (!namesSession(value)) return false
  return (
    !hasTag(value, 'mint') ||
    hasTag(value, 'sid') ||
    fromRequest(value) ||
    storesIn(value).some((store) => isByCaller(machine, store))
  )
}

/** Drawn for one login that leads elsewhere and back: by its state, nonce or verifier the answer is known. */
function isOfFlow({ value, name, context }: EventOf<'shared-write'>): boolean {
  return context.trigger !== 'initialized' && isDrawn(value) && /verifier|pkce|nonce|state(?!ment|less)/i.test(name)
}

/** Asked for on another route, and not where it is made: what is made only where there is none yet is made for all. */
function isComingBack(
  write: EventOf<'shared-write'>,
  read: EventOf<'shared-read'>,
  reads: readonly EventOf<'shared-read'>[],
): boolean {
  const { route, activation } = write.context
  const from = read.context.route
  if (read.context.trigger !== 'request' || from === undefined) return false
  if (write.context.trigger === 'request' && (route === undefined || sameSite(route.site, from.site))) return false
  return !reads.some((event) => event.context.activation === activation)
}

/** How deep in what a request leaves behind a server of its own is looked for: `[new Logger(new Sender(server))]`. */
const DEPTH = 4

/** What this request has made and wrapped: records, instances and lists of it, and what those hold. */
function withinOwn({ value, context }: EventOf<'shared-write'>): readonly HeapObject[] {
  const found = new Set<HeapObject>()
  let layer = value.objects
  for (let depth = 0; depth < DEPTH && layer.length > 0; depth += 1) {
    const held = layer.filter((item) => isWrapper(item, context.activation)).flatMap(heldIn)
    layer = held.filter((item) => item.born === context.activation && !found.has(item))
    for (const item of layer) found.add(item)
  }
  return [...found]
}

/** Not what was kept before with one more: that is a table of all of them. */
function isWrapper({ kind, born, origin, copy }: HeapObject, activation: number): boolean {
  if (born === 0 || born !== activation || origin !== undefined || (copy !== undefined && copy.of.born !== activation))
    return false
  return kind === 'object' || kind === 'instance' || kind === 'array'
}

function heldIn({ kind, properties, item }: HeapObject): readonly HeapObject[] {
  const named = [...properties.values()].flatMap(({ value }) => value.objects)
  return kind === 'array' ? [...named, ...item.objects] : named
}

/** Made in this request of what the caller has to prove who they are: a client with their token, a record of them. */
function speaksFor(item: HeapObject, { context }: EventOf<'shared-write'>): boolean {
  if (item.born === 0 || item.born !== context.activation || (item.kind !== 'instance' && item.kind !== 'object'))
    return false
  return [...item.properties.values()].some(
    ({ value }) =>
      value.objects.length === 0 && (hasTag(value, 'cred') || hasTag(value, 'principal')) && !hasTag(value, 'entry'),
  )
}

function kindOf(item: HeapObject): SharedVariableFact['holds'] | undefined {
  const type = item instanceof LibraryObject ? item.type : item instanceof InstanceObject ? item.base?.type : undefined
  if (type === 'mcp-transport') return 'transport'
  if (type === 'mcp-server') return 'server'
  if (type === 'browser-page') return 'page'
  return type === 'response' ? 'response' : undefined
}

/** A function made in this request speaks for whatever of the request it closes over. */
function closedOver(fn: FunctionObject, { context }: EventOf<'shared-write'>): SharedVariableFact['holds'] | undefined {
  if (fn.born === 0 || fn.born !== context.activation) return undefined
  for (let env: Environment | undefined = fn.env; env !== undefined; env = env.parent) {
    for (const cell of env.ownCells()) {
      if (cell.born === 0 || !mentions(fn.node, cell.name)) continue
      const held = cell.value.objects.filter((item) => item.born !== 0).map(kindOf)
      const [first] = held.filter((kind) => kind !== undefined)
      if (first !== undefined) return first
    }
  }
  return undefined
}

function mentions(node: Node, name: string): boolean {
  const pending: Node[] = [node]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.type === 'Identifier' && next['name'] === name) return true
    pending.push(...children(next))
  }
  return false
}

export function collectStaleWrites(machine: Machine, stores: readonly StoreFact[]): readonly StaleWriteFact[] {
  const ids = new Map(stores.map((store) => [store.id, store]))
  const writes = eventsOf(machine, 'stale-write')
  const facts = writes
    .filter((event) => !isOfGauge(event, writes) && !isCountedBack(machine, event) && !isTallied(machine, event, ids))
    .filter(
      ({ store }) =>
        store === undefined || ids.has(store) || (isPerCaller(machine, store) && !isCatchAll(machine, store)),
    )
    .map((event): StaleWriteFact => ({
      name: ids.get(event.target)?.name ?? nameOf(machine, event.target),
      read: event.read === undefined ? undefined : locate(event.read),
      written: locate(event.site),
    }))
  return distinct([...facts, ...collectReuses(machine)], (fact) => `${fact.written.path}:${fact.written.startLine}`)
}

/** As the program calls it: a container by its own name, what is kept in another by that of the part. */
function nameOf(machine: Machine, target: string): string {
  const asked = [...eventsOf(machine, 'store-read'), ...eventsOf(machine, 'store-write')]
  return asked.find(({ store }) => store.id === target)?.store.name ?? target.split(/[.#]/).at(-1) ?? 'state'
}

/** A count of what is under way, up before it and down after it: who passes a check together loses nothing of the other. */
function isOfGauge(event: EventOf<'stale-write'>, writes: readonly EventOf<'stale-write'>[]): boolean {
  const ofOne = writes.filter((other) => other.target === event.target && sharesFunction(event, other))
  const [first] = ofOne.toSorted((a, b) => a.site.start - b.site.start)
  return first?.counts === 'up' && ofOne.some((other) => other.counts === 'down') && event.counts !== undefined
}

/** Counted up at once, before it was looked at, and down again when all is done; or the other way round. */
function isCountedBack({ counted }: Machine, { counts, target }: EventOf<'stale-write'>): boolean {
  return counts !== undefined && counted.has(`${target}:${counts === 'down' ? 'up' : 'down'}`)
}

/** `entry.count++` after an await, where it was looked at before, of whoever comes from an address: no increment is lost. */
function isTallied(
  machine: Machine,
  { tallied, store }: EventOf<'stale-write'>,
  sessions: ReadonlyMap<string, StoreFact>,
): boolean {
  if (store !== undefined || tallied.length === 0) return false
  return !tallied.some((kept) => sessions.has(kept) || isPerCaller(machine, kept))
}

/** In one function, or in one that is written within the other: the callback that gives back what was taken. */
function sharesFunction(a: EventOf<'stale-write'>, b: EventOf<'stale-write'>): boolean {
  if (a.within === b.within) return true
  if (a.within === undefined || b.within === undefined || a.site.path !== b.site.path) return false
  return isInside(a.within, b.within) || isInside(b.within, a.within)
}

/** Kept per session or per caller: the state of one agent, that two of its requests can reach. */
function isPerCaller(machine: Machine, store: string): boolean {
  const seen = [...eventsOf(machine, 'store-read'), ...eventsOf(machine, 'store-write')].filter(
    (event) => event.store.id === store,
  )
  return seen.some((event) => hasTag(event.key, 'sid') || hasTag(event.key, 'cred') || hasTag(event.key, 'principal'))
}

export function collectBroadcasts(machine: Machine, stores: readonly StoreFact[]): readonly BroadcastFact[] {
  const names = new Map(stores.map((store) => [store.id, store.name]))
  return distinct(
    eventsOf(machine, 'send-all')
      .filter((event) => names.has(event.store.id) || (event.reply && isFilledByRequests(machine, event.store)))
      .map((event) => ({
        store: names.get(event.store.id) ?? event.store.name,
        kept: locate(event.store.site),
        at: locate(event.site),
      })),
    (fact) => `${fact.at.path}:${fact.at.startLine}`,
  )
}

function kindOfLibrary(item: HeapObject): string | undefined {
  return item instanceof LibraryObject ? item.type : undefined
}

/** Connections and streams that clients have opened, by whatever ID or none. */
function isFilledByRequests(machine: Machine, store: StoreRef): boolean {
  // `wss.clients`: the server of sockets fills it.
  if (machine.containers.get(store.id)?.item.objects.some((item) => kindOfLibrary(item) === 'socket') === true)
    return true
  return eventsOf(machine, 'store-write').some(
    (event) => event.store.id === store.id && SERVING.has(event.context.trigger) && event.value.objects.length > 0,
  )
}

/**
 * Who waits for an answer is kept for all clients together, under what the message says and nothing else. JSON-RPC asks
 * that the IDs of one client differ; those of two are often the same.
 */
export function collectCollisions(machine: Machine): readonly CollisionFact[] {
  const waits = eventsOf(machine, 'store-write').filter(
    (event) =>
      event.context.trigger === 'request' &&
      (machine.containers.get(event.store.id) ?? event.store.container)?.born === 0 &&
      isChosenByMessage(event.key) &&
      !event.facts.must.has(`absent:${event.store.id}`) &&
      !isOfOneSession(machine, event.store) &&
      (event.value.objects.flatMap(withFields).some((item) => isWaiting(item, event)) ||
        (event.value.objects.flatMap(withFields).some(isConnection) && isFoundByAnswer(machine, event.store))),
  )
  return distinct(
    waits.map((event) => ({
      store: event.store.name,
      kept: locate(event.store.site),
      at: locate(event.site),
    })),
    (fact) => `${fact.at.path}:${fact.at.startLine}`,
  )
}

/** Kept by a transport that nobody here makes, and that tells no sessions apart: each session has one of its own. */
function isOfOneSession(machine: Machine, { site }: StoreRef): boolean {
  const transport = [...machine.transportsLeft].find((of) => isWithin(site, of))
  if (transport === undefined) return false
  const found = [...eventsOf(machine, 'store-read'), ...eventsOf(machine, 'store-write')]
  return !found.some(({ key, store }) => isWithin(store.site, transport) && namesSession(key))
}

/** Taken from the body of the request alone: no session, no caller and no number of our own is part of it. */
function isChosenByMessage({ tags, objects, entropy }: Value): boolean {
  return objects.length === 0 && entropy === undefined && tags.length > 0 && tags.every((tag) => tag === 'body')
}

/** A WebSocket or an open stream, over which other requests come as well. */
function isConnection(item: HeapObject): boolean {
  return item instanceof LibraryObject && (item.type === 'socket' || item.type === 'stream')
}

/** Where a connection is over, or looked after, nobody is answered. */
const ENDING: ReadonlySet<string> = new Set(['disconnect', 'onclose', 'onsessionclosed', 'timer', 'shutdown'])

/** Under what something else says than the requests of clients: whoever is kept waits for its answer. */
function isFoundByAnswer(machine: Machine, { id }: StoreRef): boolean {
  return eventsOf(machine, 'store-read').some(
    ({ store, key, context }) => store.id === id && !ENDING.has(context.trigger) && !fromRequest(key),
  )
}

/** The answer to this very request, or what is called when there is one. */
function isWaiting(item: HeapObject, { context }: EventOf<'store-write'>): boolean {
  if (item instanceof LibraryObject) return item.type === 'response' || item.type === 'settle'
  return item instanceof FunctionObject && item.born === context.activation
}
