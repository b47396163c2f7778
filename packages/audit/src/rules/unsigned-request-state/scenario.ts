/** Alice's own request asks back; Mallory is its client, and sends another state than the one he was given. */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import {
  beginFlow,
  type Begun,
  type Groundwork,
  hadEffect,
  isComplete,
  layGround,
  names,
  redeem,
  type Redeemed,
  withoutFlow,
} from '../../wire/flow.ts'
import { resultIn } from '../../wire/reading.ts'
import { defineScenario, judgedLive, type LiveVerdict } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import { flipped, rewritten, type Tampered, truncated, type Wish } from '../../wire/tampering.ts'

interface Attempt {
  readonly kind: Tampered['kind']
  readonly redeemed: Redeemed
  /** What the state says now, where it can be read. */
  readonly mark?: string
}

interface Recording {
  readonly ground: Groundwork
  /** The state that is changed. */
  readonly begun?: Exchange
  readonly attempts: readonly Attempt[]
  /** That state as it was given, after everything. */
  readonly afterwards?: Redeemed
}

export const scenario = defineScenario<Recording>({
  alone: ({ flow }) => flow !== undefined,

  async play(stage) {
    const { ground, first } = await layGround(stage)
    if (first === undefined) return { ground, attempts: [] }
    const second = await beginFlow(stage, stage.actors.alice)
    if (second.state === undefined) return { ground, attempts: [] }
    const attempts = await playAll(stage, second)
    const afterwards = await redeem(stage, stage.actors.alice, second)
    return { ground, begun: second.exchange, attempts, afterwards }
  },

  judge({ ground, begun, attempts, afterwards }): LiveVerdict {
    const without = withoutFlow(ground)
    if (without !== undefined) return without
    const { honest } = ground
    const worked = attempts.filter((attempt) => isTheft(attempt, honest))
    const distinct = worked.filter(({ kind }, index) => worked.findIndex((one) => one.kind === kind) === index)
    const isAlive = afterwards !== undefined && isComplete(afterwards.exchange)
    const unclear = attempts.some(({ redeemed }) => isComplete(redeemed.exchange) && hadEffect(redeemed) === undefined)
    return judgedLive(
      honest && begun ? distinct.map((attempt) => findingOf(attempt, begun, honest)) : [],
      isAlive
        ? unclear
          ? ['A changed state was taken, and nothing is configured to show whether it had an effect.']
          : []
        : ['After the attempts the state as it was given was no longer good, so that their refusal proves nothing.'],
      isAlive ? [`${attempts.length} changed states`] : [],
    )
  },
})

const MOST_REDEEMED = 4

/** Each changed state once. What is refused leaves the original good. */
async function playAll(stage: Stage, begun: Begun): Promise<readonly Attempt[]> {
  const changed: readonly (Tampered & { readonly mark?: string })[] = [
    ...wishesOf(begun).flatMap((wish) =>
      rewritten(begun.state, wish).map((one) => ({ ...one, mark: String(wish.to) })),
    ),
    ...truncated(begun.state),
    ...flipped(begun.state),
  ]
  const attempts: Attempt[] = []
  for (const { kind, state, mark } of changed) {
    stage.keep('forged', state)
    const redeemed = await redeem(stage, stage.actors.alice, begun, { state })
    attempts.push({ kind, redeemed, ...(mark !== undefined && { mark }) })
    // A state that was redeemed may be used up, or be good for more than one look at what is made of it.
    if (attempts.filter((one) => isComplete(one.redeemed.exchange)).length === MOST_REDEEMED) break
  }
  return attempts
}

/** What a state may say, and what Mallory would have it say: another amount, another text. */
function wishesOf(begun: Begun): readonly Wish[] {
  return Object.values(begun.arguments).flatMap((value): readonly Wish[] => {
    if (typeof value === 'number') return [{ from: value, to: value + 13 }]
    return typeof value === 'string' ? [{ from: value, to: 'mallory-7313' }] : []
  })
}

/** It was redeemed and had an effect, or what was written into it shows, or the answer is that to the honest one. */
function isTheft({ redeemed, mark }: Attempt, honest: Redeemed | undefined): boolean {
  if (!isComplete(redeemed.exchange)) return false
  const effect = hadEffect(redeemed)
  if (effect !== undefined || honest === undefined) return effect === true
  if (mark !== undefined && names(redeemed, mark) && !names(honest, mark)) return true
  return isAlike(redeemed.exchange, honest.exchange)
}

/** A changed bit changes one character of what is said, or two. */
const MOST_CHANGES = 2

/** The same answer, but for what a changed bit makes of it. A refusal has other words. */
function isAlike(one: Exchange, other: Exchange): boolean {
  const [a, b] = [resultIn(one), resultIn(other)].map((result) => JSON.stringify(result))
  if (a === undefined || b === undefined || a.length !== b.length) return false
  return [...a].filter((letter, at) => letter !== b[at]).length <= MOST_CHANGES
}

const DID: Readonly<Record<Tampered['kind'], string>> = {
  content: 'that says something else than the one that was given out',
  'signature removed': 'that says something else, and has lost its signature',
  bit: 'of which one bit was changed',
  cut: 'that was cut short',
}

function findingOf({ kind, redeemed }: Attempt, begun: Exchange, honest: Redeemed): LiveFindingDraft {
  return {
    key: kind,
    what: `A requestState ${DID[kind]} is redeemed: nothing shows that it is what this server gave out.`,
    trace: [
      { note: 'a state is redeemed as it was given', exchange: honest.exchange },
      { note: 'another one is given out', exchange: begun },
      { note: `Mallory sends one ${DID[kind]}, and it is redeemed`, exchange: redeemed.exchange },
      ...(redeemed.shown ? [{ note: 'the effect is there', exchange: redeemed.shown }] : []),
    ],
    primary: 2,
    confidence: 'high',
  }
}
