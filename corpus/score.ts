/** Servers: what the tool says beside what the reader said, per server and rule. */
import { type Finding, placesOf, type Report, type Step } from '@sallyport/audit'
import type { Places } from './place.ts'
import { type Evidence, isFile, isWithin, type Label, ruleLabels, type Server } from './verdicts.ts'

export type Cell = 'TP' | 'FP' | 'FN' | 'TN'

/** Where a true finding stands, from strict to lenient; `placed` is the measure that counts. */
export interface Placement {
  /** A step within three lines of a labelled line. */
  readonly lines: boolean
  /** A step in the function or class around a labelled line. */
  readonly enclosing: boolean
  /** The same, of the line at which the finding itself stands. */
  readonly primary: boolean
  /** A step in a labelled file. */
  readonly file: boolean
  /** `lines` or `enclosing`. */
  readonly placed: boolean
}

/** One server, one label. */
export interface Pair {
  readonly server: number
  readonly rule: string
  readonly cell: Cell
  readonly label: Label
  readonly findings: readonly Finding[]
  /** Outcome and reasons of the tool's rules, for the reader who asks why. */
  readonly said: readonly string[]
  /** Only where `cell` is TP. */
  readonly placement?: Placement
}

/** All pairs of one server. A server that could not be audited has said nothing. */
export function scoreServer(server: Server, report: Report | undefined, places: Places): Pair[] {
  return Object.entries(server.labels).map(([rule, label]) => scorePair(server, rule, label, report, places))
}

function scorePair(server: Server, rule: string, label: Label, report: Report | undefined, places: Places): Pair {
  const ids = ruleLabels[rule] ?? [rule]
  const findings = (report?.findings ?? []).filter((finding) => ids.includes(finding.rule) && counts(finding, server))
  const cell = cellOf(label.verdict === 'vulnerable', findings.length > 0)
  const said = (report?.assessments ?? [])
    .filter((assessment) => ids.includes(assessment.rule))
    .map(({ rule: id, outcome, reasons }) => `${id} ${outcome}${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`)
  const pair = { server: server.number, rule, cell, label, findings, said }
  return cell === 'TP' ? { ...pair, placement: placementOf(findings, label.evidence, places) } : pair
}

/** Code that ships, examples included, in the folder that was judged. */
function counts(finding: Finding, server: Server): boolean {
  if (finding.surface === 'test' || finding.surface === 'generated') return false
  return stepsOf(finding).some(({ location }) => isWithin(server.within, location.path))
}

function cellOf(positive: boolean, found: boolean): Cell {
  if (positive) return found ? 'TP' : 'FN'
  return found ? 'FP' : 'TN'
}

/** Where the best of some findings stands. */
export function placementOf(findings: readonly Finding[], evidence: readonly Evidence[], places: Places): Placement {
  const all = findings.flatMap(stepsOf)
  const primary = findings.flatMap(({ location }) => (location ? [{ note: '', location }] : []))
  const lines = all.some((step) => evidence.some((at) => isNear(step, at)))
  const enclosing = all.some((step) => evidence.some((at) => isInSameScope(step, at, places)))
  return {
    lines,
    enclosing,
    primary: primary.some((step) => evidence.some((at) => isNear(step, at) || isInSameScope(step, at, places))),
    file: all.some((step) => evidence.some((at) => isFile(at.file, step.location.path))),
    placed: lines || enclosing,
  }
}

/** The finding's own place first, then its trace. */
export function stepsOf(finding: Finding): Step[] {
  const own = finding.location ? [{ note: '', location: finding.location }] : []
  return [...own, ...placesOf(finding.trace)]
}

function isNear({ location }: Step, { file, start, end }: Evidence): boolean {
  return isFile(file, location.path) && location.endLine >= start - 3 && location.startLine <= end + 3
}

/** Whether a step stands in the function or class around the first or the last labelled line. */
export function isInSameScope({ location }: Step, { file, start, end }: Evidence, places: Places): boolean {
  if (!isFile(file, location.path)) return false
  const scope = places.enclosing(location.path, location.startLine)
  return [start, end].some((line) => places.enclosing(location.path, line) === scope)
}

/** Counts over pairs. */
export interface Tally {
  readonly TP: number
  readonly FP: number
  readonly FN: number
  readonly TN: number
  readonly placed: number
  readonly lines: number
  readonly enclosing: number
  readonly primary: number
}

export function tally(pairs: readonly Pair[]): Tally {
  const cells = (cell: Cell): number => pairs.filter((pair) => pair.cell === cell).length
  const where = (key: keyof Placement): number => pairs.filter((pair) => pair.placement?.[key]).length
  return {
    TP: cells('TP'),
    FP: cells('FP'),
    FN: cells('FN'),
    TN: cells('TN'),
    placed: where('placed'),
    lines: where('lines'),
    enclosing: where('enclosing'),
    primary: where('primary'),
  }
}

/** Shares, undefined where nothing was to be counted. */
export function recall({ TP, FN }: Tally): number | undefined {
  return TP + FN === 0 ? undefined : TP / (TP + FN)
}

export function precision({ TP, FP }: Tally): number | undefined {
  return TP + FP === 0 ? undefined : TP / (TP + FP)
}
