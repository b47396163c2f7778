/** Alice's answer comes as an event with an ID; another, in a session of his own, asks for everything after it. */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import type { ProbeConfig } from '../../wire/config.ts'
import type { Session } from '../../wire/legacy.ts'
import { holds, isEventStream, isRefused, messagesIn, responseHeader } from '../../wire/reading.ts'
import {
  defineScenario,
  judgedLive,
  leftOpen,
  liveNotApplicable,
  type LiveVerdict,
  withoutSessions,
} from '../../wire/scenario.ts'
import { eventsIn } from '../../wire/sse.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'
import type { Actor } from '../../wire/wire.ts'

type Canary = NonNullable<ProbeConfig['canary']>

interface Recording {
  readonly survey: Pick<Survey, 'eras' | 'sessions' | 'refusal' | 'transport' | 'noOther'>
  readonly by: string | undefined
  readonly opening?: Exchange
  /** An answer to Alice that names her canary. */
  readonly asked?: Exchange
  readonly canary: string
  /** Event IDs that came before that answer, or with it. */
  readonly eventIds: readonly string[]
  /** Alice resumes, in her own session: what she missed comes again. */
  readonly resumed?: Exchange
  readonly eventId?: string
  readonly foreignOpening?: Exchange
  /** The other one does, in his. */
  readonly foreign?: Exchange
}

/** How long is waited for what is played again; what nothing came after is tried once more with patience. */
const REPLAY_MS = 300
const SURELY_MS = 1_000
/** What comes to another may take longer than what came to Alice. */
const TIMES_HERS = 4
/** Stores that sort their events by time and chance lose track of two in one millisecond: one answer is not enough. */
const ASKS = 8
const MOST_WAYS = 16
const PATIENT = 2

export const scenario = defineScenario<Recording>({
  async play(stage) {
    const { survey, actors } = stage
    const other = actors.bob ?? (survey.anonymous ? { ...actors.nobody, name: 'mallory' } : undefined)
    const facts = { survey, by: other?.name, canary: '', eventIds: [] }
    if (!survey.eras.includes('legacy') || !survey.sessions || survey.transport === 'sse') return facts
    return { ...facts, ...(await play(other, stage)) }
  },

  judge(recording): LiveVerdict {
    const { survey, by, opening, asked, canary, eventIds, resumed, foreign, foreignOpening } = recording
    const without = withoutSessions(survey as Survey)
    if (without !== undefined) return without
    if (survey.transport === 'sse') return liveNotApplicable('HTTP+SSE resumes no streams.')
    if (asked === undefined || messagesIn(asked).length === 0) return leftOpen("Alice's own session could not be used.")
    if (eventIds.length === 0) return liveNotApplicable('The server numbers no events: nothing can be played again.')
    if (by === undefined) return leftOpen(survey.noOther)
    if (!holds(asked, canary))
      return leftOpen('No answer says what was asked for, so that nothing shows whose it is when it is played again.')
    if (resumed === undefined || !holds(resumed, canary))
      return leftOpen('Events have IDs, but Alice herself was not given again what came after one.')
    if (foreign === undefined || foreignOpening === undefined)
      return leftOpen(`${by} could open no session of his own.`)
    if (!holds(foreign, canary)) return settled(foreign, by)
    return judgedLive([findingOf({ opening: opening ?? asked, asked, resumed, foreignOpening, foreign, by })], [], [])
  },
})

function settled(foreign: Exchange, by: string): LiveVerdict {
  return isRefused(foreign) || isEventStream(foreign)
    ? judgedLive([], [], [`an event ID of Alice's, presented by ${by}`])
    : leftOpen(`${by} was not answered when he asked for events.`)
}

/** What Alice asked, and the events that her answer came with. */
interface Asked {
  readonly asked: Exchange
  readonly canary: string
  readonly ids: readonly string[]
}

/** Alone, Alice shows at least whether events have IDs. */
async function play(other: Actor | undefined, stage: Stage): Promise<Partial<Recording>> {
  const { alice } = stage.actors
  const { exchange: opening, session } = await stage.open(alice)
  if (session === undefined) return {}
  const { ask, first } = await tellingQuestion(session, stage)
  const eventIds = [...first.ids, ...eventIdsIn(opening)]
  const start = { opening, asked: first.asked, canary: first.canary, eventIds }
  if (other === undefined || eventIds.length === 0 || !holds(first.asked, first.canary)) return start
  const back = await wayBack(await waysBack(first, eventIds, () => ask(session, stage)), session, stage)
  if (back === undefined) return start
  const { hersMs, ...found } = back
  const { exchange: foreignOpening, session: his } = await stage.open(other)
  if (his === undefined) return { ...start, ...found }
  const patience = { canary: found.canary, waitMs: REPLAY_MS + hersMs * TIMES_HERS }
  return { ...start, ...found, foreignOpening, foreign: await resume(other, his, found.eventId, patience, stage) }
}

interface WayBack extends Required<Pick<Recording, 'asked' | 'canary' | 'eventId' | 'resumed'>> {
  /** How long Alice waited for what she had missed. */
  readonly hersMs: number
}

/** The first after which her answer comes again: of all at once, since each is an answer of its own; else of some, one after another and with patience. */
async function wayBack(ways: readonly Asked[], session: Session, stage: Stage): Promise<WayBack | undefined> {
  const soon = await Promise.all(ways.map((way) => goBack(way, REPLAY_MS, session, stage)))
  const found = soon.find((back) => back !== undefined)
  if (found !== undefined) return found
  for (const way of ways.slice(0, PATIENT)) {
    const back = await goBack(way, SURELY_MS, session, stage)
    if (back !== undefined) return back
  }
  return undefined
}

/** Undefined where what she was answered does not come again. */
async function goBack(
  { asked, canary, ids: [eventId] }: Asked,
  waitMs: number,
  session: Session,
  stage: Stage,
): Promise<WayBack | undefined> {
  if (eventId === undefined) return undefined
  const since = stage.now()
  const resumed = await resume(stage.actors.alice, session, eventId, { canary, waitMs }, stage)
  return holds(resumed, canary) ? { asked, canary, eventId, resumed, hersMs: stage.now() - since } : undefined
}

/** Asks for something that names a new canary. */
type Ask = (session: Session, stage: Stage) => Promise<Asked>

/** By a tool that nobody has; where that says nothing of events, by what the configuration writes and reads. */
async function tellingQuestion(session: Session, stage: Stage): Promise<{ readonly ask: Ask; readonly first: Asked }> {
  const byName = { ask: askByName, first: await askByName(session, stage) }
  const { canary } = stage.config
  if (canary === undefined || canary.make !== undefined || isTelling(byName.first)) return byName
  const askByNote: Ask = (own) => stage.writing(() => askForNote(canary, own, stage))
  const byNote = { ask: askByNote, first: await askByNote(session, stage) }
  return isTelling(byNote.first) ? byNote : byName
}

function isTelling({ asked, canary, ids }: Asked): boolean {
  return ids.length > 0 && holds(asked, canary)
}

async function askByName(session: Session, stage: Stage): Promise<Asked> {
  const canary = stage.canary()
  const asked = await stage.request(stage.actors.alice, session, 'tools/call', { name: canary, arguments: {} })
  return { asked, canary, ids: eventIdsIn(asked) }
}

async function askForNote({ put, get }: Canary, session: Session, stage: Stage): Promise<Asked> {
  const { alice } = stage.actors
  const canary = stage.canary()
  await stage.call(alice, session, put, { canary })
  const asked = await stage.call(alice, session, get, { canary })
  return { asked, canary, ids: eventIdsIn(asked) }
}

/** Events after which an answer of Alice's should come again: the first with several answers, then whatever came with one of them. */
async function waysBack(
  first: Asked,
  eventIds: readonly string[],
  ask: () => Promise<Asked>,
): Promise<readonly Asked[]> {
  const asks = [first]
  while (asks.length < ASKS) asks.push(await ask())
  return [...asks, ...eventIds.slice(1).map((id) => ({ ...first, ids: [id] }))].slice(0, MOST_WAYS)
}

function eventIdsIn(exchange: Exchange): readonly string[] {
  const isStream = /^text\/event-stream\b/i.test(responseHeader(exchange, 'content-type') ?? '')
  return isStream ? eventsIn(exchange.response?.body ?? '').flatMap(({ id }) => (id ? [id] : [])) : []
}

async function resume(
  actor: Actor,
  session: Session,
  eventId: string,
  { canary, waitMs }: { readonly canary: string; readonly waitMs: number },
  stage: Stage,
): Promise<Exchange> {
  const stream = await stage.stream(actor, session, { headers: [['last-event-id', eventId]] })
  await stream.until(({ data }) => data.includes(canary), waitMs)
  stream.close()
  return stream.exchange()
}

interface Theft {
  readonly opening: Exchange
  readonly asked: Exchange
  readonly resumed: Exchange
  readonly foreignOpening: Exchange
  readonly foreign: Exchange
  readonly by: string
}

function findingOf({ opening, asked, resumed, foreignOpening, foreign, by }: Theft): LiveFindingDraft {
  return {
    key: 'replay',
    what: `${by} names an event of Alice's session in a session of his own, and is given what she was answered after it.`,
    trace: [
      { note: 'Alice opens a session', exchange: opening },
      { note: 'she asks, and is answered in an event with an ID', exchange: asked },
      { note: 'she may have it again', exchange: resumed },
      { note: `${by} opens a session of his own`, exchange: foreignOpening },
      { note: `and asks in it for what came after Alice's event: her answer comes`, exchange: foreign },
    ],
    confidence: 'high',
  }
}
