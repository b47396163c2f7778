import type {
  BroadcastFact,
  CollisionFact,
  ServerFacts,
  SharedServerFact,
  SharedVariableFact,
  StaleWriteFact,
} from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  const { sharedVariables, collisions, staleWrites } = facts
  const isKept = sharedVariables.length + collisions.length > 0 || staleWrites.some(({ once }) => once === true)
  if (!facts.carriesSecrets && !isKept) return notApplicable('The server keeps nothing between requests.')
  const servers = facts.sharedServers.map(sharedServer)
  const variables = facts.sharedVariables.map(sharedVariable)
  return judged([
    ...servers,
    ...variables,
    ...facts.staleWrites.map(staleWrite),
    ...facts.broadcasts.map(broadcast),
    ...facts.collisions.map(collision),
  ])
}

/** Places that one server is connected at, beside the first. */
const MOST_OTHERS = 6

const AMONG: Readonly<Record<SharedServerFact['among'], string>> = {
  all: '',
  'one-mode': ' in one mode of operation',
  'one-caller': ' of one credential',
}

function sharedServer(fact: SharedServerFact): FindingDraft {
  const use = fact.what === 'server' ? 'connected again for every session' : 'handles the requests of every client'
  return {
    what: `One ${fact.what} object serves all sessions${AMONG[fact.among]}: it is made once and ${use}.`,
    ...(fact.among === 'all' ? {} : { partial: true }),
    trace: [
      {
        note: fact.among === 'one-caller' ? 'made once for each caller' : 'made once, for everybody',
        location: fact.created,
      },
      { note: use, location: fact.used },
      ...(fact.alsoUsed ?? []).slice(0, MOST_OTHERS).map((location) => ({ note: 'and here', location })),
    ],
    primary: 1,
    confidence: 'high',
    todo: `Make a ${fact.what} of its own for each session (or for each request, where there are no sessions).`,
  }
}

const HOLDS: Readonly<Record<Exclude<SharedVariableFact['holds'], keyof typeof OF_MANY>, string>> = {
  transport: 'the transport of whoever came last',
  server: 'the server of whoever came last',
  identity: 'the identity of whoever called last',
  session: 'the session of whoever came last',
  response: 'the response of whoever called last',
  page: 'the browser page of whoever called last',
  flow: 'what the login of whoever came last goes by',
  choice: 'what whoever called last asked a tool for',
}

/** What is kept of each caller beside that of others: how it is told, kept and found. */
const OF_MANY = {
  logins: {
    what: 'what each client logs in elsewhere with: others use it by the name that it was given.',
    written: 'kept for all, under a name of the client’s',
    read: 'used by whoever names it',
  },
  answers: {
    what: 'what each caller’s credential was answered elsewhere: others are given it by what they ask for.',
    written: 'kept for all, under what was asked for alone',
    read: 'given to whoever asks for the same',
  },
  sessions: {
    what: 'everybody’s sessions, and a request is served by whichever is there, not by the one that it names.',
    written: 'a session is kept here',
    read: 'taken as it comes, whoever asks',
  },
} as const

function isOfMany(holds: SharedVariableFact['holds']): holds is keyof typeof OF_MANY {
  return holds in OF_MANY
}

function sharedVariable(fact: SharedVariableFact): FindingDraft {
  const declared = fact.declared === undefined ? [] : [{ note: 'outlives every request', location: fact.declared }]
  const told = isOfMany(fact.holds)
    ? OF_MANY[fact.holds]
    : {
        what: `${HOLDS[fact.holds]}: each request overwrites it and others read it.`,
        written: 'overwritten by each request',
        read: 'read as if it were this caller’s',
      }
  return {
    what:
      fact.optional === true
        ? `In one mode of operation, ${fact.name} holds ${told.what}`
        : `${fact.name} holds ${told.what}`,
    ...(fact.optional === true ? { partial: true } : {}),
    trace: [
      ...declared,
      ...(fact.via === undefined ? [] : [{ note: 'a request comes in here', location: fact.via }]),
      { note: told.written, location: fact.written },
      { note: told.read, location: fact.read },
    ],
    primary: declared.length + (fact.via === undefined ? 0 : 1),
    confidence: fact.holds === 'answers' ? 'medium' : 'high',
    ...(fact.holds === 'answers'
      ? {
          why: 'Mallory asks for what Alice has just read, with a credential of his own that may not: he is given her copy of it.',
          todo: 'Make who is asking part of the key, or ask again whether this caller may have what is found.',
        }
      : {}),
  }
}

function staleWrite(fact: StaleWriteFact): FindingDraft {
  const read = fact.read === undefined ? [] : [{ note: 'read before the await', location: fact.read }]
  if (fact.once === true) return usedTwice(fact, read)
  return {
    what: `${fact.name} is checked or read before an await and written after it: a second request in between is overwritten.`,
    trace: [...read, { note: 'written after it, as if no other request had come in between', location: fact.written }],
    confidence: 'medium',
    todo: 'Do the check and the write without an await between them, or take a lock per session.',
  }
}

function usedTwice(fact: StaleWriteFact, read: FindingDraft['trace']): FindingDraft {
  return {
    what: `What is kept in ${fact.name} for one use is looked up before an await and used up after it: two requests at once are both given something new for it.`,
    trace: [...read, { note: 'used up, whether or not another request has done so', location: fact.written }],
    confidence: 'medium',
    todo: 'Take it out and learn whether it was still there in one step: DELETE … RETURNING, GETDEL, an UPDATE that says “where not used” and counts its rows.',
  }
}

function broadcast(fact: BroadcastFact): FindingDraft {
  return {
    what: `Every message is sent to all sessions in ${fact.store}, the answer to one client included.`,
    trace: [
      { note: 'everybody is kept here', location: fact.kept },
      { note: 'sent to every session', location: fact.at },
    ],
    primary: 1,
    confidence: 'medium',
    todo: 'Send an answer only to the session whose request it answers.',
  }
}

function collision(fact: CollisionFact): FindingDraft {
  return {
    what: `Whoever waits for an answer is kept in ${fact.store} under an ID that the client chose: of two clients with the same ID one gets the answer to the other.`,
    trace: [
      { note: 'the requests of all clients wait here', location: fact.kept },
      { note: 'under an ID from the message alone', location: fact.at },
    ],
    primary: 1,
    confidence: 'high',
    todo: 'Give every request a number of the server’s own on its way in, and put the client’s ID back into the answer.',
  }
}
