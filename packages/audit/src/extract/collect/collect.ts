/** Events → facts. Classifies what happened; judges nothing. */
import type { SecretFact, ServerFacts, UnknownFact } from '../../facts/facts.ts'
import type { Location } from '../../finding/finding.ts'
import { soundBits } from '../entropy.ts'
import type { Event, EventKind, EventOf } from '../events.ts'
import type { Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { CALLER_ASKED } from '../models/requests.ts'
import { collectDispatches, verifiesCredentials } from './dispatches.ts'
import { collectListeners } from './listeners.ts'
import { collectLateBindings, collectLogins } from './logins.ts'
import { collectDenyLists } from './deny-lists.ts'
import { collectKeepsLogins, collectLogouts, collectPasswordChanges } from './logouts.ts'
import { collectAdoptions, collectMadeSecrets, collectMints } from './mints.ts'
import {
  collectBroadcasts,
  collectCollisions,
  collectSharedServers,
  collectSharedVariables,
  collectStaleWrites,
} from './shared.ts'
import { collectStores } from './stores.ts'
import { collectCors, collectEndpoints } from './endpoints.ts'
import { collectDependencies } from './dependencies.ts'
import { collectEventStores } from './event-stores.ts'
import { collectExposures } from './exposures.ts'
import { collectNamePolicies } from './names.ts'
import { collectSockets } from './sockets.ts'
import { collectStreams } from './streams.ts'
import { collectSubscriptions, collectTaskStores } from './subscriptions.ts'
import { collectCookies } from './cookies.ts'
import { collectComparisons, collectSecrets, collectUrlTokens } from './secrets.ts'
import { collectRequestStates } from './request-states.ts'
import { collectStateHandles } from './state-handles.ts'
import { collectAudiences, collectTokens } from './tokens.ts'

export function collectFacts(machine: Machine): ServerFacts {
  const unknowns: UnknownFact[] = []
  const stores = collectStores(machine)
  const endpoints = collectEndpoints(machine)
  const dispatches = collectDispatches(machine, stores)
  const listeners = collectListeners(machine, unknowns)
  const mints = collectMints(machine, stores, unknowns)
  const secrets = collectSecrets(machine)
  const urlTokens = collectUrlTokens(machine, stores)
  const logouts = collectLogouts(machine)
  return {
    hasServerCode: hasServerCode(machine) || secrets.some(isGivenAway) || urlTokens.length + logouts.length > 0,
    servers: [...machine.servers.values()].map(locate),
    listeners,
    stores,
    tokens: collectTokens(machine),
    mints,
    madeSecrets: collectMadeSecrets(machine, mints),
    adoptions: collectAdoptions(machine, stores),
    dispatches,
    endpoints,
    sockets: collectSockets(machine, listeners),
    cors: collectCors(machine),
    urlTokens,
    comparisons: collectComparisons(machine),
    secrets,
    cookies: collectCookies(machine),
    dependencies: collectDependencies(machine),
    audiences: collectAudiences(machine),
    eventStores: collectEventStores(machine),
    exposures: collectExposures(machine, stores),
    namePolicies: collectNamePolicies(machine),
    streams: collectStreams(machine),
    subscriptions: collectSubscriptions(machine),
    taskStores: collectTaskStores(machine),
    lateBindings: collectLateBindings(machine, stores),
    logins: collectLogins(machine, stores),
    logouts,
    denyLists: collectDenyLists(machine),
    passwordChanges: collectPasswordChanges(machine, stores),
    keepsLogins: collectKeepsLogins(machine, stores),
    requestStates: collectRequestStates(machine),
    stateHandles: collectStateHandles(machine),
    sharedServers: collectSharedServers(machine),
    sharedVariables: collectSharedVariables(machine),
    staleWrites: collectStaleWrites(machine, stores),
    broadcasts: collectBroadcasts(machine, stores),
    collisions: collectCollisions(machine),
    carriesSecrets:
      stores.length > 0 ||
      endpoints.length > 0 ||
      verifiesCredentials(machine) ||
      eventsOf(machine, 'transport').length > 0 ||
      machine.servesMcp,
    verifiesCredentials: verifiesCredentials(machine),
    callersAsked: machine.events.some(({ facts }) => facts.may.has(CALLER_ASKED)),
    unknowns,
  }
}

/** What signs or seals by a secret that everybody can read serves somebody, wherever it is used. */
function isGivenAway({ used, source }: SecretFact): boolean {
  return source === 'fallback' || (used && source === 'written')
}

function hasServerCode(machine: Machine): boolean {
  return (
    machine.servesMcp ||
    machine.hasControllers ||
    handlesSecrets(machine) ||
    machine.events.some(
      (event) =>
        event.kind === 'listen' ||
        event.kind === 'rpc' ||
        event.kind === 'dispatch' ||
        event.kind === 'route' ||
        event.kind === 'transport' ||
        event.kind === 'connect' ||
        event.kind === 'cookie' ||
        event.kind === 'comparison' ||
        event.kind === 'web-session' ||
        event.kind === 'session-write' ||
        event.kind === 'password-set' ||
        (event.kind === 'secret-made' && soundBits(event.value.entropy!) === 0),
    )
  )
}

/** Code that makes, keeps or checks credentials and handles has an answer, be it that nothing is wrong with it. */
function handlesSecrets(machine: Machine): boolean {
  return [...machine.modules.values()].some(({ file }) => file.surface === 'runtime' && OF_SECRETS.test(file.text))
}

const OF_SECRETS =
  /\b(?:timingSafeEqual|randomBytes|randomUUID|getRandomValues|createHmac|CryptoHasher|SignJWT|jwtVerify)\b|(?:\bfrom|\brequire\()\s*['"](?:jsonwebtoken|jose|iron-session|express-session|cookie-session|bcrypt(?:js)?|argon2|passport|next-auth|better-auth|lucia)\b|\bset-cookie\b|\bheaders?\b[^\n]{0,40}\bauthorization\b/i

const indexes = new WeakMap<Machine, Map<EventKind, Event[]>>()

/** Events of one kind. The machine has finished: the index is made once. */
export function eventsOf<K extends EventKind>(machine: Machine, kind: K): readonly EventOf<K>[] {
  let index = indexes.get(machine)
  if (index === undefined) {
    index = new Map()
    for (const event of machine.events) {
      const known = index.get(event.kind)
      if (known === undefined) index.set(event.kind, [event])
      else known.push(event)
    }
    indexes.set(machine, index)
  }
  return (index.get(kind) ?? []) as EventOf<K>[]
}

const writesByStore = new WeakMap<Machine, ReadonlyMap<string, readonly EventOf<'store-write'>[]>>()

/** What is put into one container. */
export function writesTo(machine: Machine, store: string): readonly EventOf<'store-write'>[] {
  let index = writesByStore.get(machine)
  if (index === undefined) {
    const built = new Map<string, EventOf<'store-write'>[]>()
    for (const event of eventsOf(machine, 'store-write')) {
      const known = built.get(event.store.id)
      if (known === undefined) built.set(event.store.id, [event])
      else known.push(event)
    }
    index = built
    writesByStore.set(machine, index)
  }
  return index.get(store) ?? []
}

export function locate(site: Site): Location {
  return site.file.locate(site.start, site.end)
}

export function sameSite(a: Site, b: Site): boolean {
  return a.path === b.path && a.start === b.start
}

/** One item per key, the first seen. */
export function distinct<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
  const seen = new Map<string, T>()
  for (const item of items) if (!seen.has(keyOf(item))) seen.set(keyOf(item), item)
  return [...seen.values()]
}

export function siteId(site: Site): string {
  return `${site.path}#${site.start}`
}
