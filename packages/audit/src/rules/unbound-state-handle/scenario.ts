/** Alice keeps something under a handle that a tool gave her; others name the handle. */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { handleIn } from '../../wire/handles.ts'
import type { Session } from '../../wire/legacy.ts'
import { holds, isRefused, isServed, messagesIn, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, liveNotApplicable, type LiveVerdict } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Actor } from '../../wire/wire.ts'

interface Attempt {
  readonly by: string
  readonly does: 'reads' | 'overwrites' | 'ends'
  readonly attack: Exchange
  /** Of `overwrites` and `ends`: what Alice reads afterwards. */
  readonly after?: Exchange
  /** What must not be there: Alice's canary, or the other's. Of `ends`, what must still be there: Alice's. */
  readonly canary: string
}

interface Recording {
  readonly eras: readonly string[]
  readonly refusal: string | undefined
  readonly anonymous: boolean
  readonly noOther: string
  readonly hasMake: boolean
  readonly others: readonly string[]
  readonly made?: Exchange
  readonly read?: Exchange
  readonly canary: string
  readonly attempts: readonly Attempt[]
}

export const scenario = defineScenario<Recording>({
  async play(stage) {
    const { survey, actors, config } = stage
    const { eras, refusal, anonymous, noOther } = survey
    const others = anonymous ? [] : [actors.bob, actors.carol, actors.nobody].filter((actor) => actor !== undefined)
    const facts = {
      eras,
      refusal,
      anonymous,
      noOther,
      hasMake: config.canary?.make !== undefined,
      others: others.map(({ name }) => name),
      canary: stage.canary(),
      attempts: [],
    }
    if (eras.length === 0 || !facts.hasMake || anonymous) return facts
    return { ...facts, ...(await play(others, facts.canary, stage)) }
  },

  judge({ eras, refusal, anonymous, noOther, hasMake, others, made, read, canary, attempts }): LiveVerdict {
    if (eras.length === 0) return leftOpen(refusal ?? 'No MCP server answered.')
    if (!hasMake) return liveNotApplicable('The configuration names no tool that gives out handles.')
    if (anonymous) return liveNotApplicable('The server lets everybody in: a handle has no principal to be bound to.')
    if (others.every((name) => name === 'nobody')) return leftOpen(noOther)
    if (made === undefined || read === undefined || !holds(read, canary))
      return leftOpen(
        `Alice could not keep anything under a handle (${made === undefined ? 'none was given out' : (statusOf(read ?? made) ?? 'no answer')}).`,
      )
    const judged = attempts.map((attempt) => ({ attempt, worked: succeeded(attempt) }))
    const thefts = judged.flatMap(({ attempt, worked }) => (worked === true ? [attempt] : []))
    const distinct = thefts.filter(({ does }, index) => thefts.findIndex((one) => one.does === does) === index)
    return judgedLive(
      distinct.map((attempt) => findingOf(attempt, made, read)),
      judged.flatMap(({ attempt: { by }, worked }) => (worked === undefined ? [`${by} was not answered.`] : [])),
      judged.flatMap(({ attempt: { by, does }, worked }) => (worked === false ? [`${by} ${does}`] : [])),
    )
  },
})

/** Who calls tools: in a session of his own where there are sessions. */
async function enter(actor: Actor, stage: Stage): Promise<Session | undefined> {
  return stage.survey.eras.includes('modern') ? undefined : (await stage.open(actor)).session
}

async function play(others: readonly Actor[], canary: string, stage: Stage): Promise<Partial<Recording>> {
  const { alice } = stage.actors
  const { make, put, get, drop } = stage.config.canary ?? {}
  if (make === undefined || put === undefined || get === undefined) return {}
  const own = await enter(alice, stage)
  const made = await stage.call(alice, own, make, { canary })
  const handle = handleIn(made, make.handle)
  if (handle === undefined) return { made }
  stage.keep('handle', handle)
  await stage.call(alice, own, put, { canary, handle })
  const read = await stage.call(alice, own, get, { handle })
  const attempts: Attempt[] = []
  for (const other of others) {
    const session = await enter(other, stage)
    if (session === undefined && !stage.survey.eras.includes('modern')) continue
    attempts.push({ by: other.name, does: 'reads', canary, attack: await stage.call(other, session, get, { handle }) })
    const foreign = stage.canary()
    const attack = await stage.call(other, session, put, { handle, canary: foreign })
    const after = await stage.call(alice, own, get, { handle })
    attempts.push({ by: other.name, does: 'overwrites', canary: foreign, attack, after })
    if (drop === undefined) continue
    const mine = stage.canary()
    await stage.call(alice, own, put, { handle, canary: mine })
    const held = await stage.call(alice, own, get, { handle })
    const kept = [mine, canary].find((one) => holds(held, one))
    if (kept === undefined) continue
    const ending = await stage.call(other, session, drop, { handle })
    const left = await stage.call(alice, own, get, { handle })
    attempts.push({ by: other.name, does: 'ends', canary: kept, attack: ending, after: left })
  }
  return { made, read, attempts }
}

/** Undefined: nothing can be said. */
function succeeded({ does, attack, after, canary }: Attempt): boolean | undefined {
  if (does === 'overwrites') return after === undefined ? undefined : holds(after, canary)
  if (does === 'ends') return after === undefined || statusOf(after) === undefined ? undefined : !holds(after, canary)
  if (holds(attack, canary)) return true
  return isRefused(attack) || isServed(attack) || messagesIn(attack).length > 0 ? false : undefined
}

const DID: Readonly<Record<Attempt['does'], string>> = {
  reads: 'reads what she keeps under it',
  overwrites: 'writes under it what she then reads',
  ends: 'ends what she keeps under it',
}

function findingOf({ by, does, attack, after }: Attempt, made: Exchange, read: Exchange): LiveFindingDraft {
  const what = DID[does]
  return {
    key: `${by} ${does}`,
    what: `${by} names Alice's handle, and ${what}: nobody asks whose it is.`,
    trace: [
      { note: 'Alice is given a handle', exchange: made },
      { note: 'and keeps something under it', exchange: read },
      { note: `${by} names it, and ${what}`, exchange: attack },
      ...(after
        ? [{ note: does === 'ends' ? 'Alice no longer finds it' : 'Alice finds what is not hers', exchange: after }]
        : []),
    ],
    primary: 2,
    confidence: 'high',
  }
}
