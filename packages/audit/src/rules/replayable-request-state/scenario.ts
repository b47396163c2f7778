/** A state that Alice redeemed comes again: afterwards, many times at once, without an answer, and with a refusal for an answer. */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import {
  beginFlow,
  type Begun,
  bringBack,
  effectSeen,
  type Groundwork,
  hadEffect,
  isComplete,
  layGround,
  redeem,
  type Redeemed,
  withoutFlow,
} from '../../wire/flow.ts'
import { Gate } from '../../wire/gate.ts'
import { isObject } from '../../wire/reading.ts'
import { defineScenario, judgedLive, type LiveVerdict } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'

type How = 'again' | 'unanswered' | 'declined'

interface Attempt {
  readonly how: How
  readonly begun: Exchange
  readonly redeemed: Redeemed
}

/** One state, redeemed many times together. */
interface Race {
  readonly begun: Exchange
  readonly together: readonly Exchange[]
  readonly before: string | undefined
  readonly after: string | undefined
  readonly shown: Exchange | undefined
  /** What one redemption makes of the effect: by how much it grows. */
  readonly growth: number
}

interface Recording {
  readonly ground: Groundwork
  readonly attempts: readonly Attempt[]
  readonly race?: Race
}

const RACERS = 8

export const scenario = defineScenario<Recording>({
  alone: ({ flow }) => flow !== undefined,

  async play(stage) {
    const { config, actors } = stage
    const { ground, first } = await layGround(stage)
    if (first === undefined) return { ground, attempts: [] }
    const again = await redeem(stage, actors.alice, first)
    const attempts: Attempt[] = [{ how: 'again', begun: first.exchange, redeemed: again }]
    await addAttempt('unanswered', undefined, attempts, stage)
    const refusal = declined(config.flow?.respond ?? {})
    if (refusal !== undefined) await addAttempt('declined', refusal, attempts, stage)
    const race = await playRace(stage, ground)
    return { ground, attempts, ...(race && { race }) }
  },

  judge({ ground, attempts, race }): LiveVerdict {
    const without = withoutFlow(ground)
    if (without !== undefined) return without
    const { honest } = ground
    const judged = attempts.map((attempt) => ({ attempt, worked: hadEffect(attempt.redeemed) }))
    const raced = race && happenedOften(race)
    return judgedLive(
      honest
        ? [
            ...judged.flatMap(({ attempt, worked }) => (worked ? [findingOf(attempt, honest)] : [])),
            ...(race && raced === true ? [raceFinding(race, honest)] : []),
          ]
        : [],
      judged.flatMap(({ attempt: { how }, worked }) =>
        worked === undefined
          ? [`A state was taken ${WORDS[how]}, and nothing is configured to show whether it had an effect.`]
          : [],
      ),
      [
        ...judged.flatMap(({ attempt: { how }, worked }) => (worked === false ? [WORDS[how]] : [])),
        ...(raced === false ? [`${RACERS} times at once`] : []),
      ],
    )
  },
})

const WORDS: Readonly<Record<How, string>> = {
  again: 'a second time',
  unanswered: 'without an answer',
  declined: 'with a refusal for an answer',
}

async function addAttempt(
  how: How,
  responses: Readonly<Record<string, unknown>> | undefined,
  attempts: Attempt[],
  stage: Stage,
): Promise<void> {
  const begun = await beginFlow(stage, stage.actors.alice)
  if (begun.state === undefined) return
  attempts.push({ how, begun: begun.exchange, redeemed: await redeem(stage, stage.actors.alice, begun, { responses }) })
}

/** What somebody answers who does not agree; undefined where the answer is none that could be a refusal. */
function declined(respond: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined {
  const answers = Object.entries(respond)
  const isConsent = ([, value]: readonly [string, unknown]): boolean =>
    typeof value === 'boolean' || (isObject(value) && 'action' in value)
  if (!answers.some(isConsent)) return undefined
  return Object.fromEntries(
    answers.map(([name, value]) => [name, typeof value === 'boolean' ? false : { action: 'decline' }]),
  )
}

async function playRace(stage: Stage, { honest }: Groundwork): Promise<Race | undefined> {
  const { alice } = stage.actors
  const begun = await beginFlow(stage, alice)
  if (begun.state === undefined) return undefined
  const before = await effectSeen(stage, [alice])
  const together = await redeemTogether(stage, begun)
  const after = await effectSeen(stage, [alice])
  const growth = (honest?.after?.length ?? 0) - (honest?.before?.length ?? 0)
  return {
    begun: begun.exchange,
    together,
    before: before?.text,
    after: after?.text,
    shown: after?.exchange,
    growth,
  }
}

function redeemTogether(stage: Stage, begun: Begun): Promise<readonly Exchange[]> {
  const gate = new Gate(RACERS)
  return Promise.all(Array.from({ length: RACERS }, () => bringBack(stage, stage.actors.alice, begun, { gate })))
}

/** More than one of them was carried out, and the effect is more than one redemption's; undefined where that cannot be told. */
function happenedOften({ together, before, after, growth }: Race): boolean | undefined {
  if (together.filter(isComplete).length <= 1) return false
  if (before === undefined || after === undefined) return undefined
  // Of a list, each entry makes it longer; of a balance, nothing can be said by its length.
  return growth > 0 ? after.length - before.length > 1.5 * growth : undefined
}

function findingOf({ how, begun, redeemed }: Attempt, honest: Redeemed): LiveFindingDraft {
  const start =
    how === 'again'
      ? [
          { note: 'a state is given out', exchange: begun },
          { note: 'and redeemed, as it may be', exchange: honest.exchange },
        ]
      : [{ note: 'a state is given out', exchange: begun }]
  return {
    key: how,
    what:
      how === 'again'
        ? 'A requestState is redeemed a second time, and what it stands for happens again.'
        : `A requestState that comes ${WORDS[how]} is acted on: that it comes is taken for consent.`,
    trace: [
      ...start,
      { note: `it comes ${WORDS[how]}`, exchange: redeemed.exchange },
      ...(redeemed.shown ? [{ note: 'the effect is there', exchange: redeemed.shown }] : []),
    ],
    primary: start.length,
    confidence: 'high',
  }
}

function raceFinding({ begun, together, shown }: Race, honest: Redeemed): LiveFindingDraft {
  const done = together.filter(isComplete)
  return {
    key: 'race',
    what: `One requestState, redeemed ${together.length} times at once, has its effect ${done.length} times.`,
    trace: [
      { note: 'a state is redeemed, as it may be', exchange: honest.exchange },
      { note: 'another one is given out', exchange: begun },
      ...done.slice(0, 2).map((exchange, index) => ({
        note: index === 0 ? 'it comes many times at once, and is redeemed' : 'and redeemed',
        exchange,
      })),
      ...(shown ? [{ note: 'the effect is there more than once', exchange: shown }] : []),
    ],
    primary: 3,
    confidence: 'high',
  }
}
