/** Where the server listens, and whether it insists on TLS. */
import { isSamePlace } from '../../finding/finding.ts'
import type { ListenerFact, Reach, UnknownFact } from '../../facts/facts.ts'
import type { Event, EventOf } from '../events.ts'
import type { Site } from '../heap.ts'
import { siteKey } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { Value } from '../value.ts'
import { CUT, hasTag, strings } from '../value.ts'
import { distinct, eventsOf, locate } from './collect.ts'

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|::1|\[::1\]|ip6-localhost)$/i

export function collectListeners(machine: Machine, unknowns: UnknownFact[]): readonly ListenerFact[] {
  const events = eventsOf(machine, 'listen')
  const enforces = enforcing(machine)
  const secret = secretPackages(machine)
  const plain = plainApps(machine, events)
  const codes = appsOfCodes(machine)
  const seen = events.map((event): ListenerFact => ({
    ...listenerOf(machine, event, enforces, secret, plain),
    takesCodes: event.app !== undefined && codes.has(keyOf(event.app)),
  }))
  const facts = seen.map((fact) => (staysAtHome(fact, seen) ? { ...fact, reach: 'loopback' as const } : fact))
  const merged = distinct(
    facts,
    (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.at.startColumn}:${fact.reach}:${fact.tls}`,
  )
  const strongest = merged.filter(
    (fact) =>
      fact.reach === 'network' ||
      !merged.some((other) => other !== fact && isSamePlace(other.at, fact.at) && other.reach === 'network'),
  )
  for (const fact of strongest) {
    if (fact.reach === 'unknown')
      unknowns.push({
        about: 'listener',
        reason: 'The address it listens on could not be followed to its value.',
        at: fact.at,
      })
  }
  return strongest
}

/** One call with TLS and without it, at addresses of which one is loopback: the plain one is at that. */
function staysAtHome(fact: ListenerFact, all: readonly ListenerFact[]): boolean {
  if (fact.tls || !fact.hosts.some((host) => LOOPBACK.test(host))) return false
  return all.some((other) => other.tls && isSamePlace(other.at, fact.at))
}

/** Packages whose requests carry sessions or credentials, or that serve MCP: by code of their own, or of another package. */
function secretPackages(machine: Machine): ReadonlySet<string> {
  const places = machine.events.filter(isTelling).flatMap(({ site, context }) => [site, context.route?.app ?? site])
  return new Set(places.map(({ path }) => packageOf(machine, path)))
}

/** A session or a credential travels here. */
function isTelling(event: Event): boolean {
  if (SECRET_EVENTS.has(event.kind)) return event.kind !== 'dispatch' || event.how === 'transport'
  return event.context.trigger === 'request' && event.facts.may.has('maybe-auth')
}

/** Apps that listen for something else, such as probes and metrics, beside the one that sessions enter by. */
function plainApps(machine: Machine, listens: readonly EventOf<'listen'>[]): ReadonlySet<Site> {
  const secret = new Set(machine.events.filter(isTelling).map((event) => keyOf(event.context.route?.app)))
  const served = new Set(eventsOf(machine, 'served').map((event) => keyOf(event.route.app)))
  const apps = listens.flatMap(({ app }) => app ?? [])
  if (!apps.some((app) => secret.has(keyOf(app)))) return new Set()
  return new Set(apps.filter((app) => served.has(keyOf(app)) && !secret.has(keyOf(app))))
}

/** What answers a redirect with an authorization code, such as the helper that waits for a login to be over. */
function appsOfCodes(machine: Machine): ReadonlySet<string> {
  const reads = eventsOf(machine, 'query-read').filter(({ name, context }) => name === 'code' && context.route?.app)
  return new Set(reads.map(({ context }) => keyOf(context.route?.app)))
}

function keyOf(site: Site | undefined): string {
  return site === undefined ? '' : siteKey(site)
}

const SECRET_EVENTS = new Set(['dispatch', 'transport', 'connect', 'rpc', 'web-session', 'mint'])

function packageOf(machine: Machine, path: string): string {
  return machine.tree.packageOf(path)?.dir ?? ''
}

function listenerOf(
  machine: Machine,
  event: EventOf<'listen'>,
  enforces: (app: Site | undefined) => boolean,
  secret: ReadonlySet<string>,
  plain: ReadonlySet<Site>,
): Omit<ListenerFact, 'takesCodes'> {
  const { reach, hosts, byDefault } = reachOf(
    machine.defaultHosts.get(siteKey(event.site)) ?? event.host,
    event.defaultHost,
  )
  return {
    at: locate(event.site),
    app: event.app === undefined ? undefined : locate(event.app),
    reach,
    hosts,
    byDefault,
    tls: event.tls,
    tlsEnforced: enforces(event.app) || event.facts.must.has('tls'),
    what: event.what,
    carriesSecrets:
      (event.app === undefined || !plain.has(event.app)) &&
      (secret.size === 0 || secret.has(packageOf(machine, event.site.path))),
  }
}

function reachOf(
  host: Value | undefined,
  defaultHost: string,
): { reach: Reach; hosts: readonly string[]; byDefault: boolean } {
  const hosts = host === undefined ? [] : strings(host).filter((item) => item !== '')
  if (hosts.some((item) => !LOOPBACK.test(item))) return { reach: 'network', hosts, byDefault: false }
  if (host !== undefined && hasTag(host, CUT)) return { reach: 'unknown', hosts, byDefault: false }
  if (hosts.length > 0) return { reach: 'loopback', hosts, byDefault: false }
  const mayBeAbsent =
    host === undefined || host.primitives.some((item) => item === undefined || item === null || item === '')
  if (!mayBeAbsent) return { reach: 'unknown', hosts, byDefault: false }
  return { reach: LOOPBACK.test(defaultHost) ? 'loopback' : 'network', hosts, byDefault: true }
}

/** Whether every request that reaches a session or a handler has been seen to come over TLS: of an app, as far as known. */
function enforcing(machine: Machine): (app: Site | undefined) => boolean {
  const served = machine.events.filter(
    (event) =>
      (event.kind === 'dispatch' ||
        event.kind === 'transport' ||
        event.kind === 'endpoint' ||
        event.kind === 'served') &&
      event.context.trigger === 'request',
  )
  return (app) => {
    const own = served.filter(({ context }) => app !== undefined && keyOf(context.route?.app) === keyOf(app))
    const all = own.length > 0 ? own : served
    const sessions = all.filter((event) => event.kind !== 'served')
    const judged = sessions.length > 0 ? sessions : all
    return judged.length > 0 && judged.every((event) => event.facts.must.has('tls'))
  }
}
