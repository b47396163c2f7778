/** Alice's answer comes as an event with an ID; another, in a session of his own, asks for everything after it. */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
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

interface Recording {
  readonly survey: Pick<Survey, 'eras' | 'sessions' | 'refusal' | 'transport'>
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

/** How long is waited for what is played again: after an event of that very answer it should come, after another it may. */
const REPLAY_MS = 2_000
const MAYBE_MS = 400
/** What comes to another may take longer than what came to Alice. */
const TIMES_HERS = 4

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
    if (by === undefined) return leftOpen('No second principal (bob) is configured.')
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

/** Alone, Alice shows at least whether events have IDs. */
async function play(other: Actor | undefined, stage: Stage): Promise<Partial<Recording>> {
  const { alice } = stage.actors
  const { exchange: opening, session } = await stage.open(alice)
  if (session === undefined) return {}
  const canary = stage.canary()
  const asked = await stage.request(alice, session, 'tools/call', { name: canary, arguments: {} })
  const [own, earlier] = [eventIdsIn(asked), eventIdsIn(opening)]
  const start = { opening, asked, canary, eventIds: [...own, ...earlier] }
  if (other === undefined) return start
  for (const eventId of start.eventIds) {
    const since = stage.now()
    const waitMs = eventId === own[0] ? REPLAY_MS : MAYBE_MS
    const resumed = await resume(alice, session, eventId, { canary, waitMs }, stage)
    if (!holds(resumed, canary)) continue
    const hersMs = stage.now() - since
    const { exchange: foreignOpening, session: his } = await stage.open(other)
    if (his === undefined) return { ...start, eventId, resumed }
    return {
      ...start,
      eventId,
      resumed,
      foreignOpening,
      foreign: await resume(other, his, eventId, { canary, waitMs: MAYBE_MS + hersMs * TIMES_HERS }, stage),
    }
  }
  return start
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
