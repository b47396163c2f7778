/** Alice ends her session and presents its ID once more. */
import type { Exchange } from '../../finding/finding.ts'
import type { Session } from '../../wire/legacy.ts'
import { isEventStream, isRefused, isServed, isSuccess, parsed, type RpcMessage, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, type LiveVerdict, leftOpen, withoutSessions } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Stream } from '../../wire/stream.ts'
import type { Survey } from '../../wire/survey.ts'

interface Recording {
  readonly survey: Survey
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
  async play(stage) {
    return { survey: stage.survey, ...(stage.survey.sessions && (await endAndReturn(stage))) }
  },

  judge(recording) {
    const { survey, legitimate, after } = recording
    const unfit = withoutSessions(survey)
    if (unfit !== undefined) return unfit
    if (legitimate === undefined || !isServed(legitimate) || after === undefined)
      return leftOpen("Alice's own session could not be used, so its end shows nothing.")
    return survey.transport === 'sse' ? judgeStream(recording) : judgeDelete(recording)
  },
})

async function endAndReturn(stage: Stage): Promise<Omit<Recording, 'survey'>> {
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
  const ended = await stage.end(alice, session)
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

function judgeDelete({ opening, legitimate, ended, after, control, stream }: Recording): LiveVerdict {
  if (!opening || !legitimate || !ended || !after) return leftOpen('The session could not be ended.')
  if (isRefused(after) && isSuccess(ended)) return judgeLateEvents({ opening, ended, after, ...(stream && { stream }) })
  if (control === undefined || isServed(control))
    return leftOpen('Any ID is served, so that of an ended session shows nothing.')
  if (!isServed(after) || !isSuccess(ended))
    return leftOpen(
      `DELETE was answered with ${statusOf(ended) ?? 'nothing'}, so whether sessions can be ended otherwise is not known.`,
    )
  return judgedLive(
    [
      {
        key: 'DELETE',
        what: 'DELETE is answered as if the session had ended, and its ID is served as before.',
        trace: [
          { note: 'Alice opens a session', exchange: opening },
          { note: 'she uses it', exchange: legitimate },
          { note: 'she ends it, and the server agrees', exchange: ended },
          { note: 'the ID of the ended session is still served', exchange: after },
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
  opening,
  ended,
  after,
  stream,
}: Pick<Recording, 'opening' | 'ended' | 'after' | 'stream'>): LiveVerdict {
  // A stream that stays open and silent tells nobody anything.
  if (!stream?.late || !opening || !ended || !after) return judgedLive([], [], ['DELETE'])
  return judgedLive(
    [
      {
        key: 'late events',
        what: 'DELETE ends the session, and an event stream that was open goes on delivering.',
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
