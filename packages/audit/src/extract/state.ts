/** What is known on one path through the program: facts that hold, and what variables were last set to. */
import { type Cell, UNMADE } from './heap.ts'
import type { Value } from './value.ts'
import { isOfEarlierRound } from './flags.ts'
import { isSaidOfState } from './request-state.ts'
import { ofOneWay, withConditionFrom } from './conditions.ts'
import { UNDEFINED, joinAll, truthiness } from './value.ts'
import { LOOKED_BY, OWNED } from './ownership.ts'
import { asCaller, noteCaller } from './told-apart.ts'

/**
 * `must`: holds on every path that leads here. `may`: happened on some path that leads here.
 * Joining paths intersects the first and unites the second, so a check made in one branch only is no check.
 */
export interface Facts {
  readonly must: ReadonlySet<string>
  readonly may: ReadonlySet<string>
}

/** A chain of writes since a fork; the innermost write wins. */
class Layer {
  /** Most forks write nothing. */
  declare own: Map<Cell, Value> | undefined
  declare readonly parent: Layer | undefined
  constructor(parent: Layer | undefined) {
    this.own = undefined
    this.parent = parent
  }
  get writes(): ReadonlyMap<Cell, Value> {
    return this.own ?? NO_WRITES
  }
  set(cell: Cell, value: Value): void {
    this.own ??= new Map()
    this.own.set(cell, value)
  }
}

const NO_WRITES: ReadonlyMap<Cell, Value> = new Map()

/** The record that is at hand was compared with the caller: those of others take another way. */
export const OF_CALLER = 'of-caller'

/** What a path knows behind a credential that was verified for this request. */
export const VERIFIED = ['auth', 'auth:verified'] as const

export class State {
  declare facts: Facts
  /** The path ended: returned, threw, broke out. */
  declare dead: boolean
  declare private layer: Layer
  constructor(facts: Facts, layer?: Layer) {
    this.facts = facts
    this.dead = false
    this.layer = layer ?? new Layer(undefined)
  }

  /** The beginning of a path of which nothing is known. */
  static beginning(): State {
    return new State({ must: new Set(), may: new Set() })
  }

  read(cell: Cell): Value {
    for (let layer: Layer | undefined = this.layer; layer !== undefined; layer = layer.parent) {
      const value = layer.own?.get(cell)
      if (value !== undefined) return value
    }
    return cell.value
  }

  write(cell: Cell, value: Value): void {
    this.layer.set(cell, value)
    const isFirst = cell.madeOn === UNMADE
    cell.write(value)
    if (isFirst) cell.madeOn = this.layer
  }

  fork(): State {
    const copy = new State(this.facts, new Layer(this.layer))
    copy.dead = this.dead
    return copy
  }

  /** Runs what comes back here however it ends: a callback that throws or returns early ends no path of its caller. */
  aside<T>(run: (fork: State) => T): T {
    const fork = this.fork()
    const result = run(fork)
    fork.dead = false
    this.merge([fork])
    return result
  }

  /** As `aside`, of what may not run at all. */
  perhaps<T>(run: (fork: State) => T): T {
    const fork = this.fork()
    const result = run(fork)
    fork.dead = false
    this.merge([fork, this.fork()])
    return result
  }

  /**
   * Becomes what its forks have in common. Forks must come from this state.
   * Variables declared deeper than `level` calls are forgotten: they are out of scope.
   */
  merge(forks: readonly State[], level = Number.POSITIVE_INFINITY): void {
    const alive = forks.filter((fork) => !fork.dead)
    if (alive.length === 0) {
      this.dead = true
      return
    }
    const [first] = alive
    if (alive.length === 1) return this.become(first!, level)
    const before = this.facts.must
    this.facts = alive.map((fork) => fork.facts).reduce(joinFacts)
    const flat = alive.map((fork) => fork.writesSince(this.layer))
    if (flat.every(({ size }) => size === 0)) return
    const cells = new Set<Cell>()
    for (const writes of flat) for (const cell of writes.keys()) if (cell.level <= level) cells.add(cell)
    for (const cell of cells) {
      if (cell.madeOn !== undefined) this.noteLacked(cell, alive, flat)
      const written = flat.map((writes) => writes.get(cell) ?? this.read(cell))
      const value = ofOneWay(joinAll(written), written)
      this.layer.set(cell, this.letIn(told(value, alive, flat, cell, this), alive, written, before))
    }
  }

  /** `if (equal(token, ADMIN)) role = 'admin'; else if (equal(token, READER)) role = 'reader'; else return refuse()` */
  private letIn(value: Value, forks: readonly State[], written: readonly Value[], before: Facts['must']): Value {
    if (before.has('auth') || !this.holds('auth')) return value
    const outcomes = forks.map(({ facts }, index) => ({ facts, value: written[index]! }))
    const caller = asCaller(value, outcomes, before)
    noteCaller(this, caller, before)
    return caller
  }

  /** `if (process.env.CERT) settings.tls = …`: what one of the ways has added to an object, the object may be without. */
  private noteLacked(cell: Cell, forks: readonly State[], flat: readonly ReadonlyMap<Cell, Value>[]): void {
    if (!forks.some((fork) => fork.hasLayer(cell.madeOn, this.layer))) return
    if (flat.some((writes) => !writes.has(cell))) cell.write(UNDEFINED)
    else cell.madeOn = this.layer
  }

  private hasLayer(layer: object | undefined, base: Layer): boolean {
    for (let own: Layer | undefined = this.layer; own !== undefined && own !== base; own = own.parent)
      if (own === layer) return true
    return false
  }

  private become(only: State, level: number): void {
    this.facts = only.facts
    for (const [cell, value] of only.writesSince(this.layer)) {
      if (cell.level > level) continue
      if (cell.madeOn !== undefined && only.hasLayer(cell.madeOn, this.layer)) cell.madeOn = this.layer
      this.layer.set(cell, value)
    }
  }

  private writesSince(base: Layer): ReadonlyMap<Cell, Value> {
    if (this.layer.parent === base) return this.layer.writes
    const chain: Layer[] = []
    for (let layer: Layer | undefined = this.layer; layer !== undefined && layer !== base; layer = layer.parent) {
      chain.push(layer)
    }
    const writes = new Map<Cell, Value>()
    for (const layer of chain.toReversed()) for (const [cell, value] of layer.writes) writes.set(cell, value)
    return writes
  }

  holds(fact: string): boolean {
    return this.facts.must.has(fact)
  }

  learn(given: readonly string[]): void {
    if (given.length === 0) return
    const known = this.facts.must
    const facts = given.some((fact) => fact.startsWith('path:'))
      ? [...given, ...knownAtPaths(known, given)]
      : known.size > MOST_FACTS
        ? given.filter((fact) => !fact.startsWith('not-path:'))
        : given
    this.facts = addFacts(this.facts, facts)
    if (facts.includes('auth') || facts.includes('maybe-auth')) this.note('maybe-auth')
    if (facts.includes('auth:verified')) this.note('maybe-verified')
    if (facts.includes('auth:cookie')) this.note('maybe-cookie')
  }

  note(fact: string): void {
    if (this.facts.may.has(fact)) return
    this.facts = { must: this.facts.must, may: new Set(this.facts.may).add(fact) }
  }

  /** As if it had happened on no way here. */
  unnote(fact: string): void {
    if (!this.facts.may.has(fact)) return
    const may = new Set(this.facts.may)
    may.delete(fact)
    this.facts = { must: this.facts.must, may }
  }

  forget(fact: string): void {
    if (!this.facts.must.has(fact)) return
    const must = new Set(this.facts.must)
    must.delete(fact)
    this.facts = { must, may: this.facts.may }
  }
}

/** From here on it is not noted any more which other paths a request does not ask for: a switch of thousands would know them all. */
const MOST_FACTS = 300

/** More ways than this are told apart by nothing. */
const MOST_WAYS = 8

/**
 * `let caller; if (token) caller = verify(token)`: where one way leaves a variable empty and another fills it, whether
 * it is filled says which way was taken.
 */
function told(
  value: Value,
  forks: readonly State[],
  flat: readonly ReadonlyMap<Cell, Value>[],
  cell: Cell,
  base: State,
): Value {
  const { canBeTrue, canBeFalse } = truthiness(value)
  if (!canBeTrue || !canBeFalse || forks.length > MOST_WAYS) return value
  const outcomes = forks.map((fork, index) => ({ facts: fork.facts, value: flat[index]!.get(cell) ?? base.read(cell) }))
  if (!outcomes.some(({ value: given }) => isEmpty(given))) return value
  return withConditionFrom(value, outcomes, base.facts.must)
}

/** Or may be, and says itself when: `if (a) role = 'x'; else if (b) role = 'y'`. */
function isEmpty(value: Value): boolean {
  const { canBeTrue, canBeFalse } = truthiness(value)
  if (!canBeTrue || isOfEarlierRound(value, true)) return true
  return canBeFalse && value.condition !== undefined && value.condition.whenTrue.length > 0
}

/** A session looked up by the caller's handle is `unbound` until its owner has been compared: then that taint goes. */
export function addFacts(facts: Facts, added: readonly string[]): Facts {
  const isBound = added.includes('bound')
  if (!isBound && added.every((fact) => facts.must.has(fact))) return facts
  const must = new Set(facts.must)
  for (const fact of added) must.add(fact)
  if (isBound) for (const tag of storesIn(facts.may, LOOKED_BY)) must.add(`${OWNED}${tag}`)
  const settled = settledStores(facts, added)
  if (settled.length === 0) return { must, may: facts.may }
  for (const store of settled) must.add(`cleared:${store}`)
  const may = new Set(facts.may)
  for (const store of settled) may.delete(`unbound:${store}`)
  return { must, may }
}

/** Stores in which the presented handle is known to name no session of somebody else. */
export function settledStores(facts: Facts, added: readonly string[]): readonly string[] {
  // An owner that is compared wherever both sides have one: a verified caller without that claim is not the caller's choice.
  if (added.includes('bound') || added.includes('incomparable')) return storesIn(facts.may, 'looked:')
  if (!added.some(isOfStore)) return []
  const named = OF_STORES.flatMap((prefix) => storesIn(added, prefix))
  return named.filter((store) => facts.may.has(`looked:${store}`))
}

const OF_STORES = ['absent:', 'unowned:', 'cleared:'] as const

function isOfStore(fact: string): boolean {
  return OF_STORES.some((prefix) => fact.startsWith(prefix))
}

function storesIn(facts: Iterable<string>, prefix: string): readonly string[] {
  const stores: string[] = []
  for (const fact of facts) if (fact.startsWith(prefix)) stores.push(fact.slice(prefix.length))
  return stores
}

export function joinFacts(a: Facts, b: Facts): Facts {
  if (a === b) return a
  return { must: a.must === b.must ? withCommon(a.must) : joinMust(a, b), may: united(a.may, b.may) }
}

/** As `joinMust`, of two ways that know the same. */
function withCommon(must: Facts['must']): Facts['must'] {
  const ways = [must, must]
  const common = [...(arePagesKeptOut(ways) ? [NO_PAGE] : []), ...vouchedFor(ways)].filter((fact) => !must.has(fact))
  return common.length === 0 ? must : new Set([...must, ...common])
}

function joinMust(a: Facts, b: Facts): Facts['must'] {
  const must = new Set<string>()
  for (const fact of a.must) if (b.must.has(fact) || vacuous(fact, b)) must.add(fact)
  for (const fact of b.must) if (vacuous(fact, a)) must.add(fact)
  for (const fact of guardedPaths(a.must, b.must)) must.add(fact)
  for (const fact of guardedPaths(b.must, a.must)) must.add(fact)
  for (const fact of checkedUnlessSwitchedOff(a.must, b.must)) must.add(fact)
  if (arePagesKeptOut([a.must, b.must])) must.add(NO_PAGE)
  for (const fact of vouchedFor([a.must, b.must])) must.add(fact)
  return must
}

/** Most ways have seen nothing that the other has not: sets of facts are never changed, so one may stand for both. */
function united(a: Facts['may'], b: Facts['may']): Facts['may'] {
  if (a === b) return a
  let may: Set<string> | undefined
  for (const fact of b) if (!a.has(fact)) (may ??= new Set(a)).add(fact)
  return may ?? a
}

/** The request names no session. */
export const UNNAMED = 'unnamed'

/** Some store is vouched for. */
const VOUCHES = 'vouches'

/**
 * `vouched:<store>` is known where one way has found the session that the request names there, and on all others it names
 * none: what is stored under that name, or under a new one, is no session that the client has made up.
 */
export function vouchedFor(ways: readonly ReadonlySet<string>[]): readonly string[] {
  // Found on every way it is known to be found: most joins have nothing more to say.
  if (!ways.some((must) => must.has(UNNAMED) || must.has(VOUCHES))) return []
  const known = new Set<string>()
  for (const must of ways) for (const fact of must) if (isVouched(fact)) known.add(fact.slice(fact.indexOf(':') + 1))
  const vouched = [...known].filter((store) => ways.every((must) => must.has(UNNAMED) || knowsSession(must, store)))
  return vouched.length === 0 ? [] : [VOUCHES, ...vouched.map((store) => `vouched:${store}`)]
}

export function knowsSession(must: ReadonlySet<string>, store: string): boolean {
  return must.has(`exists:${store}`) || must.has(`vouched:${store}`)
}

function isVouched(fact: string): boolean {
  return fact.startsWith('exists:') || fact.startsWith('vouched:')
}

/** What a check teaches that some handlers make for some of their paths, or unless it is switched off. */
export const CHECKS = ['origin', 'auth', 'auth:verified', 'auth:static', 'auth:cookie', 'auth:expiring'] as const

/** What a request asks for that becomes a WebSocket. */
export const ASKS_UPGRADE = 'path:has:upgrade'

/** `if (path === '/mcp') check()`: what goes on behind it for that path has passed the check, whatever else goes on there. */
export function guardedPaths(elsewhere: Iterable<string>, guarded: ReadonlySet<string>): readonly string[] {
  const passed: string[] = []
  let hasChecked: boolean | undefined
  for (const fact of elsewhere) {
    if (!fact.startsWith('not-path:') || guarded.has(fact)) continue
    // Asked for each of hundreds of paths, where most ways have checked nothing at all.
    if (!(hasChecked ??= checksAny(guarded))) return passed
    const path = fact.slice('not-path:'.length)
    for (const known of [...CHECKS, NO_PAGE])
      if (guarded.has(known) || guarded.has(`at:${known} ${path}`)) passed.push(`at:${known} ${path}`)
  }
  return passed
}

function checksAny(guarded: ReadonlySet<string>): boolean {
  if (guarded.has(NO_PAGE) || CHECKS.some((fact) => guarded.has(fact))) return true
  for (const fact of guarded) if (fact.startsWith('at:')) return true
  return false
}

/** What is known of a request for such a path. */
function knownAtPaths(must: ReadonlySet<string>, added: readonly string[]): readonly string[] {
  const paths = added.flatMap((fact) => /^path:(?:is|starts|has):(.*)$/.exec(fact)?.[1] ?? [])
  if (paths.length === 0) return []
  return [...must].flatMap((fact) => {
    const [, known, how, path = ''] = /^at:(\S+) (is|starts|has):(.*)$/.exec(fact) ?? []
    if (known === undefined) return []
    const isMeant = paths.some((asked) => (how === 'starts' ? asked.startsWith(path) : asked === path))
    return isMeant ? [known] : []
  })
}

/** Known where either the origin was checked or a credential was, that no page of another site has a browser send. */
export const NO_PAGE = 'no-page'

/** No page of another site gets here. */
export function isPageKeptOut(must: ReadonlySet<string>): boolean {
  return must.has('origin') || must.has(NO_PAGE)
}

/** On each of these ways by one or the other. Where it is the same on all of them, that itself is known. */
export function arePagesKeptOut(ways: readonly ReadonlySet<string>[]): boolean {
  const checked = ways.filter(isPageKeptOut)
  if (checked.length === 0) return false
  return ways.every((facts) => checked.includes(facts) || (facts.has('auth') && !facts.has('auth:cookie')))
}

/** What one side has checked, where the other is taken only if somebody has set an option: as it is shipped, all of it is. */
export function checkedUnlessSwitchedOff(a: ReadonlySet<string>, b: ReadonlySet<string>): readonly string[] {
  const checked = a === b ? [] : CHECKS.filter((fact) => a.has(fact) !== b.has(fact))
  if (checked.length === 0) return checked
  return checked.filter((fact) => (a.has(fact) ? isOptional(b, a) : isOptional(a, b)))
}

function isOptional(path: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  for (const fact of path) if (fact.startsWith('optional:') && !other.has(fact)) return true
  return false
}

/** A path that looked up no session has nothing to bind: it does not undo the other path's comparison. */
export function vacuous(fact: string, other: Facts): boolean {
  if (fact === 'bound') return !other.may.has('looked')
  if (fact.startsWith(OWNED)) return !other.may.has(`${LOOKED_BY}${fact.slice(OWNED.length)}`)
  if (isSaidOfState(fact)) return other.must.has('rs:absent')
  return fact.startsWith('cleared:') && !other.may.has(`looked:${fact.slice('cleared:'.length)}`)
}
