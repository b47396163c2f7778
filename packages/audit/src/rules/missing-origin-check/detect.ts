import type { CorsFact, EndpointFact, ServerFacts } from '../../facts/facts.ts'
import type { Confidence, FindingDraft, Location, Step } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

const MOST_STEPS = 8

export function detect(facts: ServerFacts): Verdict {
  const generous = facts.cors.filter((cors) => cors.credentials && cors.allows !== 'listed')
  if (facts.endpoints.length === 0 && generous.length === 0)
    return notApplicable('MCP is not served over HTTP here, and no page is let in with cookies.')
  const unchecked = facts.endpoints.filter((endpoint) => !isGuarded(endpoint))
  const open = facts.cors.filter((cors) => cors.allows !== 'listed')
  return judged([
    ...byApp(unchecked).map((endpoints) => uncheckedFinding(endpoints, open)),
    ...generous.map((cors) => generousFinding(cors, letsInByCookie(facts) ? 'high' : 'low')),
  ])
}

/** Where nothing is kept for anybody, and no cookie or credential is asked for, a foreign page gains nothing by them. */
function letsInByCookie({ endpoints, stores, cookies, carriesSecrets, verifiesCredentials }: ServerFacts): boolean {
  return endpoints.length + stores.length + cookies.length > 0 || carriesSecrets || verifiesCredentials
}

/** Checked on every path, or optionally where a credential is asked for that a foreign page cannot send. */
function isGuarded(endpoint: EndpointFact): boolean {
  return endpoint.check === 'always' || (endpoint.check === 'optional' && needsOwnCredential(endpoint))
}

/** A cookie is no such credential: the browser sends it along, whichever page asks. */
function needsOwnCredential({ authenticated, byCookie }: EndpointFact): boolean {
  return authenticated === 'always' && !byCookie
}

/** One finding per app: that is where the check belongs. */
function byApp(endpoints: readonly EndpointFact[]): readonly (readonly EndpointFact[])[] {
  const groups = new Map<string, EndpointFact[]>()
  for (const endpoint of endpoints) {
    const key = placeOf(endpoint.app ?? endpoint.at)
    groups.set(key, [...(groups.get(key) ?? []), endpoint])
  }
  return [...groups.values()]
}

function uncheckedFinding(endpoints: readonly EndpointFact[], open: readonly CorsFact[]): FindingDraft {
  const isOptional = endpoints.every(({ check }) => check === 'optional')
  const isLoose = endpoints.every(({ loosely }) => loosely)
  const needsCredential = endpoints.every(needsOwnCredential)
  return {
    what: `${isOptional ? 'Neither Origin nor Host is checked unless an option is set' : isLoose ? 'Origin is checked in a way that foreign hosts pass (by how it begins, by a part of it, or by the Host that comes with it)' : 'Neither Origin nor Host is checked'} before MCP is served${needsCredential ? '; the caller’s credential is all that keeps a foreign page out' : ''}.`,
    trace: stepsOf(endpoints, open),
    primary: 0,
    confidence: endpoints.some(({ behindUnknown }) => behindUnknown) ? 'medium' : 'high',
    partial: needsCredential,
  }
}

function stepsOf(endpoints: readonly EndpointFact[], open: readonly CorsFact[]): readonly Step[] {
  const steps = new Map<string, Step>()
  const add = (location: Location | undefined, note: string): void => {
    if (location !== undefined && !steps.has(placeOf(location))) steps.set(placeOf(location), { note, location })
  }
  for (const { app } of endpoints) add(app, 'requests enter here, from whatever page')
  const paths = new Set(endpoints.flatMap(({ app, at }) => [app?.path, at.path]))
  for (const { at } of open) if (paths.has(at.path)) add(at, 'CORS lets any page read the answers; it refuses none')
  for (const { route, at } of oneOfEachFileFirst(inSourceOrder(endpoints))) {
    add(route, 'no check of Origin or Host on the way')
    add(at, 'MCP is served')
  }
  return [...steps.values()].slice(0, MOST_STEPS)
}

/** As a reader comes upon the routes; files stay in the order of their first route. */
function inSourceOrder(endpoints: readonly EndpointFact[]): readonly EndpointFact[] {
  const fileOf = ({ at }: EndpointFact) => endpoints.findIndex((other) => other.at.path === at.path)
  const lineOf = ({ route, at }: EndpointFact) => (route?.path === at.path ? route : at).startLine
  return endpoints.toSorted((one, other) => fileOf(one) - fileOf(other) || lineOf(one) - lineOf(other))
}

/** All files are shown before the second place in one of them. */
function oneOfEachFileFirst(endpoints: readonly EndpointFact[]): readonly EndpointFact[] {
  const first = endpoints.filter(({ at }, index) => endpoints.findIndex((other) => other.at.path === at.path) === index)
  return [...first, ...endpoints.filter((endpoint) => !first.includes(endpoint))]
}

const REFLECTED_WHY =
  "Alice, logged in, opens a page of Mallory's: its script calls the server with her cookie and reads what comes back."
const WILDCARD_WHY =
  "Browsers refuse a wildcard where cookies are sent along. Whoever makes it work by naming the origin that asks lets a page of Mallory's read what Alice's cookie entitles her to."

function generousFinding({ at, allows }: CorsFact, confidence: Confidence): FindingDraft {
  return {
    what: `Every origin is allowed by CORS, with credentials: ${allows === 'any' ? 'a wildcard is no list' : 'whichever page asks is named in the answer'}.`,
    trace: [
      {
        note: allows === 'any' ? 'a wildcard, with credentials' : 'any page may send cookies and read the answers',
        location: at,
      },
    ],
    confidence,
    why: allows === 'any' ? WILDCARD_WHY : REFLECTED_WHY,
    todo: 'Name the origins that may use the server one by one, and set no credentials for any other.',
  }
}

function placeOf({ path, startLine, startColumn }: Location): string {
  return `${path}:${startLine}:${startColumn}`
}
