/** Logouts that take the cookie back and leave what it names or proves in force. */
import type { LogoutFact, PasswordChangeFact, StoreFact } from '../../facts/facts.ts'
import type { Event, EventOf } from '../events.ts'
import { isLogout, isPasswordField, marksTime } from '../logouts.ts'
import type { Machine } from '../machine.ts'
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
  const written = eventsOf(machine, 'entry-write').filter(
    ({ field, store, context }) => context.trigger === 'request' && !ids.has(store) && isPasswordField(field),
  )
  const facts = [...written, ...eventsOf(machine, 'password-set')].map((event) => ({
    at: locate(event.site),
    ends: touchesSessions(machine, event, ids),
  }))
  return distinct(facts, ({ at, ends }) => `${at.path}:${at.startLine}:${ends}`)
}

/** Something is done about sessions while the request is served: they are ended, marked as old, or opened anew. */
function touchesSessions(machine: Machine, { context: { activation } }: Event, stores: ReadonlySet<string>): boolean {
  if (machine.touchedSessions.has(activation)) return true
  return machine.events.some((other) => {
    if (other.context.activation !== activation) return false
    if (other.kind === 'entry-write') return marksTime(other.field)
    if (other.kind === 'store-remove' || other.kind === 'store-write')
      return stores.has(other.store.id) || /sess|refresh/i.test(other.store.name)
    return other.kind === 'entry-close' || other.kind === 'login'
  })
}
