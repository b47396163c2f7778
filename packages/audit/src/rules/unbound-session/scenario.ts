/** Alice opens a session; others with credentials of their own present its ID, on every verb that takes one. */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { holds, isEventStream, isRefused, isServed, isSuccess, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, liveNotApplicable } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Actor } from '../../wire/wire.ts'

/** What a foreign principal tried on Alice's session, and what shows whether it worked. */
interface Attempt {
  readonly by: string
  readonly verb: 'POST' | 'GET' | 'DELETE' | 'read'
  /** Alice's own use, before it. */
  readonly opening: Exchange
  readonly legitimate: Exchange
  /** The same by the same principal with an ID that names nothing: only a difference shows that the session was served. */
  readonly control?: Exchange
  readonly attack: Exchange
  /** Of a DELETE: what Alice's session does afterwards. */
  readonly after?: Exchange
  /** Of `read`: what Alice had written. */
  readonly canary?: string
}

interface Recording {
  readonly eras: readonly string[]
  readonly sessions: boolean
  readonly anonymous: boolean
  readonly refusal: string | undefined
  readonly others: readonly string[]
  readonly attempts: readonly Attempt[]
  /** Alice's own session, where it could not be opened or used. */
  readonly failedStart: boolean
}

export const scenario = defineScenario<Recording>({
  async play(stage) {
    const { survey, actors } = stage
    const others = [actors.bob, actors.carol].filter((actor) => actor !== undefined)
    const { eras, sessions, anonymous, refusal } = survey
    const facts = { eras, sessions, anonymous, refusal, others: others.map(({ name }) => name) }
    if (!eras.includes('legacy') || !sessions || anonymous) return { ...facts, attempts: [], failedStart: false }
    const attempts: Attempt[] = []
    for (const other of others) attempts.push(...(await playBy(other, stage)))
    return { ...facts, attempts, failedStart: others.length > 0 && attempts.length === 0 }
  },

  judge({ eras, sessions, anonymous, refusal, others, attempts, failedStart }) {
    if (eras.length === 0) return leftOpen(refusal ?? 'No MCP server answered.')
    if (!eras.includes('legacy') || !sessions) return liveNotApplicable('The server mints no session IDs.')
    if (anonymous) return liveNotApplicable('The server lets everybody in: a session has no principal to be bound to.')
    if (others.length === 0) return leftOpen('No second principal (bob) is configured.')
    if (failedStart) return leftOpen("Alice's own session could not be used, so nothing can be said of a stolen one.")
    const judged = attempts.map((attempt) => ({ attempt, worked: succeeded(attempt) }))
    const thefts = judged.filter(({ worked }) => worked === true).map(({ attempt }) => attempt)
    // One proof for each verb: what Bob could do, others could.
    const distinct = thefts.filter(({ verb }, at) => thefts.findIndex((one) => one.verb === verb) === at)
    return judgedLive(
      distinct.map(findingOf),
      judged.filter(({ worked }) => worked === undefined).map(({ attempt }) => undecided(attempt)),
      judged.filter(({ worked }) => worked === false).map(({ attempt }) => `${attempt.verb} by ${attempt.by}`),
    )
  },
})

async function playBy(other: Actor, stage: Stage): Promise<readonly Attempt[]> {
  const { alice } = stage.actors
  const { exchange: opening, session } = await stage.open(alice)
  if (session === undefined) return []
  const legitimate = await stage.request(alice, session, 'tools/list')
  if (!isServed(legitimate)) return []
  const base = { by: other.name, opening, legitimate }
  const foreign = { ...session, id: session.id === undefined ? undefined : stage.inventedId() }
  const unknown = session.transport === 'http' ? await stage.request(other, foreign, 'tools/list') : undefined
  const attempts: Attempt[] = [
    {
      ...base,
      verb: 'POST',
      ...(unknown && { control: unknown }),
      attack: await stage.request(other, session, 'tools/list'),
    },
  ]
  const reading = await readCanary(other, stage)
  if (reading !== undefined) attempts.push(reading)
  if (session.transport === 'sse') return attempts
  const stream = await stage.stream(other, session)
  const control = await stage.stream(other, foreign)
  attempts.push({ ...base, verb: 'GET', control: control.exchange(), attack: stream.exchange() })
  control.close()
  stream.close()
  const ended = await stage.end(other, session)
  const after = await stage.request(alice, session, 'tools/list')
  return [...attempts, { ...base, verb: 'DELETE', attack: ended, after }]
}

/** Alice writes something down that only her session knows; the other asks for it under her ID. */
async function readCanary(other: Actor, stage: Stage): Promise<Attempt | undefined> {
  const { canary } = stage.config
  const { alice } = stage.actors
  if (canary === undefined || canary.make !== undefined) return undefined
  const { exchange: opening, session } = await stage.open(alice)
  if (session === undefined) return undefined
  const text = stage.canary()
  await stage.call(alice, session, canary.put, { canary: text })
  const legitimate = await stage.call(alice, session, canary.get, { canary: text })
  if (!holds(legitimate, text)) return undefined
  const own = await stage.open(other)
  const control = own.session && (await stage.call(other, own.session, canary.get, { canary: text }))
  const attack = await stage.call(other, session, canary.get, { canary: text })
  return { by: other.name, verb: 'read', opening, legitimate, attack, canary: text, ...(control && { control }) }
}

/** Undefined: nothing can be said. */
function succeeded({ verb, attack, control, after, canary, legitimate }: Attempt): boolean | undefined {
  switch (verb) {
    case 'read':
      // What everybody may read in a session of his own was not stolen.
      if (canary === undefined || (control && holds(control, canary))) return undefined
      return holds(attack, canary) || (isRefused(attack) || isServed(attack) ? false : undefined)
    case 'POST':
      if (isServed(attack)) return control !== undefined && isServed(control) ? undefined : isServed(legitimate)
      return isRefused(attack) ? false : undefined
    case 'GET':
      if (isEventStream(attack)) return control !== undefined && isEventStream(control) ? undefined : true
      // A second stream is refused with 409 only by who has found the session and taken it for the caller's.
      return isRefused(attack) ? (statusOf(attack) === 409 ? undefined : false) : undefined
    case 'DELETE':
      if (after === undefined) return undefined
      if (isServed(after)) return false
      return isSuccess(attack) ? true : undefined
  }
}

const DID: Readonly<Record<Attempt['verb'], string>> = {
  POST: 'and is served in it',
  read: 'and reads what Alice wrote in it',
  GET: 'and receives its event stream',
  DELETE: 'and ends it',
}

function findingOf({ by, verb, opening, legitimate, attack, after }: Attempt): LiveFindingDraft {
  const method = verb === 'read' ? 'POST' : verb
  const trace = [
    { note: 'Alice opens a session', exchange: opening },
    { note: 'she uses it, as she may', exchange: legitimate },
    { note: `${by}, with a credential of his own, presents her session ID ${DID[verb]}`, exchange: attack },
    ...(after ? [{ note: "Alice's session is gone", exchange: after }] : []),
  ]
  return {
    key: `${by} ${verb}`,
    what: `${by} presents Alice's session ID with his own credential (${method}) ${DID[verb]}.`,
    trace,
    primary: 2,
    confidence: 'high',
  }
}

function undecided({ by, verb, attack }: Attempt): string {
  const answer = statusOf(attack) ?? attack.failure ?? 'no answer'
  return `Whether ${by} is served in Alice's session (${verb}) could not be told from what came back (${answer}).`
}
