/** Everything that the source shows, before anybody decides what to make of it. */
import { AuditError } from './audit-error.ts'
import { declaredIn, factsUnder, rulesUnder, selectionOf } from './config/apply.ts'
import type { Config } from './config/config.ts'
import { claimsOf, crashesOf, detectAll } from './detect.ts'
import { extract, type ExtractOptions } from './extract/extract.ts'
import type { ServerFacts } from './facts/facts.ts'
import type { Finding, Gap, Profile } from './finding/finding.ts'
import { compareText, findingsOf } from './finding/findings.ts'
import type { OnProgress } from './progress.ts'
import { rules } from './rules/index.ts'
import type { RuleEntry } from './rules/rule.ts'
import { scopeOf } from './scope.ts'
import { readSources, UnreadableRootError, type ReadOptions } from './source/read.ts'
import type { SourceTree } from './source/tree.ts'

export interface ExamineOptions extends Pick<ReadOptions, 'host' | 'bounds'> {
  /** How much to report; the configuration's, else `regular`. */
  readonly profile?: Profile
  /** Also lists findings in tests, fixtures and generated code, as the profile `auditor` does. They are not scored. */
  readonly includeTests?: boolean
  /** What the team says of its tree; `findConfig` reads it. None is looked for. */
  readonly config?: Config | undefined
  /** Called now and then while files are read and parsed. */
  readonly onProgress?: OnProgress
}

/** The stages that a test may replace. */
export interface Stages {
  readonly read: (root: string, options: ReadOptions) => SourceTree
  readonly extract: (tree: SourceTree, options: ExtractOptions) => Extraction | Promise<Extraction>
  readonly rules: readonly RuleEntry[]
}

export interface Extraction {
  readonly facts: ServerFacts
  readonly gaps: readonly Gap[]
}

export const ownStages: Stages = { read: readSources, extract, rules }

export interface Examined extends Extraction {
  readonly tree: SourceTree
  readonly scope: ReturnType<typeof scopeOf>
  /** As the configuration has them. */
  readonly rules: readonly RuleEntry[]
  readonly detections: ReturnType<typeof detectAll>
  readonly findings: readonly Finding[]
}

/** Reads, extracts and detects. Throws AuditError where there is nothing to read. */
export async function examine(root: string, options: ExamineOptions, stages: Stages = ownStages): Promise<Examined> {
  const tree = readOrRefuse(() => stages.read(root, readOptionsOf(options)))
  const { config } = options
  const includeTests = options.includeTests ?? (options.profile ?? config?.profile) === 'auditor'
  const scope = scopeOf(tree, includeTests)
  const declared = config && declaredIn(config)
  const extracted = await stages.extract(tree, {
    surfaces: scope.reported,
    ...(declared && { declared }),
    ...(options.onProgress && { onProgress: options.onProgress }),
  })
  const facts = config ? factsUnder(config, extracted.facts) : extracted.facts
  const own = config ? rulesUnder(config, stages.rules) : stages.rules
  const detections = detectAll(own, facts)
  const gaps = [...tree.gaps, ...extracted.gaps, ...crashesOf(detections)]
    .map((gap) => named(gap, stages.rules))
    .toSorted(compareGaps)
  return {
    tree,
    facts,
    gaps,
    rules: own,
    detections,
    scope,
    findings: findingsOf(claimsOf(detections), tree),
  }
}

function readOptionsOf({ host, bounds, config, onProgress }: ExamineOptions): ReadOptions {
  return {
    ...(host && { host }),
    ...(bounds && { bounds }),
    ...(config && { selection: selectionOf(config) }),
    ...(onProgress && { onProgress: (done: number) => onProgress({ phase: 'reading', done, total: 0 }) }),
  }
}

/** A gap that could matter to every rule names all that judge source. */
function named({ total, ...gap }: Gap, all: readonly RuleEntry[]): Gap {
  return total === true
    ? { ...gap, rules: all.filter(({ detect }) => detect !== undefined).map(({ rule }) => rule.id) }
    : gap
}

function readOrRefuse(read: () => SourceTree): SourceTree {
  try {
    return read()
  } catch (error) {
    if (error instanceof UnreadableRootError) throw new AuditError('unreadable', error.message, { cause: error })
    throw error
  }
}

function compareGaps(a: Gap, b: Gap): number {
  return (
    compareText(a.path, b.path) ||
    (a.location?.startLine ?? 0) - (b.location?.startLine ?? 0) ||
    compareText(a.reason, b.reason)
  )
}
