/** The pipeline from source to report: read, extract, detect, assess, score. */
import { AuditError } from './audit-error.ts'
import { claimsOf, crashesOf, detectAll } from './detect.ts'
import { extract } from './extract/extract.ts'
import type { ServerFacts } from './facts/facts.ts'
import type { Gap, Report } from './finding/finding.ts'
import { compareText, findingsOf, surfaceOf } from './finding/findings.ts'
import type { OnProgress } from './progress.ts'
import { rules } from './rules/index.ts'
import type { RuleEntry } from './rules/rule.ts'
import { scopeOf } from './scope.ts'
import { assess } from './score/assess.ts'
import { FORMULA_VERSION, score } from './score/score.ts'
import { readSources, UnreadableRootError, type ReadOptions } from './source/read.ts'
import type { SourceTree } from './source/tree.ts'

export interface AuditOptions extends Omit<ReadOptions, 'onProgress'> {
  /** Also lists findings in tests, fixtures and generated code. They are not scored. */
  readonly includeTests?: boolean
  /** Called now and then while files are read and parsed. */
  readonly onProgress?: OnProgress
  /** Who reports. */
  readonly tool?: Report['tool']
}

/** The stages that a test may replace. */
export interface Stages {
  readonly read: (root: string, options: ReadOptions) => SourceTree
  readonly extract: (tree: SourceTree, onProgress?: OnProgress) => Extraction | Promise<Extraction>
  readonly rules: readonly RuleEntry[]
}

export interface Extraction {
  readonly facts: ServerFacts
  readonly gaps: readonly Gap[]
}

const ownStages: Stages = { read: readSources, extract, rules }

/**
 * Audits the server under `root`, a folder or one source file. Runs nothing that it reads and asks no network.
 * Throws AuditError where there is nothing to read or no server in it; whatever else goes wrong is a gap of the report.
 */
export async function audit(root: string, options: AuditOptions = {}, stages: Stages = ownStages): Promise<Report> {
  const tree = readOrRefuse(() => stages.read(root, readOptionsOf(options)))
  const { facts, gaps } = await stages.extract(tree, options.onProgress)
  if (!facts.hasServerCode) throw noServerCode(root, [...tree.gaps, ...gaps])
  const { reported, scored } = scopeOf(tree, options.includeTests ?? false)
  const detections = detectAll(stages.rules, facts)
  const findings = findingsOf(claimsOf(detections), tree).filter((finding) => reported.has(finding.surface))
  const known = [...tree.gaps, ...gaps, ...crashesOf(detections)]
    .map((gap) => named(gap, stages.rules))
    .toSorted(compareGaps)
  const decisive = known.filter((gap) => scored.has(surfaceOf(tree, gap.path)))
  const assessments = assess(detections, { findings, gaps: decisive, scored })
  return {
    tool: options.tool ?? { name: 'sallyport', version: '0.1.0' },
    formula: FORMULA_VERSION,
    subject: { kind: 'source', root },
    ...score(assessments, findings),
    files: { analysed: tree.files.length, skipped: tree.skipped },
    assessments,
    findings,
    gaps: known,
  }
}

function readOptionsOf({ onProgress, ...options }: AuditOptions): ReadOptions {
  if (!onProgress) return options
  return { ...options, onProgress: (done) => onProgress({ phase: 'reading', done, total: 0 }) }
}

/** A gap that could matter to every rule names them all. */
function named({ total, ...gap }: Gap, all: readonly RuleEntry[]): Gap {
  return total === true ? { ...gap, rules: all.map(({ rule }) => rule.id) } : gap
}

function readOrRefuse(read: () => SourceTree): SourceTree {
  try {
    return read()
  } catch (error) {
    if (error instanceof UnreadableRootError) throw new AuditError('unreadable', error.message, { cause: error })
    throw error
  }
}

function noServerCode(root: string, gaps: readonly Gap[]): AuditError {
  return new AuditError('no-server-code', `There is no server code under ${root}, so there is nothing to grade.`, {
    gaps,
  })
}

function compareGaps(a: Gap, b: Gap): number {
  return (
    compareText(a.path, b.path) ||
    (a.location?.startLine ?? 0) - (b.location?.startLine ?? 0) ||
    compareText(a.reason, b.reason)
  )
}
