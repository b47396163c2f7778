/** Two ask for the same thing at once, where each is given his own when he asks alone: what the server knows of the caller may be kept where the next request replaces it. */
import type { Exchange, LiveFindingDraft } from '../finding/finding.ts'
import type { ToolCall } from './config.ts'
import { Gate } from './gate.ts'
import type { Session } from './legacy.ts'
import { holds, isServed, resultIn } from './reading.ts'
import { found, type View, withstood } from './scenario.ts'
import type { Stage } from './stage.ts'
import type { Actor } from './wire.ts'

/** One question, whose answer depends on who asks. */
export interface Mixing {
  readonly tool: string
  /** What Alice and the other are given when they ask alone. */
  readonly hers: Exchange
  readonly his: Exchange
  /** What only the one and only the other has written, where the question reads it. Else the whole answer tells. */
  readonly marks?: Marks
  /** Both at once. */
  readonly rounds: readonly Round[]
}

interface Marks {
  readonly hers: string
  readonly his: string
}

interface Round {
  readonly hers: Exchange
  readonly his: Exchange
}

interface Asker {
  readonly actor: Actor
  /** Absent where there are no sessions. */
  readonly session?: Session | undefined
}

const ROUNDS = 6
const MOST_TOOLS = 3

/** By the note of the configuration, and by tools that change nothing and need no arguments. */
export async function playMixing(alice: Asker, other: Asker, stage: Stage): Promise<readonly Mixing[]> {
  const played: (Mixing | undefined)[] = [await mixNotes(alice, other, stage)]
  for (const { name } of stage.readOnlyTools.slice(0, MOST_TOOLS))
    if (name !== stage.config.canary?.get.tool)
      played.push(await mix({ tool: name, arguments: {} }, undefined, { alice, other }, stage))
  return played.filter((one) => one !== undefined)
}

/** Each has written a note of his own. State that a handle names is asked for by the rule for handles. */
async function mixNotes(alice: Asker, other: Asker, stage: Stage): Promise<Mixing | undefined> {
  const { canary } = stage.config
  if (canary === undefined || canary.make !== undefined) return undefined
  const marks = { hers: stage.canary(), his: stage.canary() }
  await stage.call(alice.actor, alice.session, canary.put, { canary: marks.hers })
  await stage.call(other.actor, other.session, canary.put, { canary: marks.his })
  return mix(canary.get, marks, { alice, other }, stage)
}

/** Undefined where the answer does not depend on who asks, or is another one every time. */
async function mix(
  call: ToolCall,
  marks: Marks | undefined,
  { alice, other }: { readonly alice: Asker; readonly other: Asker },
  stage: Stage,
): Promise<Mixing | undefined> {
  const ask = ({ actor, session }: Asker, gate?: Gate) =>
    stage.call(actor, session, call, { canary: '' }, gate ? { gate } : {})
  const bare = { tool: call.tool, hers: await ask(alice), his: await ask(other), rounds: [] }
  const told = marks && isToldBy(marks, bare) ? { ...bare, marks } : bare
  if (
    told === bare &&
    !(await isToldAlone(
      bare,
      () => ask(alice),
      () => ask(other),
    ))
  )
    return undefined
  const rounds: Round[] = []
  while (rounds.length < ROUNDS && !rounds.some((round) => isMixed(told, round))) {
    const gate = new Gate(2)
    const [hers, his] = await Promise.all([ask(alice, gate), ask(other, gate)])
    rounds.push({ hers, his })
    if (!isServed(hers) || !isServed(his)) break
  }
  return { ...told, rounds }
}

function isToldBy(marks: Marks, { hers, his }: Round): boolean {
  return holds(hers, marks.hers) && !holds(hers, marks.his) && holds(his, marks.his) && !holds(his, marks.hers)
}

/** Asked twice, each is given the same again, and something else than the other. */
async function isToldAlone(
  { hers, his }: Round,
  askHers: () => Promise<Exchange>,
  askHis: () => Promise<Exchange>,
): Promise<boolean> {
  if (!isServed(hers) || !isServed(his) || isSameAnswer(hers, his)) return false
  return isSameAnswer(await askHers(), hers) && isSameAnswer(await askHis(), his)
}

function isSameAnswer(one: Exchange, other: Exchange): boolean {
  return isServed(one) && JSON.stringify(resultIn(one)) === JSON.stringify(resultIn(other))
}

function isMixed(mixing: Mixing, { hers, his }: Round): boolean {
  return isHis(mixing, hers) || isHers(mixing, his)
}

function isHis({ marks, his }: Mixing, exchange: Exchange): boolean {
  return marks ? holds(exchange, marks.his) : isSameAnswer(exchange, his)
}

function isHers({ marks, hers }: Mixing, exchange: Exchange): boolean {
  return marks ? holds(exchange, marks.hers) : isSameAnswer(exchange, hers)
}

/** What a question shows; `by` is the other's name. */
export function judgeMixing(mixing: Mixing, by: string): View {
  const round = mixing.rounds.find((one) => isMixed(mixing, one))
  if (round !== undefined) return found(findingOf(mixing, round, by))
  return mixing.rounds.every(({ hers, his }) => isServed(hers) && isServed(his))
    ? withstood(`${mixing.rounds.length} times ${mixing.tool} by two at once`)
    : found()
}

function findingOf(mixing: Mixing, round: Round, by: string): LiveFindingDraft {
  const toAlice = isHis(mixing, round.hers)
  const [who, whose] = toAlice ? ['Alice', by] : [by, 'Alice']
  return {
    key: 'callers mixed up',
    what: `${who} and ${whose} ask for their own at once, and ${who} is given what is ${whose}'s: who the caller is, is kept where the next request replaces it.`,
    trace: [
      { note: 'Alice asks alone, and is given her own', exchange: mixing.hers },
      { note: `${by} asks the same alone, and is given his own`, exchange: mixing.his },
      { note: `both ask at once: ${whose} asks`, exchange: toAlice ? round.his : round.hers },
      { note: `${who} is given what is ${whose}'s`, exchange: toAlice ? round.hers : round.his },
    ],
    confidence: 'high',
  }
}
