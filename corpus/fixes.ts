/** Fixes: is the weakness found in the vulnerable state, and not in the mended one? */
import type { Finding, Report, Step } from '@sallyport/audit'
import type { Places } from './place.ts'
import { isInSameScope, stepsOf } from './score.ts'
import { type FixPair, isFile } from './verdicts.ts'

/** How near to the expected lines a finding of the right rule comes: `scope` is the enclosing function or class. */
export type Reach = 'scope' | 'file' | 'elsewhere' | 'none'

/** What became of it in the fixed state. `weaker`: what was whole is now partial. */
export type Aftermath = 'gone' | 'weaker' | 'same'

export interface FixScore {
  readonly number: number
  readonly reach: Reach
  /** A finding of the right rule in the enclosing scope of an expected line, or at least in its file. */
  readonly detected: boolean
  readonly inScope: boolean
  /** By the findings that count as detected. Undefined where none was. */
  readonly aftermath?: Aftermath
  /** Judged by every step of the trace. */
  readonly apart: boolean
  /** Judged only by the place where the finding itself stands. */
  readonly apartByPrimary: boolean
  readonly before: readonly Finding[]
  readonly after: readonly Finding[]
}

export interface State {
  readonly report: Report | undefined
  readonly places: Places
}

/** Pairs whose weakness some rule should find. */
export function isScored(pair: FixPair): boolean {
  return pair.rules.length > 0
}

export function scoreFix(pair: FixPair, vulnerable: State, fixed: State): FixScore {
  const before = findingsOf(pair, vulnerable)
  const after = findingsOf(pair, fixed)
  const inFile = before.filter((finding) => touchesFile(finding, pair))
  const inScope = inFile.filter((finding) => touchesScope(finding, pair, vulnerable.places))
  const detecting = inScope.length > 0 ? inScope : inFile
  const isInScope = inScope.length > 0
  const compare = (keys: KeysOf): Aftermath | undefined =>
    detecting.length > 0 ? aftermathOf(detecting, after, keys) : undefined
  const aftermath = compare(stepKeys(pair, vulnerable, fixed, isInScope))
  return {
    number: pair.number,
    reach: isInScope ? 'scope' : inFile.length > 0 ? 'file' : before.length > 0 ? 'elsewhere' : 'none',
    detected: detecting.length > 0,
    inScope: isInScope,
    ...(aftermath ? { aftermath } : {}),
    apart: isChanged(aftermath),
    apartByPrimary: isChanged(compare(primaryKeys(vulnerable, fixed))),
    before,
    after,
  }
}

function isChanged(aftermath: Aftermath | undefined): boolean {
  return aftermath === 'gone' || aftermath === 'weaker'
}

function findingsOf(pair: FixPair, { report }: State): Finding[] {
  return (report?.findings ?? []).filter(({ rule }) => pair.rules.includes(rule))
}

function touchesFile(finding: Finding, pair: FixPair): boolean {
  return stepsOf(finding).some(({ location }) => pair.expected.some(({ file }) => isFile(file, location.path)))
}

function touchesScope(finding: Finding, pair: FixPair, places: Places): boolean {
  return stepsOf(finding).some((step) => pair.expected.some((at) => isInSameScope(step, at, places)))
}

/** Compares by rule, file and enclosing scope, never by line: half of the expected lines survive a fix word for word. */
function aftermathOf(detecting: Finding[], after: Finding[], keys: KeysOf): Aftermath {
  const keysBefore = new Set(detecting.flatMap(keys.before))
  const remaining = after.filter((finding) => keys.after(finding).some((key) => keysBefore.has(key)))
  if (remaining.length === 0) return 'gone'
  const wasWhole = detecting.some(({ partial }) => !partial)
  return wasWhole && remaining.every(({ partial }) => partial) ? 'weaker' : 'same'
}

interface KeysOf {
  readonly before: (finding: Finding) => string[]
  readonly after: (finding: Finding) => string[]
}

/** Rule, file and scope of each step in an expected file; before the fix only the expected scopes, where one was reached. */
function stepKeys(pair: FixPair, vulnerable: State, fixed: State, inScope: boolean): KeysOf {
  const isExpected = (step: Step): boolean =>
    pair.expected.some((at) =>
      inScope ? isInSameScope(step, at, vulnerable.places) : isFile(at.file, step.location.path),
    )
  return {
    before: (finding) =>
      stepsOf(finding)
        .filter(isExpected)
        .map((step) => keyOf(finding, step, vulnerable.places)),
    after: (finding) => stepsOf(finding).map((step) => keyOf(finding, step, fixed.places)),
  }
}

/** Rule, file and scope of the place where a finding itself stands. */
function primaryKeys(vulnerable: State, fixed: State): KeysOf {
  return {
    before: (finding) => primaryKey(finding, vulnerable.places),
    after: (finding) => primaryKey(finding, fixed.places),
  }
}

function primaryKey(finding: Finding, places: Places): string[] {
  return stepsOf(finding)
    .slice(0, 1)
    .map((step) => keyOf(finding, step, places))
}

function keyOf({ rule }: Finding, { location }: Step, places: Places): string {
  return `${rule} ${location.path} ${places.enclosing(location.path, location.startLine)}`
}
