/** Alice opens sessions; others, with credentials of their own, present their IDs. */
import { defineScenario, judgedLive, leftOpen, liveNotApplicable, withoutSessions } from '../../wire/scenario.ts'
import type { Survey } from '../../wire/survey.ts'
import { type Attempt, playTheft, refusedIn, theftsIn, undecidedIn } from '../../wire/theft.ts'

interface Recording {
  readonly survey: Survey
  readonly others: readonly string[]
  /** Who presents what Alice presents. */
  readonly sharing: string | undefined
  readonly attempts: readonly Attempt[]
}

export const scenario = defineScenario<Recording>({
  perEndpoint: true,
  async play(stage) {
    const { survey, actors } = stage
    const others = [actors.bob, actors.carol, actors.sharing].filter((actor) => actor !== undefined)
    const thieves = survey.sessions && !survey.anonymous ? others : []
    const attempts = await stage.together(thieves.map((thief) => () => playTheft(thief, stage)))
    const names = others.map(({ name }) => name)
    return { survey, others: names, sharing: actors.sharing?.name, attempts: attempts.flat() }
  },

  judge({ survey, others, sharing, attempts }) {
    const unfit = withoutSessions(survey)
    if (unfit !== undefined) return unfit
    if (survey.anonymous)
      return liveNotApplicable('The server lets everybody in: a session has no principal to be bound to.')
    if (others.length === 0) return leftOpen(survey.noOther)
    if (attempts.length === 0)
      return leftOpen("Alice's own session could not be used, so nothing can be said of a stolen one.")
    return judgedLive(
      theftsIn(
        attempts,
        (by) => `${by}, with ${by === sharing ? 'the credential that Alice shares' : 'his own credential'},`,
      ),
      undecidedIn(attempts),
      refusedIn(attempts),
    )
  },
})
