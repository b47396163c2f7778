/** As much of semver as the audit needs: the order of versions and the lowest version of a range. */

const VERSION = /^[v=\s]*(\d+)(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-([\w.-]+))?/

/** Negative, zero or positive, as for Array.sort. A pre-release comes before its release; build metadata does not count. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [VERSION.exec(left), VERSION.exec(right)]
  for (let part = 1; part <= 3; part++) {
    const difference = numberOf(a?.[part]) - numberOf(b?.[part])
    if (difference !== 0) return difference
  }
  return comparePreReleases(a?.[4], b?.[4])
}

/** Whether a version is older than a limit. */
export function isBelow(version: string, limit: string): boolean {
  return compareVersions(version, limit) < 0
}

/** Longer than any range that a person or a program writes. */
const LONGEST_RANGE = 1_000

/** The lowest version that a range admits, or undefined where it admits any (`*`, `latest`, an address). */
export function minimumOf(range: string): string | undefined {
  return boundsOf(range, minimumOfComparators)[0]
}

/** The bound of each alternative, in order; none where one of them has none. */
function boundsOf(range: string, boundOf: (comparators: string) => string | undefined): readonly string[] {
  if (range.length > LONGEST_RANGE) return []
  const aliased = /^npm:(?:@?[^@]+)@(.+)$/.exec(range)?.[1] ?? range
  const bounds = aliased
    .replace(/^workspace:/, '')
    .split('||')
    .map(boundOf)
  const known = bounds.filter((bound) => bound !== undefined)
  return known.length < bounds.length ? [] : known.toSorted(compareVersions)
}

/** Comparators one by one, each with its operator. */
function comparatorsOf(range: string): readonly string[] {
  return range
    .trim()
    .replaceAll(/([<>=~^]+)\s+/g, '$1')
    .split(/\s+/)
}

/** Of `>=1.2 <2` the first that bounds from below. */
function minimumOfComparators(range: string): string | undefined {
  for (const comparator of comparatorsOf(range)) {
    if (comparator.startsWith('<') || comparator === '-') continue
    const match = VERSION.exec(comparator.replace(/^(?:\^|~>?|>=?|=)/, ''))
    if (match)
      return `${numberOf(match[1])}.${numberOf(match[2])}.${numberOf(match[3])}${match[4] ? `-${match[4]}` : ''}`
  }
  return undefined
}

/** The first version that a range no longer admits, or undefined where there is none, or it is not of a simple shape. */
export function ceilingOf(range: string): string | undefined {
  return boundsOf(range, ceilingOfComparators).at(-1)
}

/** `^0.5.3`, `~1.2`, `1.x`, `>=1.2 <1.9`: the lowest bound from above. */
function ceilingOfComparators(range: string): string | undefined {
  const comparators = comparatorsOf(range)
  if (comparators.includes('-')) return undefined
  return comparators.flatMap((comparator) => ceilingOfOne(comparator) ?? []).toSorted(compareVersions)[0]
}

const COMPARATOR = /^(\^|~>?|[<>]=?|=)?v?(\d+)(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-[\w.-]+)?$/

function ceilingOfOne(comparator: string): string | undefined {
  const [, operator = '', major, minor, patch] = COMPARATOR.exec(comparator) ?? []
  if (major === undefined || operator.startsWith('>')) return undefined
  const [first, second, third] = [Number(major), wholeNumber(minor), wholeNumber(patch)]
  if (operator === '<') return `${first}.${second ?? 0}.${third ?? 0}`
  if (second === undefined || (operator === '^' && first > 0)) return `${first + 1}.0.0`
  const isOfMinor = third === undefined || operator.startsWith('~') || (operator === '^' && second > 0)
  return isOfMinor ? `${first}.${second + 1}.0` : `${first}.${second}.${third + 1}`
}

function wholeNumber(part: string | undefined): number | undefined {
  return part === undefined || /^[xX*]$/.test(part) ? undefined : Number(part)
}

function comparePreReleases(left: string | undefined, right: string | undefined): number {
  if (left === right) return 0
  if (left === undefined) return 1
  if (right === undefined) return -1
  const [a, b] = [left.split('.'), right.split('.')]
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = compareIdentifiers(a[index], b[index])
    if (order !== 0) return order
  }
  return 0
}

/** Semver 11.4: numbers by value and before words, words by code unit, the shorter list first. */
function compareIdentifiers(left: string | undefined, right: string | undefined): number {
  if (left === right) return 0
  if (left === undefined) return -1
  if (right === undefined) return 1
  const [leftIsNumber, rightIsNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)]
  if (leftIsNumber && rightIsNumber) return Number(left) - Number(right)
  if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1
  return left < right ? -1 : 1
}

function numberOf(part: string | undefined): number {
  const value = Number(part)
  return Number.isFinite(value) ? value : 0
}
