/** The patterns of a .gitignore that can be matched safely. They become regular expressions, and the file is not ours. */
import type { Host } from './host.ts'

export interface GitignoreRules {
  readonly patterns: readonly string[]
  /** How many lines are not honoured. */
  readonly refused: number
}

const MAX_BYTES = 256 * 1024
/** Wildcards for files that hold no code (`*.log`, `report.[0-9]*.[0-9]*.json`) decide nothing here. */
const NOT_CODE = /\*.*[\w*\]]\.(?![cm]?[jt]sx?$)[a-z]\w*$/i
const MAX_LENGTH = 500
/** Each wildcard multiplies the cost of a path that almost matches by its length. */
const MAX_WILDCARDS = 3

export function readGitignore(host: Host, path: string): GitignoreRules {
  try {
    if ((host.stat(path)?.size ?? 0) > MAX_BYTES) return { patterns: [], refused: 1 }
    const lines = Buffer.from(host.read(path)).toString('utf8').split(/\r?\n/)
    const wanted = lines.filter(isWanted)
    const patterns = wanted.filter(isCheap)
    return { patterns, refused: wanted.length - patterns.length }
  } catch {
    return { patterns: [], refused: 1 }
  }
}

function isWanted(line: string): boolean {
  if (line.trim() === '' || line.startsWith('#')) return false
  return line.length > MAX_LENGTH || !NOT_CODE.test(line)
}

function isCheap(pattern: string): boolean {
  const segments = pattern.split('/')
  const deep = segments.filter((segment) => segment === '**').length
  return (
    pattern.length <= MAX_LENGTH &&
    deep <= MAX_WILDCARDS &&
    segments.every((segment) => segment === '**' || wildcards(segment) <= MAX_WILDCARDS)
  )
}

function wildcards(segment: string): number {
  return segment.replaceAll(/\*+/g, '*').split('*').length - 1
}
