/** Alice ends her session and presents its ID once more. */
import type { Exchange } from '../../finding/finding.ts'
import { isRefused, isServed, isSuccess, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, type LiveVerdict, leftOpen, withoutSessions } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'

interface Recording {
  readonly survey: Survey
  readonly opening?: Exchange
  readonly legitimate?: Exchange
  /** DELETE; of HTTP+SSE, where the end of the stream ends the session, absent. */
  readonly ended?: Exchange
  readonly after?: Exchange
  /** The same under an ID that names nothing. Where that is served, a served ID shows no session. */
  readonly control?: Exchange
}

/** A server learns of a closed connection a moment later. */
const NOTICE_MS = 250

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
  const legitimate = await stage.request(alice, session, 'tools/list')
  if (session.transport === 'sse') {
    session.stream?.close()
    await stage.sleep(NOTICE_MS)
    return { opening, legitimate, after: await stage.notify(alice, session, 'notifications/initialized') }
  }
  const ended = await stage.end(alice, session)
  const after = await stage.request(alice, session, 'tools/list')
  return {
    opening,
    legitimate,
    ended,
    after,
    control: await stage.request(alice, stage.unknownLike(session), 'tools/list'),
  }
}

function judgeDelete({ opening, legitimate, ended, after, control }: Recording): LiveVerdict {
  if (!opening || !legitimate || !ended || !after) return leftOpen('The session could not be ended.')
  if (isRefused(after) && isSuccess(ended)) return judgedLive([], [], ['DELETE'])
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
