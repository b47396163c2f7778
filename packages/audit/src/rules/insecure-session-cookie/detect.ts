import type { CookieAttribute, CookieFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.cookies.length === 0) return notApplicable('The server sets no session cookie.')
  return judged(facts.cookies.filter(({ missing }) => missing.length > 0).map(findingOf))
}

function findingOf(cookie: CookieFact): FindingDraft {
  const { at, what, missing, written } = cookie
  return {
    what: `The cookie of a session (${what}) is ${faultOf(cookie)}.`,
    trace: [
      { note: faultOf(cookie), location: at },
      ...(written === undefined ? [] : [{ note: 'its attributes are written here', location: written }]),
    ],
    primary: 0,
    why: missing
      .map((attribute) => (cookie.crossSite && attribute === 'SameSite' ? CROSS_SITE : WHY[attribute]))
      .join(' '),
    todo: todoFor(cookie),
    confidence: 'high',
  }
}

function faultOf({ missing, crossSite }: CookieFact): string {
  const lacking = crossSite ? missing.filter((attribute) => attribute !== 'SameSite') : missing
  const faults = [
    ...(lacking.length > 0 ? [`without ${listOf(lacking)}`] : []),
    ...(crossSite ? ['with SameSite=None'] : []),
  ]
  return `set ${faults.join(' and ')}`
}

/** What each attribute keeps away. */
const WHY: Readonly<Record<CookieAttribute, string>> = {
  HttpOnly: 'Without HttpOnly, a script that Mallory smuggles into a page reads the cookie.',
  Secure: 'Without Secure, Mallory reads it on the wire as soon as the browser asks over plain HTTP.',
  SameSite: "Without SameSite, requests from Mallory's own page may carry it.",
}

const CROSS_SITE = "With SameSite=None, requests from Mallory's own page carry it."

function todoFor({ missing }: CookieFact): string {
  const written = missing.map((attribute) => (attribute === 'SameSite' ? 'SameSite=Lax or Strict' : attribute))
  return `Set ${listOf(written)} on it, and give the cookie a name with the __Host- prefix.`
}

function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
