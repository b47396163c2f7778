/** IDs that no server minted, brought to `initialize` and to a first request: does one of them become a session? */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { holds, isRefused, isServed, responseHeader, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, withoutSessions } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'
import type { Changes, Session } from '../../wire/legacy.ts'

/** One way to bring an ID along when a session is opened. */
interface Bringing {
  readonly way: 'header' | 'query' | 'body'
  readonly chosen: string
  readonly opening: Exchange
  /** The ID of the session that was opened; the chosen one where it was adopted. */
  readonly minted: string | undefined
}

/** A first request under an ID that names nothing. */
interface Unknown {
  readonly chosen: string
  readonly first: Exchange
  /** The same without any ID: who is served then as well is served without a session. */
  readonly without: Exchange
  /** What was written under the ID and read under it again, and under another. */
  readonly note?: { readonly canary: string; readonly read: Exchange; readonly elsewhere: Exchange }
}

interface Recording {
  readonly survey: Survey
  readonly brought: readonly Bringing[]
  readonly unknown: Unknown | undefined
}

export const scenario = defineScenario<Recording>({
  perEndpoint: true,
  async play(stage) {
    const { survey } = stage
    if (!survey.sessions) return { survey, brought: [], unknown: undefined }
    const brought = await stage.together(WAYS.map((way) => () => bring(way, stage)))
    return { survey, brought, unknown: survey.transport === 'http' ? await presentUnknown(stage) : undefined }
  },

  judge({ survey, brought, unknown }) {
    const unfit = withoutSessions(survey)
    if (unfit !== undefined) return unfit
    const adopted = brought.filter(({ chosen, minted }) => minted === chosen)
    // A refusal is right too; what neither opened a session nor was refused says nothing.
    const clear = brought.filter(({ opening, minted, chosen }) => minted !== chosen && (minted ?? isRefused(opening)))
    const created = unknown && createdBy(unknown)
    const silent = brought.length - adopted.length - clear.length
    if (clear.length + adopted.length === 0) return leftOpen('No session could be opened with an ID brought along.')
    return judgedLive(
      [...adopted.map(adoption), ...(unknown && created === true ? [creation(unknown)] : [])],
      [
        ...(silent > 0 ? ['Whether an ID that is brought along becomes the session could not be told.'] : []),
        ...(unknown && created === undefined
          ? [
              `Unknown IDs are answered (${statusOf(unknown.first) ?? 'not at all'}), but whether they become sessions could not be told.`,
            ]
          : []),
      ],
      [...clear.map(({ way }) => `an ID in the ${way} of initialize`), ...(created === false ? ['an unknown ID'] : [])],
    )
  },
})

const WAYS = ['header', 'query', 'body'] as const

async function bring(way: Bringing['way'], stage: Stage): Promise<Bringing> {
  const chosen = stage.inventedId()
  stage.keep('chosen-id', chosen)
  const { exchange, session } = await stage.open(stage.actors.alice, changesFor(way, chosen, stage))
  if (session !== undefined) await stage.close(session)
  return { way, chosen, opening: exchange, minted: session?.id ?? responseHeader(exchange, 'mcp-session-id') }
}

function changesFor(way: Bringing['way'], chosen: string, stage: Stage): Changes {
  if (way === 'header') return { headers: [['mcp-session-id', chosen]] }
  if (way === 'body') return { params: { sessionId: chosen, _meta: { sessionId: chosen } } }
  const { pathname, search } = stage.target
  const joint = search === '' ? '?' : '&'
  return { path: `${pathname}${search}${joint}sessionId=${chosen}&session_id=${chosen}` }
}

async function presentUnknown(stage: Stage): Promise<Unknown> {
  const { alice } = stage.actors
  const [session, other] = [invented(stage), invented(stage)]
  const first = await stage.request(alice, session, stage.survey.method)
  const without = await stage.request(alice, { ...session, id: undefined }, stage.survey.method)
  const note = isServed(first) ? await stage.writing(() => writeUnder(session, other, stage)) : undefined
  await stage.end(alice, session)
  return { chosen: session.id, first, without, ...(note && { note }) }
}

function invented(stage: Stage): Session & { readonly id: string } {
  const id = stage.inventedId()
  stage.keep('chosen-id', id)
  const { pathname, search } = stage.target
  return { transport: 'http', id, path: `${pathname}${search}`, cookies: [] }
}

async function writeUnder(session: Session, other: Session, stage: Stage): Promise<Unknown['note']> {
  const { canary } = stage.config
  const { alice } = stage.actors
  if (canary === undefined || canary.make !== undefined) return undefined
  const text = stage.canary()
  await stage.call(alice, session, canary.put, { canary: text })
  const read = await stage.call(alice, session, canary.get, { canary: text })
  return { canary: text, read, elsewhere: await stage.call(alice, other, canary.get, { canary: text }) }
}

/** Undefined: it is answered, which a server that pays no heed to IDs does as well. */
function createdBy({ chosen, first, without, note }: Unknown): boolean | undefined {
  if (isRefused(first)) return false
  if (!isServed(first)) return undefined
  if (responseHeader(first, 'mcp-session-id') === chosen) return true
  if (note && holds(note.read, note.canary) && !holds(note.elsewhere, note.canary)) return true
  return isRefused(without) ? true : undefined
}

function adoption({ way, opening }: Bringing): LiveFindingDraft {
  return {
    key: `adopted ${way}`,
    what: `An ID that the client chose and sent in the ${way} of initialize became the ID of the new session.`,
    trace: [{ note: 'the session is opened under the ID that was brought along', exchange: opening }],
    confidence: 'high',
  }
}

function creation({ first, without, note }: Unknown): LiveFindingDraft {
  return {
    key: 'created',
    what: 'A request with a session ID that the server never minted is served in a session under that ID.',
    trace: [
      { note: 'without an ID the request is not served alike', exchange: without },
      { note: 'under an ID that names nothing it is', exchange: first },
      ...(note && holds(note.read, note.canary)
        ? [{ note: 'what was written under that ID is there again', exchange: note.read }]
        : []),
    ],
    primary: 1,
    confidence: note && holds(note.read, note.canary) ? 'high' : 'medium',
  }
}
