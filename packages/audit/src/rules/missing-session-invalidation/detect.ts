import type {
  DenyListFact,
  LogoutFact,
  PasswordChangeFact,
  RemovalFact,
  ServerFacts,
  StoreFact,
  TokenFact,
} from '../../facts/facts.ts'
import type { FindingDraft, Location, Step } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

const MOST_OPENINGS = 4

export function detect(facts: ServerFacts): Verdict {
  const changes = facts.keepsLogins ? facts.passwordChanges : []
  const logouts = facts.logouts.filter(({ how }) => how !== 'record')
  const alone = facts.stores.length + logouts.length === 0 ? facts.tokens : []
  if ([facts.stores, logouts, facts.denyLists, changes, alone].every(({ length }) => length === 0))
    return notApplicable('The server keeps no sessions.')
  const forgotten = facts.logouts.filter(
    (logout) => !facts.logouts.some((other) => isSame(other, logout) && other.ends),
  )
  const surviving = facts.stores
    .filter((store) => store.isElsewhere !== true)
    .flatMap((store) => survivingSessions(store, forgotten))
  const outlived = changes.filter((change) => !mayEnd(facts, change))
  const endless = alone.some(({ lookedUp }) => lookedUp) ? [] : alone.slice(0, 1).map(notEnded)
  return judged([
    ...(surviving.length > 0 ? surviving : lasting(forgotten)),
    ...facts.denyLists.slice(0, 1).map(unasked),
    ...endless,
    ...outlived.map(passwordOnly),
  ])
}

/** A list that is written and not read ends nothing. */
function unasked({ name, at, checked }: DenyListFact): FindingDraft {
  return {
    what: `A token that was taken back is still accepted: whoever logs out has it noted in ${name}, and nobody looks there when it is verified.`,
    trace: [
      { note: 'noted here by a logout', location: at },
      { note: 'accepted by its signature alone', location: checked },
    ],
    primary: 1,
    confidence: 'medium',
    why: 'Alice logs out, and her token is put on a list. Mallory presents his copy of it: its signature is right and its time is not over, and that is all that is asked.',
    todo: 'Look into the list wherever a token is verified, in one function that verifies and looks.',
  }
}

/** The token is all there is of the session, and nobody is asked whether it still holds. */
function notEnded({ at, checked }: TokenFact): FindingDraft {
  return {
    what: 'A login cannot be ended: its token is good until it expires, whatever happens to its user.',
    trace: [
      { note: 'signed here', location: at },
      ...(checked === undefined ? [] : [{ note: 'accepted by its signature alone', location: checked }]),
    ],
    primary: checked === undefined ? 0 : 1,
    confidence: 'medium',
    why: 'Alice sees that her token was stolen. There is no logout and no revocation: Mallory goes on until the token expires, and so does somebody whose account was closed.',
    todo: 'Keep the IDs of tokens that were taken back (or a version per user), offer a logout that adds to them, and look there whenever a token is verified.',
  }
}

/** One place may be reached on several ways. */
function mayEnd({ passwordChanges }: ServerFacts, { at, calledFrom }: PasswordChangeFact): boolean {
  return passwordChanges.some((other) => other.ends && isAt(other.at, at) && isAt(other.calledFrom, calledFrom))
}

function isAt(one: Location | undefined, other: Location | undefined): boolean {
  return one?.path === other?.path && one?.startLine === other?.startLine
}

function passwordOnly({ at, asked, calledFrom }: PasswordChangeFact): FindingDraft {
  const between = isAt(calledFrom, asked) ? undefined : calledFrom
  const note = 'the password is changed, and the sessions of its user are left alone'
  return {
    what: 'A new password ends no session: whoever got in with the old one stays in.',
    trace: [
      ...(asked === undefined ? [] : [{ note: 'a new password is asked for', location: asked }]),
      ...(between === undefined ? [] : [{ note: 'and is to be set', location: between }]),
      { note, location: at },
    ],
    primary: (asked === undefined ? 0 : 1) + (between === undefined ? 0 : 1),
    confidence: 'medium',
    why: 'Alice sees that somebody uses her account and changes her password. Mallory, who logged in with the old one, keeps his session until it expires by itself.',
    todo: 'After a new password end all other sessions of the user, and regenerate the one that asked for it.',
  }
}

/** One place may be reached on several ways. */
function isSame(a: LogoutFact, b: LogoutFact): boolean {
  return a.at.path === b.at.path && a.at.startLine === b.at.startLine
}

function lasting(logouts: readonly LogoutFact[]): readonly FindingDraft[] {
  const ofCookies = logouts.filter(({ how }) => how === 'cookie')
  const ofSessions = logouts.filter(({ how }) => how === 'session')
  const others = logouts.filter(({ how }) => how === 'answer' || how === 'provider')
  return [
    ...ofCookies.slice(0, 1).map(() => cookieOnly(ofCookies)),
    ...logouts.filter(({ how }) => how === 'emptied').map(({ at }) => emptied(at)),
    ...others.slice(0, 1).map(() => inWordOnly(others)),
    ...ofSessions.slice(0, 1).map(({ at }) => deletedInWordOnly(at)),
  ]
}

function emptied(at: Location): FindingDraft {
  return {
    what: 'Logging out takes its user out of the session and leaves the session: its ID goes on working.',
    trace: [{ note: 'the user is taken out, and the session stays', location: at }],
    confidence: 'medium',
    why: 'Alice logs out on a machine that others use. Her session is still there under its ID, with whatever else it holds, and whoever logs in next there does so in it.',
    todo: 'At logout destroy the session (`req.session.destroy`) and take its cookie back.',
  }
}

/** Clients rely on what they are told, also where little is kept that could be misused. */
function deletedInWordOnly(at: Location): FindingDraft {
  return {
    what: 'DELETE is answered as if the session had ended, and nothing is ended.',
    trace: [{ note: 'nothing is ended here', location: at }],
    confidence: 'medium',
    why: 'Alice’s client ends its session and is told that it is over. Whatever still goes by that ID goes on: a stream that is open, a server that another transport keeps, a store that is added later.',
    todo: 'Answer 405 where there are no sessions to end; else hand DELETE to the transport of the session, and 404 for IDs that nobody has.',
  }
}

/** Who asks for an end of their token is told that it has come. */
function inWordOnly(logouts: readonly LogoutFact[]): FindingDraft {
  return {
    what: 'What is asked to end a login or a token answers that it is done and ends nothing: the token goes on working.',
    trace: logouts.slice(0, MOST_OPENINGS).map(({ at }) => ({ note: 'nothing is ended here', location: at })),
    confidence: 'medium',
    todo: 'Delete the record of the token, or note its ID among those that are refused, and look there whenever a token is verified.',
  }
}

/** The browser forgets its cookie; whoever has a copy does not. */
function cookieOnly(logouts: readonly LogoutFact[]): FindingDraft {
  const given = logouts.flatMap(({ set }) => set ?? [])
  const names = [...new Set(logouts.map(({ cookie }) => cookie))]
  return {
    what: `Logging out only takes the cookie ${names.join(' and ')} back from the browser: what it holds goes on working.`,
    trace: [
      ...given.slice(0, 1).map((location) => ({ note: 'given to whoever logs in', location })),
      ...logouts
        .slice(0, MOST_OPENINGS)
        .map(({ at }) => ({ note: 'taken back, and nothing is ended here', location: at })),
    ],
    primary: Math.min(1, given.length),
    confidence: 'medium',
    todo: 'At logout end the session on the server as well: delete its record, or note that tokens issued before now are refused.',
  }
}

function survivingSessions(store: StoreFact, forgotten: readonly LogoutFact[]): readonly FindingDraft[] {
  const ends = store.removals.filter((removal) => removal.trigger !== 'timer')
  const effective = ends.filter((removal) => removal.rightKey && removal.undone === undefined)
  if (effective.length === 0) return [neverRemoved(store, ends, forgotten)]
  if (store.holds !== 'sse' && !store.boundToConnection && !store.endsOnRequest) return [noWayToEnd(store, effective)]
  const leaving = store.removals.find((removal) => !removal.closes && removal.rightKey)
  return leaving === undefined ? [] : [leftOpen(store, leaving)]
}

function neverRemoved(store: StoreFact, ends: readonly RemovalFact[], forgotten: readonly LogoutFact[]): FindingDraft {
  const wrong = ends.find((removal) => !removal.rightKey)
  const trace: Step[] = [
    { note: 'sessions are kept here', location: store.at },
    ...store.insertions
      .slice(0, 1)
      .filter((location) => !isSamePlace(location, store.at))
      .map((location) => ({ note: 'a session is added', location })),
    ...store.openings.slice(0, MOST_OPENINGS).map((location) => ({ note: 'where one is opened', location })),
  ]
  if (wrong !== undefined) trace.push({ note: 'removes under a key that no session has', location: wrong.at })
  const back = ends.find((removal) => removal.undone !== undefined)
  if (back?.undone !== undefined)
    trace.push(
      { note: 'removed when it is closed', location: back.at },
      { note: 'and put in again', location: back.undone },
    )
  const late = store.removals.find((removal) => removal.trigger === 'timer' && removal.rightKey)
  if (late !== undefined) trace.push({ note: 'removed only when its time is over', location: late.at })
  for (const location of store.deadHandlers.slice(0, 1))
    trace.push({ note: 'connect() of this SDK version overwrites the clean-up set before it', location })
  const [logout] = forgotten
  if (logout !== undefined)
    trace.push({ note: 'whoever asks for an end is told that it has come, and the session stays', location: logout.at })
  const dead = store.deadHandlers.length > 0 ? ', since the clean-up handler never runs with the installed SDK' : ''
  return {
    what: `Nothing takes a session out of ${store.name} when it is ended${dead}: its ID goes on working.`,
    trace,
    primary: logout === undefined ? Math.min(1, trace.length - 1) : trace.length - 1,
    confidence: 'high',
    ...(store.holds === 'own' || store.holds === 'web' ? { todo: DELETE_RECORD } : {}),
  }
}

/** Sessions that no transport stands behind. */
const DELETE_RECORD =
  'Write one function that deletes the server-side record, call it on logout, on reset and when an account is closed, and refuse what it named from then on.'

function noWayToEnd(store: StoreFact, effective: readonly RemovalFact[]): FindingDraft {
  return {
    what: `A client cannot end a session in ${store.name}: no DELETE or logout reaches the code that removes it.`,
    trace: [
      { note: 'sessions are kept here', location: store.at },
      ...effective.slice(0, 1).map((removal) => ({ note: 'removed only here', location: removal.at })),
    ],
    primary: 0,
    confidence: 'medium',
  }
}

function leftOpen(store: StoreFact, removal: RemovalFact): FindingDraft {
  return {
    what: `A session is taken out of ${store.name} but never closed: its open stream stays alive.`,
    trace: [
      { note: 'sessions are kept here', location: store.at },
      { note: 'removed, and left open', location: removal.at },
    ],
    confidence: 'medium',
    todo: 'Close the transport (and its streams) wherever the record is removed: one function for both.',
  }
}
