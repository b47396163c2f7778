/** The `exports` and `imports` maps of package.json. */
import { isObject } from '../source/json.ts'

export type Conditions = ReadonlySet<string>

/** Targets for a key (`.`, `./sub`, `#name`), the first condition that applies first. Never throws on malformed maps. */
export function targetsIn(map: unknown, key: string, conditions: Conditions): readonly string[] {
  if (!isKeyed(map)) return key === '.' ? targetsOf(map, '', conditions) : []
  if (key in map && Object.hasOwn(map, key)) return targetsOf(map[key], '', conditions)
  return patternTargets(map, key, conditions)
}

/** Keys of a map are subpaths or names; those of conditions are neither. */
function isKeyed(map: unknown): map is Record<string, unknown> {
  return isObject(map) && Object.keys(map).some((key) => key.startsWith('.') || key.startsWith('#'))
}

/** `./*` matches any subpath; the longest pattern wins. */
function patternTargets(map: Record<string, unknown>, key: string, conditions: Conditions): readonly string[] {
  const patterns = Object.keys(map).toSorted((a, b) => b.length - a.length)
  for (const pattern of patterns) {
    const star = starMatch(pattern, key)
    if (star !== undefined) return targetsOf(map[pattern], star, conditions)
  }
  return []
}

/** What `*` stands for, or undefined if the pattern does not match. */
export function starMatch(pattern: string, key: string): string | undefined {
  const at = pattern.indexOf('*')
  if (at === -1) return undefined
  const [before, after] = [pattern.slice(0, at), pattern.slice(at + 1)]
  const matches = key.length >= before.length + after.length && key.startsWith(before) && key.endsWith(after)
  return matches ? key.slice(before.length, key.length - after.length) : undefined
}

function targetsOf(target: unknown, star: string, conditions: Conditions, depth = 0): readonly string[] {
  if (typeof target === 'string') return [target.replaceAll('*', () => star)]
  if (depth > 8) return []
  if (Array.isArray(target)) return target.flatMap((inner) => targetsOf(inner, star, conditions, depth + 1))
  if (!isObject(target)) return []
  return Object.keys(target)
    .filter((condition) => conditions.has(condition))
    .flatMap((condition) => targetsOf(target[condition], star, conditions, depth + 1))
}
