/** Alice's state, as it was given out, brought by another, with another tool, with other arguments, or late. */
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
  redeemNonsense,
  type Redeemed,
  type Redemption,
  withoutFlow,
} from '../../wire/flow.ts'
import { defineScenario, judgedLive, type LiveVerdict } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Actor } from '../../wire/wire.ts'

type How = 'another principal' | 'another tool' | 'other arguments' | 'late'

interface Attempt {
  readonly how: How
  readonly by: string
  readonly begun: Exchange
  readonly redeemed: Redeemed
  /** The same with a state that says nothing. */
  readonly control: Redeemed
  /** Of other arguments: what only they say. */
  readonly mark?: string
}

interface Recording {
  readonly ground: Groundwork
  readonly anonymous: boolean
  readonly noOther: string
  readonly hasOther: boolean
  readonly attempts: readonly Attempt[]
}

/** Beside the life that is claimed for it. */
const GRACE_MS = 300

export const scenario = defineScenario<Recording>({
  timed: true,

  async play(stage) {
    const { survey, actors } = stage
    const { anonymous, noOther } = survey
    const facts = { anonymous, noOther, hasOther: actors.bob !== undefined || actors.carol !== undefined }
    const { ground, first } = await layGround(stage)
    return { ground, ...facts, attempts: first === undefined ? [] : await playAll(stage) }
  },

  judge({ ground, anonymous, noOther, hasOther, attempts }): LiveVerdict {
    const without = withoutFlow(ground)
    if (without !== undefined) return without
    const { honest } = ground
    const judged = attempts.map((attempt) => ({ attempt, worked: succeeded(attempt, honest) }))
    return judgedLive(
      judged.flatMap(({ attempt, worked }) => (worked && honest ? [findingOf(attempt, honest)] : [])),
      hasOther || anonymous ? [] : [noOther],
      judged.flatMap(({ attempt, worked }) => (worked ? [] : [attempt.how])),
    )
  },
})

async function playAll(stage: Stage): Promise<readonly Attempt[]> {
  const { actors, config, survey } = stage
  const { flow, timeouts } = config
  const other = survey.anonymous ? undefined : (actors.bob ?? actors.carol)
  const [sibling, amount, lifeMs] = [flow?.sibling, flow?.amountArgument, timeouts.absoluteMs]
  const attempts = [
    other && (await tryOut('another principal', other, stage)),
    sibling && (await tryOut('another tool', actors.alice, stage, () => ({ tool: sibling }))),
    amount && (await tryOut('other arguments', actors.alice, stage, (begun) => ({ arguments: dearer(begun, amount) }))),
    lifeMs && (await tryOut('late', actors.alice, stage, () => ({}), lifeMs + GRACE_MS)),
  ]
  return attempts.filter((one) => typeof one === 'object')
}

async function tryOut(
  how: How,
  actor: Actor,
  stage: Stage,
  changesFor: (begun: Begun) => Redemption = () => ({}),
  waitMs = 0,
): Promise<Attempt | undefined> {
  const begun = await beginFlow(stage, stage.actors.alice)
  if (begun.state === undefined) return undefined
  if (waitMs > 0) await stage.sleep(waitMs)
  const changes = changesFor(begun)
  const control = await redeemNonsense(stage, actor, begun, changes)
  const redeemed = await redeem(stage, actor, begun, changes)
  const mark =
    how === 'other arguments' ? String(Object.values(changes.arguments ?? {}).find(isRaised(begun))) : undefined
  return { how, by: actor.name, begun: begun.exchange, redeemed, control, ...(mark !== undefined && { mark }) }
}

const RAISE = 17

function dearer(begun: Begun, amount: string): Readonly<Record<string, unknown>> {
  return { ...begun.arguments, [amount]: Number(begun.arguments[amount] ?? 0) + RAISE }
}

function isRaised(begun: Begun) {
  const before = Object.values(begun.arguments)
  return (value: unknown): boolean => typeof value === 'number' && !before.includes(value)
}

/** With other arguments, only those count: a server may go by what was approved. */
function succeeded({ redeemed, control, mark }: Attempt, honest: Redeemed | undefined): boolean {
  if (!isComplete(redeemed.exchange) || isComplete(control.exchange)) return false
  if (mark !== undefined) return honest !== undefined && names(redeemed, mark) && !names(honest, mark)
  return hadEffect(redeemed) ?? true
}

const DID: Readonly<Record<How, string>> = {
  'another principal': 'brings it with a credential of his own, and it is redeemed',
  'another tool': 'brings it to another tool, which acts on it',
  'other arguments': 'brings it with other arguments than those it was given for, and they are acted on',
  late: 'brings it long after its time, and it is redeemed',
}

function findingOf({ how, by, begun, redeemed }: Attempt, honest: Redeemed): LiveFindingDraft {
  return {
    key: how,
    what: `A requestState that Alice was given for one request is good for more: ${by} ${DID[how]}.`,
    trace: [
      { note: 'Alice redeems a state, as she may', exchange: honest.exchange },
      { note: 'she is given another one', exchange: begun },
      { note: `${by} ${DID[how]}`, exchange: redeemed.exchange },
      ...(redeemed.shown ? [{ note: 'the effect is there', exchange: redeemed.shown }] : []),
    ],
    primary: 2,
    confidence: 'high',
    partial: how !== 'another principal',
  }
}
