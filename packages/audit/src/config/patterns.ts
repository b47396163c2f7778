/** Patterns as in a .gitignore, over the paths of a tree. */
import ignore from 'ignore'

/** Whether a path of the audited folder matches. Patterns are relative to a folder that may lie above it. */
export function matcherOf(patterns: readonly string[], prefix: string): (path: string) => boolean {
  if (patterns.length === 0) return () => false
  const matcher = ignore().add([...patterns])
  return (path) => {
    const full = prefix === '' ? path : `${prefix}/${path}`
    return ignore.isPathValid(full) && matcher.ignores(full)
  }
}
