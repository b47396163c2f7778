/** Alice ends her session and presents its ID once more. */
import type { Exchange, HeaderField } from '../../finding/finding.ts'
import {
  type Handles,
  handlesIn,
  hasHandles,
  headersFor,
  keepHandles,
  mergedHandles,
  noHandles,
  sendStep,
} from '../../wire/login.ts'
import type { Session } from '../../wire/legacy.ts'
import {
  isEventStream,
  isGranted,
  isRefused,
  isServed,
  isSuccess,
  parsed,
  type RpcMessage,
  statusOf,
} from '../../wire/reading.ts'
import { defineScenario, judgedLive, type LiveVerdict, leftOpen, withoutSessions } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Stream } from '../../wire/stream.ts'
import type { Survey } from '../../wire/survey.ts'

interface Recording {
  readonly survey: Survey
  /** What was asked to end the session. */
  readonly how: 'DELETE' | 'The logout'
  /** A session of the web, behind a login: its handle is a cookie or the like, and what it opens is a page. */
  readonly web?: true
  readonly opening?: Exchange
  readonly legitimate?: Exchange
  /** DELETE; of HTTP+SSE, where the end of the stream ends the session, absent. */
  readonly ended?: Exchange
  readonly after?: Exchange
  /** An event stream that was open when the session ended: what came on it afterwards. */
  readonly stream?: { readonly late: Exchange | undefined }
  /** The same under an ID that names nothing. Where that is served, a served ID shows no session. */
  readonly control?: Exchange
}

/** A server learns of a closed connection a moment later. */
const NOTICE_MS = 250
const LATE_EVENT_MS = 1_500

export const scenario = defineScenario<Recording>({
  alone: ({ logout }) => logout !== undefined,

  async play(stage) {
    const { survey, config } = stage
    const how = config.logout === undefined ? 'DELETE' : 'The logout'
    if (!survey.sessions && config.logout && config.login) return { survey, how, web: true, ...(await playWeb(stage)) }
    return { survey, how, ...(survey.sessions && (await endAndReturn(stage))) }
  },

  judge(recording) {
    const { survey, web, legitimate, after } = recording
    const unfit = web ? undefined : withoutSessions(survey)
    if (unfit !== undefined) return unfit
    if (legitimate === undefined || !isGranted(legitimate) || after === undefined)
      return leftOpen("Alice's own session could not be used, so its end shows nothing.")
    return survey.transport === 'sse' ? judgeStream(recording) : judgeEnd(recording)
  },
})

type Played = Omit<Recording, 'survey' | 'how' | 'web'>

/** Alice logs in, logs out, and presents what the login had given her once more; with a handle that names nothing beside it. */
async function playWeb(stage: Stage): Promise<Played> {
  const { actors, config } = stage
  const { login, logout } = config
  if (login === undefined || logout === undefined) return {}
  const first = login.init && handlesIn(await sendStep(actors.alice, login.init, noHandles, stage))
  const opening = await sendStep(actors.alice, login.auth, first ?? noHandles, stage)
  const handles = mergedHandles(first ?? noHandles, handlesIn(opening))
  if (!hasHandles(handles)) return { opening }
  keepHandles(handles, stage)
  const nowhere = {
    cookies: handles.cookies.map((cookie) => `${cookie.slice(0, cookie.indexOf('='))}=${stage.inventedId()}`),
    fields: handles.fields.map(([name]): HeaderField => [name, stage.inventedId()]),
  }
  const legitimate = await pageUnder(handles, stage)
  const ended = await sendStep(actors.alice, logout, handles, stage)
  const after = await pageUnder(handles, stage)
  return { opening, legitimate, ended, after, control: await pageUnder(nowhere, stage) }
}

/** The target, as Alice sees it with these handles beside her own credential. */
function pageUnder(handles: Handles, stage: Stage): Promise<Exchange> {
  const { alice } = stage.actors
  const own = new Set(alice.headers.map(([name]) => name))
  const presented = headersFor(handles).filter(([name]) => !own.has(name))
  return stage.send({ ...alice, headers: [...alice.headers, ...presented] }, { method: 'GET' })
}

/** By its own route where one is configured. */
function end(session: Session, stage: Stage): Promise<Exchange> {
  const { alice } = stage.actors
  const { logout } = stage.config
  if (logout === undefined) return stage.end(alice, session)
  const { method, path, body } = logout
  const named: readonly HeaderField[] = session.id === undefined ? [] : [['mcp-session-id', session.id]]
  const headers = [...named, ...logout.headers]
  return stage.send(alice, { method, path, headers, ...(body !== undefined && { body }) })
}

async function endAndReturn(stage: Stage): Promise<Played> {
  const { alice } = stage.actors
  const { exchange: opening, session } = await stage.open(alice)
  if (session === undefined) return { opening }
  const legitimate = await stage.request(alice, session, stage.survey.method)
  if (session.transport === 'sse') {
    session.stream?.close()
    await stage.sleep(NOTICE_MS)
    return { opening, legitimate, after: await stage.notify(alice, session, 'notifications/initialized') }
  }
  const open = await stage.stream(alice, session)
  const ended = await end(session, stage)
  const before = open.events.length
  const after = await lastLook(session, stage)
  const control = await stage.request(alice, stage.unknownLike(session), stage.survey.method)
  const stream = isEventStream(open.exchange()) ? await aftermathOf(open, before) : undefined
  return { opening, legitimate, ended, after, control, ...(stream && { stream }) }
}

/** A server may need a moment to end a session. */
async function lastLook(session: Session, stage: Stage): Promise<Exchange> {
  const look = () => stage.request(stage.actors.alice, session, stage.survey.method)
  const first = await look()
  if (!isServed(first)) return first
  await stage.sleep(NOTICE_MS)
  return look()
}

/** What the server goes on to say on the stream, where it does not close it. That it is still there says nothing of anything. */
async function aftermathOf(stream: Stream, before: number): Promise<Recording['stream']> {
  const closed = await stream.ends(LATE_EVENT_MS)
  const late = stream.events.slice(before).some(({ data }) => parsed(data).some(isNews)) ? stream.exchange() : undefined
  stream.close()
  return { late: closed ? undefined : late }
}

function isNews({ method, result }: RpcMessage): boolean {
  return (method !== undefined && method !== 'ping') || result !== undefined
}

function judgeEnd({ how, opening, legitimate, ended, after, control, stream }: Recording): LiveVerdict {
  if (!opening || !legitimate || !ended || !after) return leftOpen('The session could not be ended.')
  if (isRefused(after) && isSuccess(ended))
    return judgeLateEvents({ how, opening, ended, after, ...(stream && { stream }) })
  if (control === undefined || isGranted(control))
    return leftOpen('Any ID is served, so that of an ended session shows nothing.')
  if (!isGranted(after) || !isSuccess(ended))
    return leftOpen(
      `${how} was answered with ${statusOf(ended) ?? 'nothing'}, so whether sessions can be ended otherwise is not known.`,
    )
  return judgedLive(
    [
      {
        key: how === 'DELETE' ? how : 'logout',
        what: `${how} is answered as if the session had ended, and what names it is served as before.`,
        trace: [
          { note: 'Alice opens a session', exchange: opening },
          { note: 'she uses it', exchange: legitimate },
          { note: 'she ends it, and the server agrees', exchange: ended },
          { note: 'what names the ended session is still served', exchange: after },
        ],
        confidence: 'high',
      },
    ],
    [],
    [],
  )
}

/** The ID is refused; a stream that was open may still deliver. */
function judgeLateEvents({
  how,
  opening,
  ended,
  after,
  stream,
}: Pick<Recording, 'how' | 'opening' | 'ended' | 'after' | 'stream'>): LiveVerdict {
  // A stream that stays open and silent tells nobody anything.
  if (!stream?.late || !opening || !ended || !after) return judgedLive([], [], [how === 'DELETE' ? how : 'a logout'])
  return judgedLive(
    [
      {
        key: 'late events',
        what: `${how} ends the session, and an event stream that was open goes on delivering.`,
        trace: [
          { note: 'Alice opens a session', exchange: opening },
          { note: 'she ends it, and the server agrees', exchange: ended },
          { note: 'its ID is refused', exchange: after },
          { note: 'a stream from before still delivers', exchange: stream.late },
        ],
        confidence: 'high',
      },
    ],
    [],
    [],
  )
}

function judgeStream({ opening, legitimate, after }: Recording): LiveVerdict {
  if (!opening || !legitimate || !after) return leftOpen('The session could not be ended.')
  if (isRefused(after)) return judgedLive([], [], ['the end of the stream'])
  if (!isSuccess(after))
    return leftOpen(`After the end of the stream its ID was answered with ${statusOf(after) ?? 'nothing'}.`)
  return judgedLive(
    [
      {
        key: 'stream',
        what: 'The stream that carries the session has ended, and messages under its ID are still accepted.',
        trace: [
          { note: 'Alice opens a session', exchange: opening },
          { note: 'she uses it, then closes the stream', exchange: legitimate },
          { note: 'the ID is still accepted', exchange: after },
        ],
        confidence: 'medium',
      },
    ],
    [],
    [],
  )
}
