/** One handler may serve many paths: what happens on the way to one of them has happened to none of the others. */
import type { Context, Event } from './events.ts'
import type { Facts } from './state.ts'

/** What happens while requests are served, by their path where one handler serves many. */
export class Branches {
  readonly #seen = new Map<number, Set<string>>()

  add({ activation }: Context, facts: Facts): void {
    const known = this.#seen.get(activation)
    if (known === undefined) this.#seen.set(activation, new Set([branchOf(facts)]))
    else known.add(branchOf(facts))
  }

  /** Forgets what stood before the handler. */
  begin({ activation }: Context): void {
    this.#seen.delete(activation)
  }

  /** Whether it has happened to such a request, as far as the code tells requests apart. */
  has({ activation }: Context, facts: Facts): boolean {
    const known = this.#seen.get(activation)
    return known !== undefined && (branchOf(facts) === '' || known.has(branchOf(facts)))
  }
}

type Happening = Pick<Event, 'context' | 'facts'>

/** Whether `other` happens to requests for the path of `one`, as far as that is asked. */
export function isSameBranch(one: Happening, other: Happening): boolean {
  if (one.context.activation !== other.context.activation) return false
  const branch = branchOf(one.facts)
  return branch === '' || branch === branchOf(other.facts)
}

/** What the code has asked the path of a request to be. */
export function pathsOf({ must }: Facts): readonly string[] {
  const paths: string[] = []
  for (const fact of must) {
    const path = fact.startsWith('path:') ? /^path:(?:is|starts):(.+)$/.exec(fact)?.[1] : undefined
    if (path !== undefined) paths.push(path)
  }
  return paths
}

/** Facts are never changed, only replaced; and calls that are made one after the other share them. */
const branches = new WeakMap<Facts['must'], string>()

function branchOf(facts: Facts): string {
  let branch = branches.get(facts.must)
  if (branch === undefined) branches.set(facts.must, (branch = pathsOf(facts).toSorted().join(' ')))
  return branch
}
