/** Whose a record is that was found by what a request presents: of which parts of the request it has been asked. */
import type { Facts } from './state.ts'

/** `looked-by:<tag>`: by which part of the request a session was looked up; of one that is kept by itself, by none. */
export const LOOKED_BY = 'looked-by:'

/** `owned:<tag>`: what this part of the request names has been compared with the caller. */
export const OWNED = 'owned:'

/** Whether what these parts of the request name is known to be the caller's own: an owner who was compared of one thing is not that of another. */
export function isOwned({ must }: Facts, tags: readonly string[]): boolean {
  if (tags.length > 0 && tags.every((tag) => must.has(`${OWNED}${tag}`))) return true
  return must.has('bound') && !saysWhose(must)
}

/** Whether it is known of what the owner was compared. */
function saysWhose(must: ReadonlySet<string>): boolean {
  for (const fact of must) if (fact.startsWith(OWNED)) return true
  return false
}

/** Whether a record of this store was found by what the client presented, and may be anybody's. */
export function isUnbound({ must, may }: Facts, store: string): boolean {
  return may.has(`unbound:${store}`) && !must.has(`cleared:${store}`)
}
