/** What one header brings where another does not: `req.headers['x-run'] ?? req.headers['x-task']`. */
import { type Value, tagsOf, withTags } from './value.ts'

/** Tag of a header that brings what another may have brought: the two say one thing. */
const INSTEAD = 'instead-of-another:'

/** A value that is one of these, on one way or another. */
export function withAlternatives(value: Value, ways: readonly Value[]): Value {
  if (value.tags.length < 2) return value
  const brought = ways.map(headersOf).filter(({ length }) => length > 0)
  if (brought.length < 2 || brought.some(({ length }) => length > 1)) return value
  const [first, ...others] = new Set(brought.flat())
  return first === undefined || others.length === 0
    ? value
    : withTags(
        value,
        others.map((tag) => INSTEAD + tag),
      )
}

/** The headers of which the value is made, each of which says something of its own. */
export function headersOf(value: Value): readonly string[] {
  return tagsOf(value, 'header').filter((tag) => !value.tags.includes(INSTEAD + tag))
}
