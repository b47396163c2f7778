/** What a rule offers against its own findings. */
import type { ServerFacts } from '../facts/facts.ts'
import type { Finding, Fix, Location } from '../finding/finding.ts'
import { isSamePlace } from '../finding/finding.ts'
import type { FileSyntax, Span, Syntax } from '../syntax/syntax.ts'

/** What a fix may look at. */
export interface Ground {
  readonly facts: ServerFacts
  readonly syntax: Syntax
}

/** The edits that would mend a finding; undefined where the code is not of a shape that this knows. Never a guess. */
export type Mend = (finding: Finding, ground: Ground) => Fix | undefined

/** A place in a file that can be edited. */
export interface Place {
  readonly file: FileSyntax
  readonly span: Span
}

/** Where a finding stands; undefined where no file there can be edited. */
export function placeOf({ location }: Pick<Finding, 'location'>, syntax: Syntax): Place | undefined {
  return location && placeAt(location, syntax)
}

export function placeAt(location: Location, syntax: Syntax): Place | undefined {
  const file = syntax.file(location.path)
  return file && { file, span: file.spanOf(location) }
}

/** Whether a step of a finding stands there. */
export function isTraced({ trace }: Pick<Finding, 'trace'>, at: Location): boolean {
  return trace.some((step) => step.location !== undefined && isSamePlace(step.location, at))
}
