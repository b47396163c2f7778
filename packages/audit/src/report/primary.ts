/** Where in its trace a finding stands. */
import { type Finding, isPlace, type Location } from '../finding/finding.ts'

/** Index of the step at the finding's own place, or at which the wire proves it; the last step where none is. */
export function primaryIndex({ location, trace, primary }: Finding): number {
  const found = location
    ? trace.findLastIndex((step) => isPlace(step) && isSamePlace(step.location, location))
    : (primary ?? -1)
  return found === -1 ? trace.length - 1 : found
}

function isSamePlace(one: Location, other: Location): boolean {
  return (
    one.path === other.path &&
    one.startLine === other.startLine &&
    one.startColumn === other.startColumn &&
    one.endLine === other.endLine &&
    one.endColumn === other.endColumn
  )
}
