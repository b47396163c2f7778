/** One principal presents another's session ID, on every verb that takes one: what is tried, and what it shows. */
import type { Exchange, LiveFindingDraft } from '../finding/finding.ts'
import type { ProbeConfig } from './config.ts'
import type { Session } from './legacy.ts'
import { holds, isEventStream, isRefused, isServed, isSuccess, statusOf } from './reading.ts'
import type { Stage } from './stage.ts'
import type { Actor } from './wire.ts'

export type Verb = 'POST' | 'GET' | 'DELETE' | 'read'

/** What was tried on Alice's session, and what shows whether it worked. */
export interface Attempt {
  readonly by: string
  readonly verb: Verb
  readonly opening: Exchange
  /** Alice's own use, before it. */
  readonly legitimate: Exchange
  /**
   * The same by the same principal with an ID that names nothing: only a difference shows that the session was served.
   * Of a DELETE: a session that Alice can still open, so that it is not her credential that has ended.
   */
  readonly control?: Exchange
  readonly attack: Exchange
  /** What Alice's session does afterwards. */
  readonly after?: Exchange
  /** Of `read`: what Alice had written. */
  readonly canary?: string
}

/** Every attempt of one thief. Empty where Alice herself could not use a session. */
export async function playTheft(thief: Actor, stage: Stage): Promise<readonly Attempt[]> {
  const tries = stage.survey.transport === 'sse' ? [post, read] : [post, read, get, terminate]
  const attempts: Attempt[] = []
  let own: Owned | undefined
  for (const attempt of tries) {
    own = (own && (await usedAgain(own, stage))) ?? (await openUsed(stage))
    const found = own && (await attempt(thief, own, stage))
    if (found !== undefined) attempts.push(found)
  }
  return attempts
}

type Canary = NonNullable<ProbeConfig['canary']>

interface Owned {
  readonly session: Session
  readonly opening: Exchange
  readonly legitimate: Exchange
}

/** A session that Alice was served in. */
async function openUsed(stage: Stage): Promise<Owned | undefined> {
  const { exchange: opening, session } = await stage.open(stage.actors.alice)
  return session && usedAgain({ session, opening, legitimate: opening }, stage)
}

/** The same session, where what was tried on it has not ended it. */
async function usedAgain(own: Owned, stage: Stage): Promise<Owned | undefined> {
  const legitimate = await stage.request(stage.actors.alice, own.session, stage.survey.method)
  return isServed(legitimate) ? { ...own, legitimate } : undefined
}

async function post(thief: Actor, { session, ...own }: Owned, stage: Stage): Promise<Attempt> {
  const control = await stage.request(thief, stage.unknownLike(session), stage.survey.method)
  const attack = await stage.request(thief, session, stage.survey.method)
  return { ...own, by: thief.name, verb: 'POST', control, attack }
}

/** Alice writes something down that only her session knows; the thief asks for it under her ID. */
function read(thief: Actor, own: Owned, stage: Stage): Promise<Attempt | undefined> {
  const { canary } = stage.config
  if (canary === undefined || canary.make !== undefined) return Promise.resolve(undefined)
  return stage.writing(() => readNote(thief, own, canary, stage))
}

async function readNote(
  thief: Actor,
  { session, opening }: Owned,
  canary: Canary,
  stage: Stage,
): Promise<Attempt | undefined> {
  const { alice } = stage.actors
  const text = stage.canary()
  await stage.call(alice, session, canary.put, { canary: text })
  const legitimate = await stage.call(alice, session, canary.get, { canary: text })
  if (!holds(legitimate, text)) return undefined
  const own = await stage.open(thief)
  const control = own.session && (await stage.call(thief, own.session, canary.get, { canary: text }))
  if (own.session) await stage.close(own.session)
  const attack = await stage.call(thief, session, canary.get, { canary: text })
  return { by: thief.name, verb: 'read', opening, legitimate, attack, canary: text, ...(control && { control }) }
}

async function get(thief: Actor, { session, ...own }: Owned, stage: Stage): Promise<Attempt> {
  const foreign = await stage.stream(thief, stage.unknownLike(session))
  const stream = await stage.stream(thief, session)
  const after = await stage.request(stage.actors.alice, session, stage.survey.method)
  const attempt = {
    ...own,
    by: thief.name,
    verb: 'GET' as const,
    control: foreign.exchange(),
    attack: stream.exchange(),
  }
  foreign.close()
  stream.close()
  return { ...attempt, after }
}

async function terminate(thief: Actor, { session, ...own }: Owned, stage: Stage): Promise<Attempt> {
  const attack = await stage.end(thief, session)
  const { alice } = stage.actors
  const after = await stage.request(alice, session, stage.survey.method)
  if (isServed(after)) return { ...own, by: thief.name, verb: 'DELETE', attack, after }
  const renewed = await stage.open(alice)
  if (renewed.session) await stage.close(renewed.session)
  return { ...own, by: thief.name, verb: 'DELETE', attack, after, control: renewed.exchange }
}

/** Whether the thief was served. Undefined: nothing can be said. */
export function succeeded({ verb, attack, control, after, canary }: Attempt): boolean | undefined {
  switch (verb) {
    case 'read':
      // What everybody may read in a session of his own was not stolen.
      if (canary === undefined || (control && holds(control, canary))) return undefined
      if (holds(attack, canary)) return true
      return isRefused(attack) || isServed(attack) ? false : undefined
    case 'POST':
      // Who is served under any ID is not served in this session.
      if (isServed(attack)) return control !== undefined && isServed(control) ? undefined : true
      return isRefused(attack) ? false : undefined
    case 'GET':
      if (isEventStream(attack)) return control !== undefined && isEventStream(control) ? undefined : true
      // A page that is the same for whatever ID serves no session.
      if (isSuccess(attack) && control !== undefined && statusOf(control) === statusOf(attack)) return false
      // 409: the session was found and taken for the caller's, and has a stream already.
      return isRefused(attack) && statusOf(attack) !== 409 ? false : undefined
    case 'DELETE':
      if (isRefused(attack)) return false
      if (after === undefined || !isSuccess(attack)) return undefined
      // A server may say yes to whatever it is asked to end, and end nothing.
      if (isServed(after)) return false
      return isRefused(after) && control !== undefined && isServed(control) ? true : undefined
  }
}

const DID: Readonly<Record<Verb, string>> = {
  POST: 'is served in it',
  read: 'reads what Alice wrote in it',
  GET: 'receives its event stream',
  DELETE: 'ends it',
}

/** The first success of each verb as a finding; `how` says with what the thief came. */
export function theftsIn(attempts: readonly Attempt[], how: (by: string) => string): readonly LiveFindingDraft[] {
  const thefts = attempts.filter((attempt) => succeeded(attempt) === true)
  return thefts
    .filter(({ verb }, at) => thefts.findIndex((one) => one.verb === verb) === at)
    .map((attempt) => findingOf(attempt, how(attempt.by)))
}

/** What could not be told, a sentence each. */
export function undecidedIn(attempts: readonly Attempt[]): readonly string[] {
  return attempts
    .filter((attempt) => succeeded(attempt) === undefined)
    .map(({ by, verb, attack }) => {
      const answer = statusOf(attack) ?? attack.failure ?? 'no answer'
      return `Whether ${by} is served in Alice's session (${verb}) could not be told from what came back (${answer}).`
    })
}

/** What was refused as it should be. */
export function refusedIn(attempts: readonly Attempt[]): readonly string[] {
  return attempts.filter((attempt) => succeeded(attempt) === false).map(({ by, verb }) => `${verb} by ${by}`)
}

function findingOf({ by, verb, opening, legitimate, attack, after }: Attempt, how: string): LiveFindingDraft {
  const method = verb === 'read' ? 'POST' : verb
  return {
    key: `${by} ${verb}`,
    what: `${how} presents Alice's session ID (${method}) and ${DID[verb]}.`,
    trace: [
      { note: 'Alice opens a session', exchange: opening },
      { note: 'she uses it, as she may', exchange: legitimate },
      { note: `${how} presents her session ID and ${DID[verb]}`, exchange: attack },
      ...(verb === 'DELETE' && after ? [{ note: "Alice's session is gone", exchange: after }] : []),
    ],
    primary: 2,
    confidence: 'high',
  }
}
