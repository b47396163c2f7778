/** Logouts that take the cookie back and leave what it names or proves in force. */
import type { LogoutFact, PasswordChangeFact, StoreFact } from '../../facts/facts.ts'
import type { EventOf } from '../events.ts'
import { isLogout } from '../logouts.ts'
import type { Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { keepsLogins } from '../password-changes.ts'
import { distinct, eventsOf, locate } from './collect.ts'

export function collectLogouts(machine: Machine): readonly LogoutFact[] {
  const kept = new Map(
    eventsOf(machine, 'cookie').flatMap((event) => event.names.map((name) => [name, event] as const)),
  )
  const facts = eventsOf(machine, 'cookie-cleared').flatMap((event): LogoutFact[] => {
    const name = event.cookies.find((cookie) => kept.has(cookie))
    if (name === undefined || !isAtLogout(event)) return []
    return [{ at: locate(event.site), cookie: name, set: locate(kept.get(name)!.site), ends: hasEnded(machine, event) }]
  })
  return distinct(facts, ({ at, ends }) => `${at.path}:${at.startLine}:${at.startColumn}:${ends}`)
}

function isAtLogout({ context: { route }, facts }: EventOf<'cookie-cleared'>): boolean {
  const paths = [...facts.must].flatMap((fact) => /^path:(?:is|starts):(.+)$/.exec(fact)?.[1] ?? [])
  // A module that is a route says by its own path what it serves.
  const own = route === undefined ? [] : [route.path === '*' ? route.site.path : route.path]
  return [...paths, ...own].some(isLogout)
}

/** Something was taken out, marked, or asked of code that cannot be seen, while the request was served. */
function hasEnded(machine: Machine, { context }: EventOf<'cookie-cleared'>): boolean {
  if (machine.mayHaveEnded.has(context.activation)) return true
  return machine.events.some((event) => ENDING.has(event.kind) && event.context.activation === context.activation)
}

const ENDING: ReadonlySet<string> = new Set(['store-remove', 'store-write', 'entry-write', 'entry-close'])

/** New passwords of users, and whether that ends the sessions that were opened with the old ones. */
export function collectPasswordChanges(machine: Machine, stores: readonly StoreFact[]): readonly PasswordChangeFact[] {
  const ids = new Set(stores.map(({ id }) => id))
  const set = eventsOf(machine, 'password-set').filter(({ store }) => store === undefined || !ids.has(store))
  // A field that is written and a record that is saved are one change.
  const changes = [...new Map(set.toReversed().map((event) => [event.context.activation, event])).values()].toReversed()
  const facts = changes.map((event) => ({
    at: locate(event.site),
    asked: event.via === undefined || isWithin(event.site, event.via) ? undefined : locate(event.via),
    ends: touchesSessions(machine, event, ids),
  }))
  return distinct(facts, ({ at, ends }) => `${at.path}:${at.startLine}:${ends}`)
}

function isWithin(inner: Site, outer: Site): boolean {
  return inner.path === outer.path && outer.start <= inner.start && inner.end <= outer.end
}

/** Something is done about sessions while the request is served: they are ended, marked as old, or opened anew. */
function touchesSessions(
  machine: Machine,
  { context: { activation }, ended, touches }: EventOf<'password-set'>,
  stores: ReadonlySet<string>,
): boolean {
  if (ended || (machine.lastTouch.get(activation) ?? 0) > touches) return true
  return machine.events.some(
    (other) =>
      (other.kind === 'store-remove' || other.kind === 'store-write') &&
      other.context.activation === activation &&
      stores.has(other.store.id),
  )
}

/** Whether something shows that a login lasts: its sessions are kept, cookies carry it, or somewhere it is revoked. */
export function collectKeepsLogins(machine: Machine, stores: readonly StoreFact[]): boolean {
  return (
    machine.webSession !== undefined ||
    [...machine.modules.values()].some(({ file }) => keepsLogins(file.text)) ||
    stores.some(({ holds, kind }) => holds === 'own' && kind === 'database') ||
    eventsOf(machine, 'login').length > 0 ||
    eventsOf(machine, 'cookie').some(({ names }) => names.some((name) => CARRIES_LOGIN.test(name)))
  )
}

const CARRIES_LOGIN = /sess|\bsid\b|auth(?!_?(?:state|cb|code))|jwt|(?<!csrf.?|xsrf.?)token|login/i
