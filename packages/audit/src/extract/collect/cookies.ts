/** Cookies of sessions, and which of their attributes are missing. */
import type { CookieFact } from '../../facts/facts.ts'
import type { CookieFlags } from '../events.ts'
import type { Machine } from '../machine.ts'
import { distinct, eventsOf, locate } from './collect.ts'

export function collectCookies(machine: Machine): readonly CookieFact[] {
  const facts = eventsOf(machine, 'cookie').map((event): CookieFact => ({
    at: locate(event.site),
    what: event.what,
    missing: missingIn(event.flags),
    crossSite: event.flags.sameSite === 'none',
    ...(event.written === undefined ? {} : { written: locate(event.written) }),
  }))
  return distinct(
    facts,
    (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.what}:${fact.missing.join()}:${fact.crossSite}`,
  )
}

/** A cookie for other sites (`SameSite=None`) is one that somebody decided on; without Secure browsers refuse it. */
function missingIn({ httpOnly, secure, sameSite }: CookieFlags): CookieFact['missing'] {
  return [
    ...(httpOnly === 'on' ? [] : (['HttpOnly'] as const)),
    ...(secure === 'on' ? [] : (['Secure'] as const)),
    ...(sameSite === 'on' ? [] : (['SameSite'] as const)),
  ]
}
