/** Where MCP is served over HTTP, and whether a page of another origin is refused there. */
import type { CorsFact, EndpointFact } from '../../facts/facts.ts'
import type { EventOf } from '../events.ts'
import type { HeapObject, Site } from '../heap.ts'
import { InstanceObject, LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { LOOSELY } from '../origins.ts'
import { isPageKeptOut } from '../state.ts'
import { hasTag } from '../value.ts'
import { distinct, eventsOf, locate } from './collect.ts'
import { authenticationOf } from './dispatches.ts'

export function collectEndpoints(machine: Machine): readonly EndpointFact[] {
  const dispatches = eventsOf(machine, 'dispatch').filter(
    (event) => event.how === 'transport' && event.context.trigger === 'request',
  )
  const facts = [
    ...dispatches.map((event) => endpointOf(event, transportsCheck(machine, event), vainCheck(machine, event))),
    ...eventsOf(machine, 'endpoint').map((event) => endpointOf(event, event.check)),
  ]
  return distinct(
    facts.length > 0 ? facts : handmade(machine),
    (fact) =>
      `${fact.at.path}:${fact.at.startLine}:${fact.at.startColumn}:${fact.route?.startLine}:${fact.check}:${fact.authenticated}:${fact.byCookie}`,
  )
}

/**
 * Without a transport of any library, MCP is served where messages are told apart. Where requests were followed to such a
 * place, code that none was seen to reach says nothing: what they pass on the way to it is not known.
 */
function handmade(machine: Machine): readonly EndpointFact[] {
  if (eventsOf(machine, 'transport').length > 0) return []
  const told = eventsOf(machine, 'rpc').filter((event) => event.context.trigger === 'request')
  const events = told.length > 0 ? told : onItsSessions(machine)
  const reached = events.filter((event) => event.context.route !== undefined)
  return (reached.length > 0 ? reached : events).map((event) => endpointOf(event, 'never'))
}

/** Where sessions are kept under the header of the protocol, MCP is served, whoever tells its messages apart. */
function onItsSessions(machine: Machine): readonly EventOf<'store-read' | 'store-write'>[] {
  return [...eventsOf(machine, 'store-read'), ...eventsOf(machine, 'store-write')].filter(
    ({ context, key }) => context.trigger === 'request' && hasTag(key, 'header:mcp-session-id'),
  )
}

function endpointOf(
  event: EventOf<'dispatch' | 'endpoint' | 'rpc' | 'store-read' | 'store-write'>,
  own: EndpointFact['check'],
  vain?: Site,
): EndpointFact {
  const { route } = event.context
  return {
    at: locate(event.site),
    app: route?.app === undefined ? undefined : locate(route.app),
    route: route === undefined ? undefined : locate(route.site),
    check: isPageKeptOut(event.facts.must) ? 'always' : own,
    ...(vain === undefined ? {} : { vain: locate(vain) }),
    loosely: event.facts.may.has(LOOSELY),
    authenticated: authenticationOf(event),
    byCookie: event.facts.may.has('maybe-cookie'),
    behindUnknown: event.facts.may.has('opaque-middleware'),
  }
}

/** Where the options of a transport that may serve here ask for a check and give it nothing to check by. */
function vainCheck(machine: Machine, event: EventOf<'dispatch'>): Site | undefined {
  const made = eventsOf(machine, 'transport').map(({ object }) => object)
  return [...event.receiver.objects, ...made].map((item) => dataOf(item, 'vain') as Site | undefined).find(Boolean)
}

/** What the options say of every transport that may serve here; where its making was not seen, of every transport there is. */
function transportsCheck(machine: Machine, event: EventOf<'dispatch'>): EndpointFact['check'] {
  const own = event.receiver.objects.flatMap(checkOf)
  const checks = own.length > 0 ? own : eventsOf(machine, 'transport').flatMap(({ object }) => checkOf(object))
  if (checks.every((check) => check === 'never')) return 'never'
  return checks.every((check) => check === 'always') ? 'always' : 'optional'
}

function checkOf(item: HeapObject): readonly EndpointFact['check'][] {
  const check = dataOf(item, 'check')
  return check === undefined ? [] : [check as EndpointFact['check']]
}

function dataOf(item: HeapObject, name: string): unknown {
  const base = item instanceof InstanceObject ? item.base : item
  return base instanceof LibraryObject ? base.data[name] : undefined
}

export function collectCors(machine: Machine): readonly CorsFact[] {
  const facts = eventsOf(machine, 'cors').map((event): CorsFact => {
    const byHand = event.facts.may.has('cors-credentials') || laterCredentials(machine, event)
    const written = event.written === undefined ? {} : { written: locate(event.written) }
    return { at: locate(event.site), allows: event.allows, credentials: event.credentials || byHand, ...written }
  })
  return distinct(facts, (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.allows}:${fact.credentials}`)
}

/** The header that lets cookies through was set after this one, for the same request. */
function laterCredentials(machine: Machine, event: EventOf<'cors'>): boolean {
  if (event.allows !== 'reflected' || event.context.trigger !== 'request') return false
  return machine.events.some(
    (other) =>
      other.context === event.context &&
      other.facts.may.has('cors-credentials') &&
      other.facts.may.has('cors-reflected'),
  )
}
