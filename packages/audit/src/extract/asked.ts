/** Questions that a handler asks, told by what they are about: who may have what, and what a header says is called. */
import { CHOSEN, ON_BEHALF, PERHAPS_NAMED, conditionOf, isOfCaller, isRank, namesOwner } from './conditions.ts'
import type { HeapObject, Site } from './heap.ts'
import { LibraryObject, siteKey } from './heap.ts'
import type { Machine } from './machine.ts'
import { LISTEN, methodsOf } from './protocol.ts'
import type { Facts, State } from './state.ts'
import type { Condition, Value } from './value.ts'
import { hasTag, withCondition, withTags } from './value.ts'

/** Headers that repeat what the body calls, so that those on the way need not read it. */
const NAMING_HEADER = /^header:(?:x-)?mcp-(?:method|name|tool(?:-name)?|param-.+)$/
/** Found by what such a header says. */
const NAMED = 'named'
/** Methods that ask something of what they are given. */
const QUESTION =
  /^(?:has|get|includes|indexOf|startsWith|endsWith|test|match|exec|equals|some|every|find|(?:is|can|may|does|check|allow|permit|authori[sz]e|require|assert|enforce|consume|hit|take|limit)\w*)$/
/** Code we cannot see that throws where the answer is no. */
const ENFORCEMENT = /^(?:consume|(?:assert|enforce|ensure|authori[sz]e|require|check|verify|guard)\w*)$/
const BROUGHT = ['body', 'query', 'param'] as const
const OUTCOMES = ['named-yes:', 'named-no:', PERHAPS_NAMED] as const

/** Whether a value is what a header says is called, or was found by it. */
function isNaming(value: Value): boolean {
  return value.tags.some((tag) => isChoice(tag) || NAMING_HEADER.test(tag))
}

function isChoice(tag: string): boolean {
  return tag === NAMED || tag.startsWith(CHOSEN)
}

/** What is left of a list that was found by a header's name, or how long it is, says which it was. */
export function keptByName(part: Value, whole: Value): Value {
  const tags = whole.tags.filter(isChoice)
  return tags.length === 0 ? part : withTags(part, tags)
}

/** `rules.find((rule) => rule.method === header)`: which of a list it is, a header's name has decided. */
export function chosenByName(found: Value, verdict: Value): Value {
  const policies = policiesOf(conditionOf(verdict).whenTrue)
  return keptByName(policies.length === 0 ? found : withTags(found, [`${CHOSEN}${policies[0]!}`]), verdict)
}

/** What the client asks for, as opposed to who it is. */
function isWish(value: Value): boolean {
  return BROUGHT.some((origin) => hasTag(value, origin)) && !hasTag(value, 'cred')
}

function isCaller(value: Value): boolean {
  return hasTag(value, 'cred') && !BROUGHT.some((origin) => hasTag(value, origin))
}

/** A comparison of two values: what either answer teaches of them. */
export function askedByComparing(
  machine: Machine,
  answer: Value,
  [a, b]: readonly [Value, Value],
  site: Site,
  state: State,
): Value {
  const isCount = isNaming(a) && b.primitives[0] === 0
  if (!isCount && (isAbsence(a) || isAbsence(b))) return answer
  return noteNarrowed(machine, asked(machine, answer, [a, b], site), state)
}

/** What a client may listen to is chosen from what it names, one by one: where that is asked, the list is no longer its own. */
function noteNarrowed(machine: Machine, answer: Value, state: State): Value {
  if (state.holds(`rpc:${LISTEN}`) && answer.condition?.whenTrue.includes('permitted') === true)
    machine.permissionAsked.add(LISTEN)
  return answer
}

/** Comparing with nothing asks only whether something is there; a count of nothing is an answer. */
function isAbsence({ primitives, objects, open }: Value): boolean {
  return !open && objects.length === 0 && primitives.length > 0 && primitives.every((item) => !item)
}

/** A call whose answer may be tested, or that throws where the answer is no. */
export function askedByCalling(
  machine: Machine,
  answer: Value,
  call: { readonly name: string | undefined; readonly given: readonly Value[]; readonly site: Site },
  state: State,
): Value {
  const { name, given, site } = call
  if (given.every(isPlain)) return answer
  const isQuestion = name !== undefined && QUESTION.test(name)
  if (name !== undefined && ENFORCEMENT.test(name) && answer.objects.length === 0)
    noteEnforced(machine, given, site, state)
  const told = asked(machine, answer, isQuestion ? given : given.filter((value) => !isNaming(value)), site)
  return isQuestion ? noteNarrowed(machine, told, state) : told
}

/**
 * `owns(session.owner, req.auth)`, `assertOwner(session, req)`: code that is not in the tree is given the owner, or the
 * session, and the caller. It compares them, and says so or throws. Undefined where it is given no such thing.
 */
export function askedOfOwner(
  name: string | undefined,
  { args }: { readonly args: readonly Value[] },
  answer: Value,
  state: State,
): Value | undefined {
  if (args.length < 2 || !args.some((arg) => hasTag(arg, 'held'))) return undefined
  const isOwner = args.some((arg) => hasTag(arg, 'held') && namesOwner(arg))
  const isCalled = name !== undefined && (QUESTION.test(name) || ENFORCEMENT.test(name) || COMPARES.test(name))
  if (!args.some(isSomebody) || (!isOwner && !isCalled)) return undefined
  if (name !== undefined && ENFORCEMENT.test(name)) state.learn(['bound'])
  const { whenTrue, whenFalse } = conditionOf(answer)
  return withCondition(answer, { whenTrue: [...whenTrue, 'bound'], whenFalse: [...whenFalse, 'bound'] })
}

const COMPARES = /own|belong|access|same|match|equal/i

function isSomebody(value: Value): boolean {
  const isRequest = value.objects.some((item) => item instanceof LibraryObject && item.type.endsWith('request'))
  return isRequest || (isOfCaller(value) && !hasTag(value, 'held'))
}

/**
 * Code that we cannot see is given the caller where something is read (`inboxes.findMany({ where: { members: { some: { user } } } })`):
 * what is read depends on who asks. Given what the client names as well, its answer says whether the caller may have it.
 */
export function askedOnBehalf(machine: Machine, args: readonly Value[], answer: Value, state: State): Value {
  const methods = methodsOf(state).filter((method) => OF_RESOURCES.test(method))
  if (methods.length === 0 || !args.some((arg) => holds(arg, isOrNamesCaller, DEEPEST_QUERY))) return answer
  const isNamed = args.some((arg) => holds(arg, isOrNamesWish, DEEPEST_QUERY))
  for (const method of methods) if (isNamed || READS.test(method)) machine.permissionAsked.add(method)
  return isNamed && !answer.tags.includes(ON_BEHALF) ? withTags(answer, [ON_BEHALF]) : answer
}

const OF_RESOURCES = /^(?:resources|subscriptions)\//
const READS = /^resources\/(?:read|list)$/
const DEEPEST_QUERY = 5

/** `/of/${user}?uri=${uri}` is both. */
function isOrNamesCaller(value: Value): boolean {
  return isCaller(value) || hasTag(value, 'principal')
}

function isOrNamesWish(value: Value): boolean {
  return isWish(value) || (hasTag(value, 'principal') && BROUGHT.some((origin) => hasTag(value, origin)))
}

function holds(value: Value, test: (value: Value) => boolean, depth: number, seen = new Set<HeapObject>()): boolean {
  if (test(value)) return true
  if (depth === 0) return false
  return value.objects.some((object) => {
    if (seen.has(object)) return false
    seen.add(object)
    const { kind, properties, item } = object
    return (
      (kind === 'object' && [...properties.values()].some((cell) => holds(cell.value, test, depth - 1, seen))) ||
      (kind === 'array' && holds(item, test, depth - 1, seen))
    )
  })
}

function noteEnforced(machine: Machine, given: readonly Value[], site: Site, state: State): void {
  if (given.some(isCaller) && given.some(isWish)) state.learn(['permitted'])
  if (isPolicy(given)) state.note(`named-policy:${place(machine, site)}`)
}

/** What was looked up under a name that a header gave. */
export function foundByName(machine: Machine, found: Value, key: Value, site: Site): Value {
  return isNaming(key) ? asked(machine, found, [key], site) : found
}

/** Has no origin: all that is asked here is told by origins, and most calls are given nothing that has one. */
function isPlain({ tags }: Value): boolean {
  return tags.length === 0
}

function asked(machine: Machine, answer: Value, given: readonly Value[], site: Site): Value {
  if (given.every(isPlain)) return answer
  const learned: { whenTrue: string[]; whenFalse: string[] } = { whenTrue: [], whenFalse: [] }
  if ((given.some(isCaller) && given.some(isWish)) || given.some(({ tags }) => tags.includes(ON_BEHALF))) {
    machine.permitting.add(machine.context.activation)
    learned.whenTrue.push('permitted')
    learned.whenFalse.push('permitted')
  }
  if (given.some(isRank)) learned.whenTrue.push('privileged')
  const isNamed = given.some(isNaming)
  if (isNamed && given.some((value) => hasTag(value, 'body'))) machine.namesCompared.add(machine.context.activation)
  else if (isNamed) {
    const policy = chosenAt(given) ?? place(machine, site)
    learned.whenTrue.push(`named-yes:${policy}`)
    learned.whenFalse.push(`named-no:${policy}`)
  }
  if (learned.whenTrue.length === 0) return answer
  const { whenTrue, whenFalse } = conditionOf(answer)
  const condition = {
    whenTrue: [...whenTrue, ...learned.whenTrue],
    whenFalse: [...whenFalse, ...learned.whenFalse],
  }
  return withCondition(isNamed ? withTags(answer, [NAMED]) : answer, condition)
}

/** Where a header's name was asked for that chose one of these. */
function chosenAt(given: readonly Value[]): string | undefined {
  return given
    .flatMap(({ tags }) => tags)
    .find((tag) => tag.startsWith(CHOSEN))
    ?.slice(CHOSEN.length)
}

function isPolicy(given: readonly Value[]): boolean {
  return given.some(isNaming) && !given.some((value) => hasTag(value, 'body'))
}

function place(machine: Machine, site: Site): string {
  const key = siteKey(site)
  machine.places.set(key, site)
  return key
}

/** One side of a condition refused the request: where a header's name had a say in it, that is a policy on names. */
export function notePolicy(state: State, test: Condition, sides: readonly [State, State]): void {
  const refused = sides.filter(({ dead, facts }) => dead && facts.may.has('denied'))
  if (refused.length !== 1 || sides.every(({ dead }) => dead)) return
  notePoliciesIn(state, [...test.whenTrue, ...test.whenFalse, ...refused[0]!.facts.must])
}

/** The request is refused here, on a way that a header's name may have chosen. */
export function noteDenied(state: State): void {
  state.note('denied')
  for (const policy of policiesOf(state.facts.must)) state.note(`${DENIED_BY}${policy}`)
}

const DENIED_BY = 'denied-by:'

/** `if (isFine) return next(); res.status(403).end()`: what middleware asks before it lets a request go on, where it refuses others. */
export function noteGoneOn(state: State, ways: readonly Facts[], ended: Facts): void {
  for (const { must } of ways)
    for (const policy of policiesOf(must))
      if (ended.may.has(`${DENIED_BY}${policy}`)) state.note(`named-policy:${policy}`)
}

/** `return { statusCode: 403 }`: a function that a gateway calls refuses by what it gives back. */
export function noteRefusal({ objects }: Value, state: State): void {
  for (const { properties } of objects) {
    const status = properties.get('statusCode')?.value.primitives[0]
    if (typeof status === 'number' && status >= 400) noteDenied(state)
  }
}

/** Some ways through middleware have verified the caller and others have not: where a header's name says which, that is a policy. */
export function noteSkipped(state: State, ways: readonly Facts[]): void {
  if (!ways.some(({ must }) => must.has('auth'))) return
  for (const { must } of ways) if (!must.has('auth')) notePoliciesIn(state, [...must])
}

function notePoliciesIn(state: State, known: readonly string[]): void {
  for (const policy of policiesOf(known)) state.note(`named-policy:${policy}`)
}

function policiesOf(known: Iterable<string>): readonly string[] {
  const policies: string[] = []
  for (const fact of known) {
    const outcome = OUTCOMES.find((prefix) => fact.startsWith(prefix))
    if (outcome !== undefined) policies.push(fact.slice(outcome.length))
  }
  return policies
}

/** Here the body says what is done; `matched`: by code that compares it with the headers itself. */
export function noteExecution(machine: Machine, site: Site, state: State, matched = false): void {
  for (const fact of state.facts.may) {
    if (!fact.startsWith('named-policy:')) continue
    const policy = machine.places.get(fact.slice('named-policy:'.length))
    if (policy !== undefined) machine.emit('named-execution', site, state, { policy, matched })
  }
}
