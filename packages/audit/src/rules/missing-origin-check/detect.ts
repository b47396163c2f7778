import type { CorsFact, EndpointFact, ServerFacts, SocketFact } from '../../facts/facts.ts'
import type { Confidence, FindingDraft, Location, Step } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

const MOST_STEPS = 8

export function detect(facts: ServerFacts): Verdict {
  const generous = facts.cors.filter((cors) => cors.credentials && cors.allows !== 'listed')
  const sockets = facts.sockets.filter(isWorthOpening)
  if (facts.endpoints.length === 0 && generous.length === 0 && sockets.length === 0)
    return notApplicable('MCP is not served over HTTP here, and no page is let in with cookies.')
  const unchecked = facts.endpoints.filter((endpoint) => !isGuarded(endpoint))
  const open = facts.cors.filter((cors) => cors.allows !== 'listed')
  return judged([
    ...byApp(unchecked).map((endpoints) => uncheckedFinding(endpoints, open)),
    ...byServer(sockets.filter(isUnrefused)).map(socketFinding),
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

/**
 * What a page of Mallory's would open: a connection that Alice's cookie lets her browser make; one that nothing is asked for
 * and that does what it is told, where only Alice's own machine can reach it, or where what it does is to run commands.
 */
function isWorthOpening({ letInBy, does, local, behindUnknown }: SocketFact): boolean {
  if (letInBy !== 'nobody' || behindUnknown) return letInBy === 'cookie'
  return does === 'commands' || (does === 'something' && local)
}

/** Alice's browser has no cookie of hers for a name of Mallory's, wherever that leads. */
function isUnrefused({ check, letInBy }: SocketFact): boolean {
  return check === 'never' || (check === 'own-host' && letInBy === 'nobody')
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

/** One finding for each place that connections are made at. */
function byServer(sockets: readonly SocketFact[]): readonly (readonly SocketFact[])[] {
  const groups = new Map<string, SocketFact[]>()
  for (const socket of sockets)
    groups.set(placeOf(socket.accepted), [...(groups.get(placeOf(socket.accepted)) ?? []), socket])
  return [...groups.values()]
}

const COOKIE_WHY =
  "Alice, logged in, opens a page of Mallory's: a script there opens the connection, her browser adds her cookie, and no rule of browsers keeps the script from reading what comes over it and sending what it likes, in her name."
const NOBODY_WHY =
  "Alice opens a page of Mallory's: a script there opens a connection to the program on her machine, which no rule of browsers forbids, and has it do what its messages can make it do."
const SOCKET_TODO =
  'Refuse the upgrade, before anything is accepted, where its Origin is not on a list; or ask for a token that only the page of your own has, in the first message or as a subprotocol.'

function socketFinding(sockets: readonly SocketFact[]): FindingDraft {
  const byCookie = sockets.some(({ letInBy }) => letInBy === 'cookie')
  const isLoose = sockets.every(({ loosely }) => loosely)
  const steps = new Map<string, Step>()
  const add = (location: Location | undefined, note: string): void => {
    if (location !== undefined && !steps.has(placeOf(location))) steps.set(placeOf(location), { note, location })
  }
  for (const { accepted } of sockets) add(accepted, 'connections are accepted from whatever page')
  for (const { server } of sockets) add(server, 'this takes them in')
  for (const { at } of sockets)
    add(at, byCookie ? 'who has the cookie is listened to' : 'whoever connects is listened to')
  for (const { act } of sockets) add(act, 'a message has this done')
  return {
    what: `${isLoose ? 'Origin is checked in a way that foreign hosts pass' : 'Origin is not checked'} before a WebSocket is accepted ${byCookie ? 'for a cookie, which browsers send along whichever page asks' : 'from anybody, and its messages are acted upon'}.`,
    trace: [...steps.values()].slice(0, MOST_STEPS),
    primary: 0,
    confidence: confidenceIn(sockets),
    why: byCookie ? COOKIE_WHY : NOBODY_WHY,
    todo: SOCKET_TODO,
  }
}

/** Most would take the CORS of Socket.IO for a check of both ways in. */
function confidenceIn(sockets: readonly SocketFact[]): Confidence {
  if (sockets.every(({ pollingChecked }) => pollingChecked)) return 'low'
  return sockets.some(({ behindUnknown }) => behindUnknown) ? 'medium' : 'high'
}

function stepsOf(endpoints: readonly EndpointFact[], open: readonly CorsFact[]): readonly Step[] {
  const steps = new Map<string, Step>()
  const add = (location: Location | undefined, note: string): void => {
    if (location !== undefined && !steps.has(placeOf(location))) steps.set(placeOf(location), { note, location })
  }
  for (const { app } of endpoints) add(app, 'requests enter here, from whatever page')
  const paths = new Set(endpoints.flatMap(({ app, at }) => [app?.path, at.path]))
  for (const { at, written } of open) {
    if (!paths.has(at.path)) continue
    add(at, 'CORS lets any page read the answers; it refuses none')
    add(written, 'as its options say')
  }
  for (const { vain } of endpoints) add(vain, 'a check is switched on, and no host or origin is listed to check by')
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
