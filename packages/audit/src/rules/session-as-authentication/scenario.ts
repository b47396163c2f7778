/** Alice's session ID, presented without a credential, or with one that has expired. */
import type { Exchange } from '../../finding/finding.ts'
import { isRefused, isServed } from '../../wire/reading.ts'
import {
  defineScenario,
  found,
  judgedLive,
  judgedViews,
  leftOpen,
  liveNotApplicable,
  undecided,
  type View,
  withoutSessions,
} from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'
import { type Attempt, playTheft, refusedIn, theftsIn, undecidedIn } from '../../wire/theft.ts'

interface Recording {
  readonly survey: Survey
  /** Whether the expired credential opens a session of its own: then it has not expired. */
  readonly expired: Exchange | undefined
  readonly attempts: readonly Attempt[]
  /** At an endpoint that lets everybody in: nobody in particular, served. */
  readonly open?: { readonly opening: Exchange; readonly served: Exchange }
}

export const scenario = defineScenario<Recording>({
  perEndpoint: true,
  async play(stage) {
    const { survey, actors } = stage
    if (survey.anonymous && isAskedElsewhere(survey))
      return { survey, expired: undefined, attempts: [], ...(await enterOpenly(stage)) }
    if (!survey.sessions || survey.anonymous) return { survey, expired: undefined, attempts: [] }
    const expired = actors.expired && (await stage.open(actors.expired)).exchange
    const thieves = [actors.nobody, ...(actors.expired && expired && isRefused(expired) ? [actors.expired] : [])]
    const attempts = await stage.together(thieves.map((thief) => () => playTheft(thief, stage)))
    return { survey, expired, attempts: attempts.flat() }
  },

  judge({ survey, expired, attempts, open }) {
    if (open !== undefined) return judgedViews([judgeOpen(open, survey)])
    const unfit = withoutSessions(survey)
    if (unfit !== undefined) return unfit
    if (survey.anonymous) return liveNotApplicable('The server asks nobody for a credential.')
    if (attempts.length === 0)
      return leftOpen("Alice's own session could not be used, so nothing can be said of its ID alone.")
    const alive = expired && isServed(expired) ? ['The credential that is configured as expired is still served.'] : []
    return judgedLive(
      theftsIn(attempts, (by) =>
        by === 'nobody' ? 'Mallory, without any credential,' : 'Mallory, with an expired credential,',
      ),
      [...undecidedIn(attempts), ...alive],
      refusedIn(attempts),
    )
  },
})

function isAskedElsewhere({ elsewhere = [] }: Survey): boolean {
  return elsewhere.length > 0 && elsewhere.every(isRefused)
}

async function enterOpenly(stage: Stage): Promise<Pick<Recording, 'open'>> {
  const { nobody } = stage.actors
  const { exchange: opening, session } = await stage.open(nobody)
  if (session === undefined) return {}
  const served = await stage.request(nobody, session, stage.survey.method)
  return { open: { opening, served } }
}

function judgeOpen({ opening, served }: NonNullable<Recording['open']>, { elsewhere = [] }: Survey): View {
  const [refused] = elsewhere
  if (refused === undefined || !isServed(served)) return undecided('Whether anybody is let in here could not be told.')
  return found({
    key: 'open endpoint',
    what: 'Nobody is asked for a credential here, though the endpoint beside it asks everybody.',
    trace: [
      { note: 'the endpoint beside it refuses whoever shows no credential', exchange: refused },
      { note: 'Mallory, without any credential, opens a session here', exchange: opening },
      { note: 'and is served in it', exchange: served },
    ],
    confidence: 'medium',
  })
}
