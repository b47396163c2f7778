/** Connections that browsers can be made to open, and whether a page of another origin is refused there. */
import { isSamePlace } from '../../finding/finding.ts'
import type { ListenerFact, SocketFact } from '../../facts/facts.ts'
import type { EventOf } from '../events.ts'
import type { Site } from '../heap.ts'
import { LibraryObject, siteKey } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { BY_MESSAGE, POLLING_CHECKED } from '../messages.ts'
import { stdioSites } from '../models/request-state.ts'
import { LOOSELY, OWN_HOST } from '../origins.ts'
import { isPageKeptOut } from '../state.ts'
import { distinct, eventsOf, locate, sameSite } from './collect.ts'

export function collectSockets(machine: Machine, listeners: readonly ListenerFact[]): readonly SocketFact[] {
  const facts = eventsOf(machine, 'socket')
    .filter((event) => !servesMcp(machine, event))
    .map((event) => socketOf(machine, event, listeners))
  return distinct(
    facts,
    ({ accepted, check, letInBy, does }) => `${accepted.path}:${accepted.startLine}:${check}:${letInBy}:${does}`,
  )
}

/** What is served as MCP is told of as such. */
function servesMcp(machine: Machine, { context }: EventOf<'socket'>): boolean {
  const isHandmade = eventsOf(machine, 'transport').length === 0
  return machine.events.some(
    (other) =>
      other.context.activation === context.activation &&
      (other.kind === 'endpoint' ||
        other.kind === 'transport' ||
        (other.kind === 'rpc' && isHandmade) ||
        (other.kind === 'dispatch' && other.how === 'transport')),
  )
}

function socketOf(machine: Machine, event: EventOf<'socket'>, listeners: readonly ListenerFact[]): SocketFact {
  const { route } = event.context
  const acts = eventsOf(machine, 'message-act').filter((act) => isOfSame(act, event) && !isOnlySentOn(machine, act))
  const act = acts.find(({ direct }) => direct) ?? acts[0]
  return {
    accepted: locate(route?.site ?? event.site),
    server: route?.app === undefined || sameSite(route.app, route.site) ? undefined : locate(route.app),
    at: locate(event.site),
    check: isPageKeptOut(event.facts.must) ? 'always' : event.facts.must.has(OWN_HOST) ? 'own-host' : 'never',
    loosely: event.facts.may.has(LOOSELY),
    pollingChecked: event.facts.may.has(POLLING_CHECKED),
    letInBy: letIn(machine, event),
    does: act === undefined ? (event.handedOn ? 'something' : 'nothing') : act.direct ? 'commands' : 'something',
    act: act === undefined ? undefined : locate(act.site),
    local: isLocal(machine, route?.app, listeners),
    behindUnknown: event.facts.may.has('opaque-middleware'),
  }
}

/** What one page tells another is nobody's harm; what it tells the agent or its tools through a bridge of theirs is. */
function isOnlySentOn(machine: Machine, { relayed }: EventOf<'message-act'>): boolean {
  return relayed === true && stdioSites(machine).length === 0 && !machine.servesMcp
}

function isOfSame(other: EventOf<'message-act'>, event: EventOf<'socket'>): boolean {
  return other.context.activation === event.context.activation
}

function letIn(machine: Machine, event: EventOf<'socket'>): SocketFact['letInBy'] {
  const { must, may } = event.facts
  const isByCookie = may.has('maybe-cookie') || (may.has('asks-cookie') && !must.has('auth'))
  const isAsked = must.has('auth') || may.has('maybe-auth') || may.has('opaque-check')
  if (!isByCookie) return isAsked || provesByMessage(machine, event) ? 'other' : 'nobody'
  if (!staysOnSite(machine, event)) return 'cookie'
  return must.has('auth') ? 'other' : 'nobody'
}

/** Whoever is connected says who it is by what it sends: something is asked of it, or nothing comes of it. */
function provesByMessage(machine: Machine, { context }: EventOf<'socket'>): boolean {
  return machine.events.some(({ context: { activation }, kind, facts: { must, may } }) => {
    if (activation !== context.activation) return false
    if (kind === 'comparison' || kind === 'token-check') return true
    return must.has(BY_MESSAGE) && (may.has('maybe-auth') || may.has('opaque-check'))
  })
}

/** Every cookie that the program sets says that browsers are to send it from its own site alone. */
function staysOnSite(machine: Machine, { facts }: EventOf<'socket'>): boolean {
  if (facts.must.has('auth:own-site')) return true
  const cookies = eventsOf(machine, 'cookie')
  return cookies.length > 0 && cookies.every(({ flags }) => flags.sameSite === 'on')
}

/** Only whoever sits at this machine, and the pages that they look at, can reach it; or it is theirs, as is what it does. */
function isLocal(machine: Machine, app: Site | undefined, listeners: readonly ListenerFact[]): boolean {
  const own = listeners.filter((fact) => standsOn(machine, app).some((site) => isAt(fact, site)))
  const heard = own.length > 0 ? own : listeners
  if (heard.length > 0 && heard.every(({ reach }) => reach === 'loopback')) return true
  return stdioSites(machine).length > 0
}

/** A server of sockets, and what it was given to stand on. */
function standsOn(machine: Machine, app: Site | undefined): readonly Site[] {
  if (app === undefined) return []
  const found = machine.routes.find((item) => siteKey(item.app.site) === siteKey(app))?.app
  const below = [found?.data['server'], found?.data['app']].flatMap((item) =>
    item instanceof LibraryObject ? [item, item.data['app']] : [],
  )
  return [app, ...below.flatMap((item) => (item instanceof LibraryObject ? [item.site] : []))]
}

function isAt({ at, app }: ListenerFact, site: Site): boolean {
  const own = locate(site)
  return [at, app].some((place) => place !== undefined && isSamePlace(place, own))
}
