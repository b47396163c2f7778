/** Alice's session ID, presented without a credential, or with one that has expired. */
import type { Exchange } from '../../finding/finding.ts'
import { isRefused, isServed } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, liveNotApplicable, withoutSessions } from '../../wire/scenario.ts'
import type { Survey } from '../../wire/survey.ts'
import { type Attempt, playTheft, refusedIn, theftsIn, undecidedIn } from '../../wire/theft.ts'

interface Recording {
  readonly survey: Survey
  /** Whether the expired credential opens a session of its own: then it has not expired. */
  readonly expired: Exchange | undefined
  readonly attempts: readonly Attempt[]
}

export const scenario = defineScenario<Recording>({
  async play(stage) {
    const { survey, actors } = stage
    if (!survey.sessions || survey.anonymous) return { survey, expired: undefined, attempts: [] }
    const expired = actors.expired && (await stage.open(actors.expired)).exchange
    const thieves = [actors.nobody, ...(actors.expired && expired && isRefused(expired) ? [actors.expired] : [])]
    const attempts = await stage.together(thieves.map((thief) => () => playTheft(thief, stage)))
    return { survey, expired, attempts: attempts.flat() }
  },

  judge({ survey, expired, attempts }) {
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
