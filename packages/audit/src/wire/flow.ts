/** A request of 2026-07-28 that asks back: a state goes out, and comes again with the answer. Played as the configuration describes it. */
import type { Exchange } from '../finding/finding.ts'
import type { Gate } from './gate.ts'
import { leftOpen, liveNotApplicable, type LiveVerdict } from './scenario.ts'
import { isObject, isServed, resultIn, statusOf } from './reading.ts'
import type { Stage } from './stage.ts'
import type { Actor } from './wire.ts'

/** What was asked, and the state that came back for it. */
export interface Begun {
  readonly exchange: Exchange
  readonly arguments: Readonly<Record<string, unknown>>
  readonly state: string
}

/** What differs from what an honest client sends. */
export interface Redemption {
  readonly state?: string
  readonly tool?: string
  readonly arguments?: Readonly<Record<string, unknown>>
  /** Nothing: the question stays unanswered. */
  readonly responses?: Readonly<Record<string, unknown>> | undefined
  readonly gate?: Gate
}

/** One redemption, and what the effect was read as before and after it. */
export interface Redeemed {
  readonly exchange: Exchange
  /** Absent where the configuration names nothing to read the effect by. */
  readonly before?: string
  readonly after?: string
  /** The exchange that shows the effect. */
  readonly shown?: Exchange
}

/** Begins a flow; undefined where the server asks nothing back. */
export async function beginFlow(
  stage: Stage,
  actor: Actor,
): Promise<Begun | { readonly exchange: Exchange; readonly state?: undefined }> {
  const { flow } = stage.config
  if (flow === undefined) throw new RangeError('No flow is configured.')
  const args = filledIn(flow.arguments, stage.canary())
  const exchange = await callRaw(stage, actor, { name: flow.tool, arguments: args })
  const result = resultIn(exchange)
  const state = isObject(result) && typeof result['requestState'] === 'string' ? result['requestState'] : undefined
  if (state === undefined) return { exchange }
  stage.keep('state', state)
  return { exchange, arguments: args, state }
}

/** Brings a state back, and looks at the effect before and after, by every actor in `watchers`. */
export async function redeem(stage: Stage, actor: Actor, begun: Begun, changes: Redemption = {}): Promise<Redeemed> {
  const watchers = [stage.actors.alice, ...(actor.name === 'alice' ? [] : [actor])]
  const before = await effectSeen(stage, watchers)
  const exchange = await bringBack(stage, actor, begun, changes)
  const after = await effectSeen(stage, watchers)
  return {
    exchange,
    ...(before && { before: before.text }),
    ...(after && { after: after.text, shown: after.exchange }),
  }
}

/** The retry alone. */
export function bringBack(stage: Stage, actor: Actor, begun: Begun, changes: Redemption = {}): Promise<Exchange> {
  const { flow } = stage.config
  const responses = 'responses' in changes ? changes.responses : flow?.respond
  const params = {
    name: changes.tool ?? flow?.tool ?? '',
    arguments: changes.arguments ?? begun.arguments,
    requestState: changes.state ?? begun.state,
    ...(responses && { inputResponses: responses }),
  }
  return callRaw(stage, actor, params, changes.gate)
}

/** The tool of a flow is named in the configuration, and so is its sibling. */
function callRaw(stage: Stage, actor: Actor, params: Record<string, unknown>, gate?: Gate): Promise<Exchange> {
  return stage.ask(actor, 'tools/call', params, gate && { gate })
}

/** What the configured effect reads as now. */
export async function effectSeen(
  stage: Stage,
  watchers: readonly Actor[],
): Promise<{ text: string; exchange: Exchange } | undefined> {
  const effect = stage.config.flow?.effect
  if (effect === undefined) return undefined
  const exchanges: Exchange[] = []
  for (const watcher of watchers) exchanges.push(await stage.call(watcher, undefined, effect))
  const results = exchanges.map((exchange) => JSON.stringify(resultIn(exchange) ?? null))
  return { text: results.join('\n'), exchange: exchanges[0]! }
}

/** The request was carried out: an answer with a result that asks nothing more. */
export function isComplete(exchange: Exchange): boolean {
  const result = resultIn(exchange)
  return (
    isServed(exchange) && !(isObject(result) && (result['resultType'] === 'input_required' || 'requestState' in result))
  )
}

/**
 * Whether a redemption did something: the effect is another afterwards. Where nothing shows the effect, undefined if the
 * answer says that it was done, for it may say so and do nothing.
 */
export function hadEffect({ exchange, before, after }: Redeemed): boolean | undefined {
  if (before !== undefined && after !== undefined) return before !== after
  return isComplete(exchange) ? undefined : false
}

/** Whether the answer or the effect names something, standing by itself. */
export function names({ exchange, before, after }: Redeemed, mark: string): boolean {
  if (isComplete(exchange) && occurrences(exchange.response?.body ?? '', mark) > 0) return true
  return after !== undefined && occurrences(after, mark) > occurrences(before ?? '', mark)
}

/** In JSON, where a line break is two characters. */
function occurrences(text: string, mark: string): number {
  const alone = new RegExp(`(?<![\\w.-])${mark.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}(?![\\w-])`)
  return text.replaceAll(/\\[nrt]/g, ' ').split(alone).length - 1
}

/** What every scenario of a requestState begins with: the flow as it is meant, and with a state that says nothing. */
export interface Groundwork {
  readonly eras: readonly string[]
  readonly refusal: string | undefined
  readonly hasFlow: boolean
  readonly begun?: Exchange
  readonly honest?: Redeemed
  readonly nonsense?: Redeemed
}

const NONSENSE = 'bm90IGEgc3RhdGUgYXQgYWxs'

/** Plays it; `first` is the flow that was finished, absent where there is nothing to go on with. */
export async function layGround(stage: Stage): Promise<{ readonly ground: Groundwork; readonly first?: Begun }> {
  const { eras, refusal } = stage.survey
  const { alice } = stage.actors
  const ground = { eras, refusal, hasFlow: stage.config.flow !== undefined }
  if (!eras.includes('modern') || !ground.hasFlow) return { ground }
  const first = await beginFlow(stage, alice)
  if (first.state === undefined) return { ground: { ...ground, begun: first.exchange } }
  const honest = await redeem(stage, alice, first)
  const nonsense = await redeem(stage, alice, first, { state: NONSENSE })
  return { ground: { ...ground, begun: first.exchange, honest, nonsense }, first }
}

/** What a state that says nothing is worth to `actor`. */
export function redeemNonsense(stage: Stage, actor: Actor, begun: Begun, changes: Redemption = {}): Promise<Redeemed> {
  return redeem(stage, actor, begun, { ...changes, state: NONSENSE })
}

/** Why nothing can be said of requestState; undefined where something can. */
export function withoutFlow({ eras, refusal, hasFlow, begun, honest, nonsense }: Groundwork): LiveVerdict | undefined {
  if (eras.length === 0) return leftOpen(refusal ?? 'No MCP server answered.')
  if (!eras.includes('modern'))
    return liveNotApplicable('The server does not speak 2026-07-28: it has no requestState.')
  if (!hasFlow || begun === undefined) return leftOpen('No flow is configured that asks back with a requestState.')
  if (honest === undefined || nonsense === undefined)
    return leftOpen(`The configured flow gave out no requestState (${statusOf(begun) ?? 'no answer'}).`)
  if (!isComplete(honest.exchange) || hadEffect(honest) === false)
    return leftOpen('The configured flow could not be finished with the state as it was given.')
  if (isComplete(nonsense.exchange) || hadEffect(nonsense) === true)
    return leftOpen(
      'A requestState that says nothing does as much as one that was given out: what it is for cannot be told.',
    )
  return undefined
}

/** `$CANARY` in the arguments of a flow. */
function filledIn(value: Readonly<Record<string, unknown>>, canary: string): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(value).replaceAll('$CANARY', canary)) as Readonly<Record<string, unknown>>
}
