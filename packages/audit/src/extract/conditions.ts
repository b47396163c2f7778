/** What a path learns from a condition that held, or did not. */
import { withAlternatives } from './alternatives.ts'
import { noteAudienceAsked } from './audiences.ts'
import type { RouteFact } from './events.ts'
import { elsewhereThan } from './filled-lists.ts'
import { isOfEarlierRound } from './flags.ts'
import type { HeapObject, Site } from './heap.ts'
import type { Machine } from './machine.ts'
import { OWN_HOST, isOwnHost, namesBoth } from './origins.ts'
import { methodFacts, methodsOf } from './protocol.ts'
import type { Facts, State } from './state.ts'
import { noteEventCompared } from './replays.ts'
import { asAnswer, equalState, isSaidOfState, isState, presenceOf } from './request-state.ts'
import { LOOKED_BY } from './ownership.ts'
import {
  ASKS_UPGRADE,
  CHECKS,
  NO_PAGE,
  OF_CALLER,
  UNNAMED,
  arePagesKeptOut,
  checkedUnlessSwitchedOff,
  guardedPaths,
  settledStores,
  vacuous,
  vouchedFor,
  VERIFIED,
} from './state.ts'
import type { Condition, Primitive } from './value.ts'
import { asCaller, asVerified, isOneOfMany, proofFacts } from './told-apart.ts'
import { taughtByWays } from './ways.ts'
import { noteWordSeen } from './wordings.ts'
import {
  Value,
  UNKNOWN,
  UNSET,
  derived,
  hasTag,
  isDrawn,
  joinAll,
  storesIn,
  tagsOf,
  truthiness,
  withCondition,
  withTags,
} from './value.ts'

const REQUEST_ORIGINS = ['header', 'query', 'body', 'param', 'cookie', 'url', 'rstate'] as const
/** Names of authentication schemes: matching one proves nothing. A word that a space ends is one, whatever it is. */
export const SCHEMES = /^(?:(?:bearer|basic|dpop|token|api-?key|digest|jwt|negotiate):?\s*|[a-z][\w-]{1,30} +)$/i
/** The revision from which on servers hold headers against bodies. */
const FIRST_MODERN = '2026-07-28'
const NO_CONDITION: Condition = { whenTrue: [], whenFalse: [] }
const ORIGIN_IF_EQUAL: EqualityFacts = { equal: ['origin'], different: [] }
const ORIGIN_IF_DIFFERENT: EqualityFacts = { equal: [], different: ['origin'] }

/** Whether the value came, at least in part, from what the client sent. */
export function fromRequest(value: Value): boolean {
  return value.tags.length > 0 && REQUEST_ORIGINS.some((origin) => hasTag(value, origin))
}

/** Whether the value is the Origin or the Host that a request names, or was made from it. */
export function namesOrigin(value: Value): boolean {
  return hasTag(value, 'origin') || hasTag(value, 'host')
}

/** The tags that say which part of the request a value came from. */
export function requestTags(value: Value): readonly string[] {
  return value.tags.filter((tag) => REQUEST_ORIGINS.some((origin) => tag === origin || tag.startsWith(`${origin}:`)))
}

/** A session handle as a client presents it: from the request, and not derived from a credential. */
export function isPresentedHandle(value: Value): boolean {
  return fromRequest(value) && !hasTag(value, 'cred')
}

/** What comes on one of these ways or another. */
export function ofOneWay(value: Value, ways: readonly Value[]): Value {
  return withAlternatives(provedOnEachWay(value, ways), ways)
}

/** Found by a credential on one way and presented by the client on another: what may be either proves nothing. */
function provedOnEachWay(value: Value, ways: readonly Value[]): Value {
  if (!hasTag(value, 'verdict') || !ways.some(isPresentedHandle) || ways.every(isPresentedHandle)) return value
  return value.with({ tags: value.tags.filter((tag) => tag !== 'cred' && tag !== 'verdict') })
}

/** A session that was found in a store, under another ID, is put there again under an ID made for it. */
export function isMove(store: string, key: Value, value: Value): boolean {
  return isFresh(key) && value.tags.includes(`entry:${store}`) && !hasTag(value, 'new')
}

/** An ID made here, and not yet that of a session. */
export function isFresh(key: Value): boolean {
  if (hasTag(key, 'sid') || hasTag(key, 'entry') || fromRequest(key)) return false
  return isDrawn(key) || hasTag(key, 'mint')
}

/** Whether a value says what the caller may do, rather than who they are. */
export function isRank(value: Value): boolean {
  return value.tags.includes('claim:rank') && !hasTag(value, 'entry')
}

interface Truth {
  readonly canBeTrue: boolean
  readonly canBeFalse: boolean
}

/** Whether a condition can hold, or fail, on this path. */
export function truthOn(machine: Machine, value: Value, state: State): Truth {
  const truth = truthOf(machine, value)
  if (!truth.canBeTrue || !truth.canBeFalse) return truth
  const { whenTrue, whenFalse } = conditionOf(value)
  const { seen } = machine.context.route ?? {}
  const canBeTrue = isPossible(state, whenTrue) && whenTrue.every((fact) => isOnPath(fact, seen))
  const canBeFalse = isPossible(state, whenFalse) && whenFalse.every((fact) => isOnPath(fact, seen))
  return canBeTrue || canBeFalse ? { canBeTrue, canBeFalse } : truth
}

/** A request has one method: what is known of it rules out the rest. */
function isPossible(state: State, facts: readonly string[]): boolean {
  return facts.every((fact) => {
    if (fact.startsWith('not-verb:')) return !state.holds(fact.slice('not-'.length))
    if (!fact.startsWith('verb:')) return true
    const verbs = [...state.facts.must].filter((known) => known.startsWith('verb:'))
    return verbs.length === 0 || verbs.includes(fact)
  })
}

/** `pathname === text` and `pathname.startsWith(text)`, and what holds where they do not. */
export function pathFacts(how: 'is' | 'starts', text: string): EqualityFacts {
  return { equal: [`path:${how}:${text}`], different: [`not-path:${how}:${text}`] }
}

/** Nothing is upgraded but a request that asks for it by this header: as good as a path of its own. */
export const UPGRADED: EqualityFacts = { equal: [ASKS_UPGRADE], different: [`not-${ASKS_UPGRADE}`] }

/** The route says which paths come here. */
function isOnPath(fact: string, seen: RouteFact['seen']): boolean {
  const [kind, how, ...rest] = fact.split(':')
  if (seen === undefined || (kind !== 'path' && kind !== 'not-path')) return true
  if (how !== 'is' && how !== 'starts') return true
  const truth = how === 'is' ? isAt(rest.join(':'), seen) : startsWith(rest.join(':'), seen)
  return truth === undefined || truth === (kind === 'path')
}

/** Where the part that differs from request to request begins. */
const VARIABLE = /[:*{(?+]/

function startsWith(text: string, { path, open }: NonNullable<RouteFact['seen']>): boolean | undefined {
  const at = path.search(VARIABLE)
  const fixed = at < 0 ? path : path.slice(0, at)
  if (fixed.startsWith(text)) return true
  return !text.startsWith(fixed) || (at < 0 && !open) ? false : undefined
}

function isAt(text: string, { path, open }: NonNullable<RouteFact['seen']>): boolean | undefined {
  if (!path.startsWith('/')) return undefined
  const isFixed = !VARIABLE.test(path) && !open
  if (isFixed) return withoutSlash(path) === withoutSlash(text)
  if (startsWith(text, { path, open }) === false) return false
  return open || hasItsParts(text, path) ? undefined : false
}

/** Whether `/a/b` may be a path of the route `/:name/b`: a parameter is one part, whatever stands in it. */
function hasItsParts(text: string, path: string): boolean {
  if (OF_ANY_LENGTH.test(path)) return true
  const parts = withoutSlash(path).split('/')
  const given = withoutSlash(text).split('/')
  return parts.length === given.length && parts.every((part, at) => part.includes(':') || part === given[at])
}

/** Parts that may be left out, or stand for several. */
const OF_ANY_LENGTH = /[*{(?+]/

function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/$/, '')
}

const IS_FALSE: Truth = { canBeTrue: false, canBeFalse: true }

export function truthOf(machine: Machine, value: Value): Truth {
  const truth = truthiness(value)
  if (isNotGiven(value)) return IS_FALSE
  const switches = switchesOf(value)
  // An answer about a setting is not the setting.
  const isSetting =
    value.condition === undefined && value.tags.length === switches.length && !value.primitives.includes(false)
  if (isSetting && switches.length > 0 && switches.every((name) => machine.requiredEnv.has(name)))
    return { canBeTrue: true, canBeFalse: false }
  return truth
}

/** Settings that decide a value and have no default: `env:X`, `opt:x`. */
function switchesOf(value: Value): readonly string[] {
  return value.tags.filter((tag) => tag.startsWith('env:') || tag.startsWith('opt:'))
}

/** A setting that matches something has been set. */
export function switchFacts(value: Value): readonly string[] {
  return switchesOf(value).map((name) => `optional:${name}`)
}

/** A list or text that holds a wildcard, and not by default: somebody opened it to everyone on purpose. */
export function wildcardFacts(value: Value, constant: Primitive | undefined): readonly string[] {
  if (constant !== undefined && value.primitives.includes(constant)) return []
  const isWildcard = constant === '*' && !fromRequest(value)
  const facts = [...switchFacts(value), ...(constant === undefined ? [] : otherThanDefault(value))]
  return isWildcard ? [...facts, 'optional:*'] : facts
}

/** The settings that a value comes from, each of which has a default. */
function defaultedIn(tags: readonly string[]): readonly string[] {
  return tags.flatMap((tag) => /^was-((?:env|opt):.+)$/.exec(tag)?.[1] ?? [])
}

/** `process.env.MODE ?? 'closed'` that is something else: it has been set. */
function otherThanDefault({ tags, primitives, objects, open }: Value): readonly string[] {
  if (open || objects.length > 0 || primitives.length === 0) return []
  return defaultedIn(tags).map((name) => `optional:${name}`)
}

export function assume(machine: Machine, state: State, value: Value): void {
  noteWordSeen(machine, value, state)
  learnTested(machine, state, conditionOf(value).whenTrue)
}

/** The path on which the value was found falsy. */
export function assumeNot(machine: Machine, state: State, value: Value): void {
  noteWordSeen(machine, value, state)
  learnTested(machine, state, conditionOf(value).whenFalse)
}

function learnTested(machine: Machine, state: State, facts: readonly string[]): void {
  if (facts.length === 0) return
  for (const fact of facts)
    if (fact.startsWith('perhaps:') && !fact.startsWith(PERHAPS_NAMED))
      state.note(`maybe-${fact.slice('perhaps:'.length)}`)
  state.learn(
    facts.filter(
      (fact) =>
        !fact.startsWith('perhaps:') && !(fact.startsWith('optional:') && machine.requiredEnv.has(fact.slice(9))),
    ),
  )
  if (facts.includes('permitted') || facts.includes('bound'))
    for (const method of methodsOf(state)) machine.permissionAsked.add(method)
}

/** The condition a value stands for when it is tested: its own, or what its origins say. */
export function conditionOf(value: Value): Condition {
  if (value.condition !== undefined) return value.condition
  if (value.tags.length === 0) return NO_CONDITION
  value.implied ??= impliedBy(value)
  return value.implied
}

/** What was found for the caller under what it names. */
export const ON_BEHALF = 'on-behalf'

function impliedBy(value: Value): Condition {
  const whenTrue: string[] = []
  const whenFalse: string[] = []
  if (hasTag(value, 'verdict')) whenTrue.push(...VERIFIED, ...cookieFacts(value), ...loginFacts(value))
  if (hasTag(value, 'secure')) whenTrue.push('tls')
  if (isRank(value)) whenTrue.push('privileged')
  if (value.tags.includes(ON_BEHALF)) {
    whenTrue.push('permitted')
    whenFalse.push('permitted')
  }
  // Set by default, it takes nobody to set it.
  if (!value.primitives.some((item) => typeof item === 'string' && item !== '')) whenTrue.push(...switchFacts(value))
  for (const tag of tagsOf(value, 'entry')) {
    const [, store = '', field] = tag.split(':')
    whenFalse.push(`absent:${store}`)
    if (field === undefined) {
      whenTrue.push(`exists:${store}`)
      // A table of owners beside that of sessions: where it has none, there is nobody to be told apart from.
      if (isOfCaller(value) && value.objects.length === 0) whenFalse.push('incomparable')
    } else if (hasTag(value, 'cred') || hasTag(value, 'owner')) {
      whenTrue.push(`set:${store}:${field}`)
      whenFalse.push(`unowned:${store}`, 'incomparable', `unset:${store}:${field}`)
    }
  }
  if (isState(value)) {
    const presence = presenceOf(value)
    whenTrue.push(...presence.whenTrue)
    whenFalse.push(...presence.whenFalse)
  }
  // An answer has the `id` of its request; what has a `method` answers nothing.
  if (value.tags.includes('reply:id')) whenFalse.push('unasked')
  if (value.tags.includes('reply:method')) whenTrue.push('unasked')
  if (hasTag(value, 'claim') && !hasTag(value, 'entry')) whenFalse.push('incomparable')
  if (value.tags.some((tag) => SESSION_HEADER.test(tag)) && isPresentedHandle(value)) whenFalse.push('unpresented')
  if (value.tags.some((tag) => NAMES_SESSION.test(tag)) && isPresentedHandle(value)) whenFalse.push(UNNAMED)
  if (namesUpgrade(value)) {
    whenTrue.push(...UPGRADED.equal)
    whenFalse.push(...UPGRADED.different)
  }
  if (hasTag(value, 'origin-verdict')) whenTrue.push('origin')
  // A page's request has both: without an Origin, or a Host, it comes from no page.
  else if (namesOrigin(value)) whenFalse.push('origin', OWN_HOST)
  return { whenTrue, whenFalse }
}

export function namesUpgrade(value: Value): boolean {
  return hasTag(value, 'header:upgrade')
}

/** A request without it names no session. */
const SESSION_HEADER = /^header:[\w-]*sess/

/** The same, wherever requests may name one. */
const NAMES_SESSION = /^(?:(?:header|cookie|query|param):.*(?:sess|sid)|body:sessionid$)/

/** A credential that browsers send along by themselves, whoever has them ask. */
function cookieFacts(value: Value): readonly string[] {
  if (!isSentByBrowsers(value)) return []
  // Libraries of logins set cookies that browsers send from the site's own pages alone.
  const isOfLibrary = hasTag(value, 'web-session') && !hasTag(value, 'entry')
  return isOfLibrary ? ['auth:cookie', 'auth:own-site'] : ['auth:cookie']
}

/** A cookie, or the session of one. */
export function isSentByBrowsers(value: Value): boolean {
  return hasTag(value, 'cookie') || hasTag(value, 'header:cookie') || hasTag(value, 'web-session')
}

/** A credential from the body or query of this very request was accepted: that is a login. */
function loginFacts(value: Value): readonly string[] {
  return hasTag(value, 'body') || hasTag(value, 'query') || value.tags.includes(LET_IN) ? ['login'] : []
}

/** Tag of what was found by such a credential. */
export const LET_IN = 'let-in'

export function negate(value: Value): Value {
  const condition = conditionOf(value)
  const negated = { whenTrue: condition.whenFalse, whenFalse: condition.whenTrue }
  const primitives = value.primitives.map((item) => !item)
  const open = value.open || value.tags.length > 0
  const objects = value.objects.length > 0 ? [false] : []
  return new Value([...new Set([...primitives, ...objects])], [], value.tags, open, { condition: negated })
}

/** `before`: what was known before `b` was evaluated. Where `a` decides alone, a look-up in `b` has not happened. */
export function and(a: Value, b: Value, result: Value, before: Facts): Value {
  const left = conditionOf(a)
  const right = conditionOf(b)
  return withCondition(result, {
    whenTrue: unite(left.whenTrue, right.whenTrue),
    whenFalse: unite(
      intersect(left.whenFalse, unite(left.whenTrue, right.whenFalse), before),
      unite(
        unite(perhaps(right.whenFalse), named(left.whenFalse)),
        settledHere(a, left.whenFalse, right.whenFalse, before),
      ),
    ),
  })
}

export function or(a: Value, b: Value, result: Value, before: Facts): Value {
  const left = conditionOf(a)
  const right = conditionOf(b)
  return withCondition(result, {
    whenTrue: unite(
      intersect(left.whenTrue, unite(left.whenFalse, right.whenTrue), before),
      unite(
        unite(
          unite(perhaps(right.whenTrue), named(left.whenTrue)),
          settledHere(a, left.whenTrue, right.whenTrue, before),
        ),
        eitherSet(a, left.whenTrue, right.whenTrue),
      ),
    ),
    whenFalse: unite(left.whenFalse, right.whenFalse),
  })
}

/** One of these, nobody knows which: what the truth of every one of them says is known all the same. */
export function oneOf(values: readonly Value[]): Value {
  const joined = joinAll(values)
  if (values.length < 2) return joined
  const conditions = values.map(conditionOf)
  const common = (side: keyof Condition) =>
    conditions[0]![side].filter((fact) => conditions.every((other) => other[side].includes(fact)))
  const [whenTrue, whenFalse] = [common('whenTrue'), common('whenFalse')]
  return whenTrue.length + whenFalse.length === 0 ? joined : withCondition(joined, { whenTrue, whenFalse })
}

/** `a || b` of two settings, or of what a file may say and a setting: one of them has been set. */
function eitherSet(first: Value, a: readonly string[], b: readonly string[]): readonly string[] {
  const [left, right] = [a, b].map((facts) => facts.find((fact) => fact.startsWith('optional:')))
  if (right === undefined || left === right) return []
  if (left !== undefined) return [`${left}|${right.slice('optional:'.length)}`]
  const isUnknown = first.condition === undefined && first.objects.length === 0 && !first.primitives.some(Boolean)
  return isUnknown && a.length === 0 ? [right] : []
}

/** Where only one of two conditions taught it: a credential was verified on some of the paths. */
function perhaps(facts: readonly string[]): readonly string[] {
  const verified = facts.flatMap((fact) =>
    fact === 'auth' ? ['perhaps:auth'] : fact === 'auth:verified' ? ['perhaps:verified'] : [],
  )
  return unite(verified, named(facts))
}

/** What a header says is called has had a say in it, on whichever side. */
function named(facts: readonly string[]): readonly string[] {
  return facts.flatMap((fact) => (NAMED.test(fact) ? [fact.replace(NAMED, PERHAPS_NAMED)] : []))
}

const NAMED = /^(?:named-yes|named-no|perhaps:named):/
export const PERHAPS_NAMED = 'perhaps:named:'

function unite(a: readonly string[], b: readonly string[]): readonly string[] {
  return b.length === 0 ? a : a.length === 0 ? b : [...new Set([...a, ...b])]
}

function intersect(a: readonly string[], b: readonly string[], before: Facts): readonly string[] {
  // `state && state.title !== title`: where none came, all that is asked of it holds for nothing.
  const isAbsent = a.includes('rs:absent')
  const common = b.filter(
    (fact) => a.includes(fact) || vacuous(fact, before) || isOverruled(fact, a) || (isAbsent && isSaidOfState(fact)),
  )
  if (a.includes('bound') && isOverruled('bound', b)) common.push('bound')
  const checked = checkedUnlessSwitchedOff(new Set(a), new Set(b))
  const noPage = arePagesKeptOut([new Set(a), new Set(b)]) ? [NO_PAGE] : []
  const paths = [...guardedPaths(a, new Set(b)), ...guardedPaths(b, new Set(a))]
  const vouched = vouchedFor([new Set(a), new Set(b)])
  return [checked, noPage, paths, vouched, commonSettlement([a, b])].reduce<readonly string[]>(
    (all, more) => unite(all, more),
    common,
  )
}

/** `session.owner === user || user.isAdmin`: whoever may see the sessions of others was told apart as well. */
function isOverruled(fact: string, other: readonly string[]): boolean {
  return fact === 'bound' && other.includes('privileged')
}

/** `id && sessions[id]`: where the first half is false, nothing was looked up; where the second is, nothing was found. */
function settledHere(
  first: Value,
  otherwise: readonly string[],
  learned: readonly string[],
  before: Facts,
): readonly string[] {
  if (!fromRequest(first)) return []
  // `id && session?.owner !== user`: where the ID is not there by which all was looked up, there is nobody to compare.
  if (learned.includes('bound') && otherwise.includes(UNNAMED) && isLookedUpBy(first, before)) return ['bound']
  return learned.flatMap((fact) => {
    const store = /^(?:absent|unowned):(.+)$/.exec(fact)?.[1]
    return store === undefined || before.may.has(`looked:${store}`) ? [] : [`cleared:${store}`]
  })
}

/** Whatever was looked up so far was found by this part of the request. */
function isLookedUpBy({ tags }: Value, { may }: Facts): boolean {
  return [...may].every((fact) => !fact.startsWith(LOOKED_BY) || tags.includes(fact.slice(LOOKED_BY.length)))
}

/** Different ways to know that a session is nobody else's: it is absent, has no owner, or its owner was compared. */
function commonSettlement(sides: readonly (readonly string[])[]): readonly string[] {
  const specific = sides.filter((side) => !side.includes('bound') && !side.includes('incomparable'))
  const [first, ...rest] = specific.map(
    (side) =>
      new Set(
        side.flatMap((fact) => (/^(?:absent|unowned|cleared):/.test(fact) ? [fact.slice(fact.indexOf(':') + 1)] : [])),
      ),
  )
  if (first === undefined) return sides.length > 1 ? ['incomparable'] : []
  return [...first].filter((store) => rest.every((other) => other.has(store))).map((store) => `unowned:${store}`)
}

/** One way an expression or function can end: what is known then, and the value it gives. */
export interface Outcome {
  readonly facts: Facts
  readonly value: Value
}

/** A value that one of these outcomes gave, with what its truth says about which. */
export function withConditionFrom(value: Value, outcomes: readonly Outcome[], before: ReadonlySet<string>): Value {
  const condition = conditionFrom(outcomes, before)
  const chosen = asCaller(asChosen(value, outcomes, before), outcomes, before)
  return condition === undefined ? chosen : withCondition(chosen, asVerified(chosen, condition))
}

/** `return reads.has(header) ? 'open' : 'approved'`: which of these words it is, a header's name has decided. */
function asChosen(value: Value, outcomes: readonly Outcome[], before: ReadonlySet<string>): Value {
  if (value.primitives.length < 2 || value.objects.length > 0) return value
  for (const { facts } of outcomes)
    for (const fact of facts.must)
      if (NAMED.test(fact) && !before.has(fact)) return withTags(value, [`${CHOSEN}${fact.replace(NAMED, '')}`])
  return value
}

/** Tag of what was chosen by a header that names a call, and where. */
export const CHOSEN = 'named:'

/** What the truth of a value says about which outcome gave it. */
export function conditionFrom(outcomes: readonly Outcome[], before: ReadonlySet<string>): Condition | undefined {
  const whenTrue = learnedWhen(outcomes, before, true)
  const whenFalse = learnedWhen(outcomes, before, false)
  return whenTrue.length === 0 && whenFalse.length === 0 ? undefined : { whenTrue, whenFalse }
}

function mayBe(value: Value, truth: boolean): boolean {
  return truth ? truthiness(value).canBeTrue : truthiness(value).canBeFalse
}

function learnedWhen(outcomes: readonly Outcome[], before: ReadonlySet<string>, truth: boolean): readonly string[] {
  const fitting = outcomes.filter(({ value }) => mayBe(value, truth) && !isOfEarlierRound(value, truth))
  if (fitting.every((outcome) => tellsNothing(outcome, before, truth))) return []
  const sets = fitting.map(({ facts, value }) => {
    const own = conditionOf(value)
    const learned = [...[...facts.must].filter((fact) => !before.has(fact)), ...(truth ? own.whenTrue : own.whenFalse)]
    const settled = settledStores(facts, learned).map((store) => `cleared:${store}`)
    return { facts, learned: new Set([...learned, ...settled]) }
  })
  const all = new Set(sets.flatMap(({ learned }) => [...learned]))
  if (all.has('auth')) for (const { learned } of sets) learned.add('maybe-auth')
  if (all.has('auth')) all.add('maybe-auth')
  const common = [...all].filter((fact) =>
    sets.every(({ facts, learned }) => learned.has(fact) || vacuous(fact, facts)),
  )
  common.push(...checkedAnyway(sets.map(({ learned }) => learned)).filter((fact) => !common.includes(fact)))
  if (arePagesKeptOut(sets.map(({ learned }) => learned))) common.push(NO_PAGE)
  common.push(...vouchedFor(sets.map(({ learned }) => learned)))
  return unite(common, commonSettlement(sets.map(({ learned }) => [...learned])))
}

/** As it is with most: nothing to be had in common. */
function tellsNothing({ facts, value }: Outcome, before: ReadonlySet<string>, truth: boolean): boolean {
  const own = conditionOf(value)
  if ((truth ? own.whenTrue : own.whenFalse).length > 0) return false
  if (facts.must === before) return true
  for (const fact of facts.must) if (!before.has(fact)) return false
  return true
}

/** On every way that somebody has not opened on purpose, by a setting. */
function checkedAnyway(ways: readonly ReadonlySet<string>[]): readonly string[] {
  if (ways.length < 2) return []
  return CHECKS.filter((fact) => {
    const checked = ways.find((learned) => learned.has(fact))
    return (
      checked !== undefined &&
      ways.every((learned) => learned.has(fact) || checkedUnlessSwitchedOff(checked, learned).includes(fact))
    )
  })
}

/** `a === b`, `timingSafeEqual(a, b)` and the like. */
export function equality(machine: Machine, a: Value, b: Value): Value {
  const { equal, different } = equalityFacts(machine, a, b)
  if (onlyPrimitive(b) === undefined || isText(b)) noteAudienceAsked(machine, a, b)
  noteEventCompared(machine, a, b)
  const decided = decideEquality(a, b)
  const base =
    decided === undefined ? boolOf(a, b) : boolOf(a, b).with({ primitives: [decided], open: false, tags: [] })
  const ofState = equalState(machine, a, b)
  const taught = taughtByWays(a, (value) => tellApart(value, b)) ?? taughtByWays(b, (value) => tellApart(value, a))
  return withCondition(asAnswer(a, b, base), {
    whenTrue: [...equal, ...ofState, ...(taught?.whenTrue ?? [])],
    whenFalse: [
      ...different,
      ...(taught?.whenFalse ?? []),
      ...otherMode(a, b),
      ...otherMode(b, a),
      ...elsewhereThan(a, b),
    ],
  })
}

/** Begins what is known where a setting is not what it is by default. */
export const OTHER_MODE = 'other-mode:'

/** `(process.env.MODE || 'sessions') === 'sessions'` is false only where somebody has chosen another. */
function otherMode({ tags, primitives, objects, open }: Value, by: Value): readonly string[] {
  const constant = onlyPrimitive(by)
  if (constant === undefined || open || objects.length > 0 || primitives.length !== 1) return []
  if (primitives[0] !== constant.value) return []
  return defaultedIn(tags).map((name) => `${OTHER_MODE}${name}`)
}

function isText(value: Value): boolean {
  return typeof onlyPrimitive(value)?.value === 'string'
}

function boolOf(a: Value, b: Value): Value {
  return derived(a, b).with({ primitives: [true, false], open: true })
}

function decideEquality(a: Value, b: Value): boolean | undefined {
  const x = onlyPrimitive(a)
  const y = onlyPrimitive(b)
  if (x !== undefined && y !== undefined) return x.value === y.value
  if ((isOwnCode(a) && isPlatform(b)) || (isOwnCode(b) && isPlatform(a))) return false
  if ((isNotGiven(a) && isYes(y)) || (isNotGiven(b) && isYes(x))) return false
  return isOnlyForMakers(a, y) || isOnlyForMakers(b, x) ? false : undefined
}

/** A class or function of the tree, and nothing else. */
function isOwnCode({ objects, open, primitives }: Value): boolean {
  const isCode = ({ kind }: HeapObject): boolean => kind === 'class' || kind === 'function'
  return !open && primitives.length === 0 && objects.length > 0 && objects.every(isCode)
}

/** `Object` itself, and what else the language brings. */
function isPlatform({ objects, open, primitives }: Value): boolean {
  const isExternal = ({ kind }: HeapObject): boolean => kind === 'external'
  return !open && primitives.length === 0 && objects.length > 0 && objects.every(isExternal)
}

/** A setting that is not there, where start-up is followed without any. */
export function isNotGiven({ tags, condition }: Value): boolean {
  return tags.includes(UNSET) && condition === undefined
}

/** What a switch is set to. A word of another kind chooses among ways to run, of which one has to be chosen. */
function isYes(constant: { readonly value: Primitive } | undefined): boolean {
  return /^(?:true|1|yes|on)$/i.test(String(constant?.value))
}

/** Tests and whoever develops the program run the same code; what is audited is what people run otherwise. */
function isOnlyForMakers(value: Value, constant: { readonly value: Primitive } | undefined): boolean {
  const { tags, objects, primitives } = value
  if (constant === undefined || !FOR_MAKERS.test(String(constant.value))) return false
  const isNamed = tags.length > 0 && tags.every((tag) => /^(?:env|opt|setting):NODE_ENV$/.test(tag))
  return isNamed && objects.length === 0 && !primitives.includes(constant.value)
}

const FOR_MAKERS = /^(?:test|dev|development)$/

/** As `decideEquality`; and an object is no text, and not `null`. */
function tellApart(value: Value, other: Value): boolean | undefined {
  const isObject = value.objects.length > 0 && value.primitives.length === 0 && !value.open
  return isObject && onlyPrimitive(other) !== undefined ? false : decideEquality(value, other)
}

function onlyPrimitive(value: Value): { readonly value: Primitive } | undefined {
  const single = value.primitives.length === 1 && !value.open && value.objects.length === 0 && value.tags.length === 0
  return single ? { value: value.primitives[0] } : undefined
}

interface EqualityFacts {
  readonly equal: readonly string[]
  readonly different: readonly string[]
}

function equalityFacts(machine: Machine, a: Value, b: Value): EqualityFacts {
  const constant = onlyPrimitive(b) ?? onlyPrimitive(a)
  const subject = onlyPrimitive(b) !== undefined ? a : b
  if (constant !== undefined) return constantFacts(subject, constant.value)
  return { equal: [...new Set([...pairFacts(machine, a, b), ...pairFacts(machine, b, a)])], different: [] }
}

function constantFacts(subject: Value, constant: Primitive): EqualityFacts {
  if (constant === undefined || constant === null || constant === false || constant === '' || constant === 0) {
    const condition = conditionOf(subject)
    return { equal: condition.whenFalse, different: condition.whenTrue }
  }
  if (constant === true) {
    const condition = conditionOf(subject)
    return { equal: condition.whenTrue, different: condition.whenFalse }
  }
  if (hasTag(subject, 'typeof-origin')) return constant === 'undefined' ? ORIGIN_IF_EQUAL : ORIGIN_IF_DIFFERENT
  if (namesOrigin(subject)) return ORIGIN_IF_EQUAL
  if (namesUpgrade(subject)) return UPGRADED
  if (hasTag(subject, 'method')) return verbFacts(String(constant))
  if (hasTag(subject, 'proto')) return protocolFacts(String(constant))
  if (hasTag(subject, 'verdict')) {
    return constant === 401 || constant === 403
      ? { equal: [], different: VERIFIED }
      : { equal: VERIFIED, different: [] }
  }
  const equal = [...wildcardFacts(subject, constant)]
  if (constant === 'initialize' && hasTag(subject, 'body')) equal.push('init')
  if (hasTag(subject, 'body')) equal.push(...methodFacts(constant))
  if (hasTag(subject, 'header:mcp-protocol-version') && String(constant) >= FIRST_MODERN) equal.push('modern-only')
  if (hasTag(subject, 'url')) return pathFacts('is', String(constant))
  if (hasTag(subject, 'cred') && !hasTag(subject, 'entry') && !SCHEMES.test(String(constant)))
    equal.push('auth', 'auth:static', ...cookieFacts(subject), ...loginFacts(subject))
  return { equal, different: [] }
}

function verbFacts(verb: string): EqualityFacts {
  return { equal: [`verb:${verb}`], different: [`not-verb:${verb}`] }
}

function protocolFacts(protocol: string): EqualityFacts {
  const name = protocol.replace(/:$/, '')
  if (name === 'https') return { equal: ['tls'], different: [] }
  return name === 'http' ? { equal: [], different: ['tls'] } : { equal: [], different: [] }
}

/** Facts from comparing something stored with something presented. */
function pairFacts(machine: Machine, stored: Value, presented: Value): readonly string[] {
  const isOrigin = namesOrigin(presented) && !fromRequest(stored) && !namesBoth(stored, presented)
  if (hasTag(stored, 'entry') && isOfCaller(presented))
    for (const store of storesIn(stored)) machine.comparedWithCaller.add(`${machine.context.activation} ${store}`)
  const facts: string[] = isOrigin ? ['origin', OWN_HOST] : isOwnHost(stored, presented) ? [OWN_HOST] : []
  if (hasTag(stored, 'entry') && hasTag(presented, 'reply')) facts.push('addressed')
  if (hasTag(stored, 'held') && isOwnerProof(machine, stored, presented))
    facts.push(...(isItself(stored, presented) ? ['self-owned'] : ['bound', ...VERIFIED]))
  else if (hasTag(stored, 'held') && namesOwner(stored) && isUnseenAnswer(presented)) facts.push('bound')
  else if (hasTag(stored, 'entry') && isOfCaller(presented)) facts.push(OF_CALLER)
  if (hasTag(presented, 'cred') && !isBrought(stored) && (!fromRequest(stored) || isKept(stored))) {
    const kinds = isOneOfMany(stored) ? ['auth:verified'] : ['auth:static', ...proofFacts(stored)]
    facts.push('auth', ...kinds, ...cookieFacts(presented), ...loginFacts(presented))
  }
  if (isOwnSignature(stored, presented)) facts.push(...VERIFIED, ...cookieFacts(presented))
  return facts
}

/**
 * The MAC of what a credential or a cookie says, against the one that it brings: only the server, which has the key, can
 * have given it out.
 */
function isOwnSignature(stored: Value, presented: Value): boolean {
  if (!hasTag(stored, 'mac') || hasTag(presented, 'mac') || hasTag(presented, 'hash')) return false
  const isMeant = (tag: string): boolean =>
    hasTag(presented, 'cred') || (tag.startsWith('cookie:') && !OF_PAGES.test(tag))
  return requestTags(presented).some((tag) => isMeant(tag) && stored.tags.includes(tag))
}

/** Everybody is given one of these, to show that a request or an answer belongs to what went before. */
const OF_PAGES = /(?:^|[-_.:])(?:oauth|login|auth)?_?(?:csrf|xsrf|state|nonce)(?:$|[-_.])|csrf|xsrf/

/** A credential, other than one that somebody saved as a setting for everybody. */
function isBrought(value: Value): boolean {
  return hasTag(value, 'cred') && !hasTag(value, 'fixed')
}

/** It lies in a record: that some request put it there, at another time, makes it no part of this one. */
function isKept(stored: Value): boolean {
  return hasTag(stored, 'stored') || hasTag(stored, 'entry')
}

/** A field of the owner is compared on this path because it is set: where it is not, nothing is compared. */
export function noteWhereSet(machine: Machine, a: Value, b: Value, site: Site, state: State): void {
  if (!isOfCaller(a) || !isOfCaller(b)) return
  for (const tag of [...tagsOf(a, 'entry'), ...tagsOf(b, 'entry')]) {
    const field = tag.slice('entry:'.length)
    if (state.holds(`set:${field}`) && !machine.comparedWhereSet.has(field)) machine.comparedWhereSet.set(field, site)
  }
}

const OWNER_NAME = /owner|user|subject|^sub$|principal|tenant|client|account|identity|caller|person|member|^org/i

/** Whether a field of a session says, by its name, whose it is. */
export function isOwnerName(field: string): boolean {
  return OWNER_NAME.test(field)
}

export function namesOwner(stored: Value): boolean {
  return tagsOf(stored, 'entry').some((tag) => isOwnerName(tag.split(':')[2] ?? ''))
}

/** What code that is not in the tree gave, and no part of the request as far as is seen. */
export function isUnseenAnswer({ open, objects, tags, primitives }: Value): boolean {
  return (
    open && objects.length === 0 && tags.length === 0 && primitives.every((item) => item === undefined || item === null)
  )
}

/** What a credential said of the caller, now or when it was stored. */
export function isOfCaller(value: Value): boolean {
  return hasTag(value, 'cred') || hasTag(value, 'principal')
}

/** What the session remembers, compared with what may have been read from it, or is remembered elsewhere under its ID. */
function isItself(stored: Value, presented: Value): boolean {
  if (hasTag(presented, 'held') && !hasTag(presented, 'verdict')) return true
  return tagsOf(stored, 'entry').every((tag) => presented.tags.includes(tag))
}

/** The caller's credential, or a secret that the session's owner was given, against what the session remembers. */
function isOwnerProof(machine: Machine, stored: Value, presented: Value): boolean {
  if (isOfCaller(presented)) return true
  const secret = hasTag(stored, 'mint') && fromRequest(presented)
  return secret && requestTags(presented).some((tag) => !machine.handleTags.has(tag))
}

/** A condition of its own on an unknown boolean. */
export function flag(
  whenTrue: readonly string[],
  whenFalse: readonly string[] = [],
  ...sources: readonly Value[]
): Value {
  return (sources.length > 0 ? derived(...sources) : UNKNOWN).with({
    primitives: [true, false],
    open: true,
    condition: { whenTrue, whenFalse },
  })
}

/** Only under a setting that nobody has to set. */
export function isOptional(machine: Machine, { facts }: State): boolean {
  return [...facts.must].some(
    (fact) => fact.startsWith('optional:') && !machine.requiredEnv.has(fact.slice('optional:'.length)),
  )
}
