/** The pipeline from source to report: read, extract, detect, sift, assess, score. */
import { AuditError } from './audit-error.ts'
import { declarationsOf } from './config/apply.ts'
import { detectAll } from './detect.ts'
import { examine, ownStages, type Examined, type ExamineOptions, type Stages } from './examine.ts'
import type { Finding, Gap, Report, Subject } from './finding/finding.ts'
import { surfaceOf } from './finding/findings.ts'
import { profileOf } from './finding/profile.ts'
import { lifecyclesOf } from './lifecycle/lifecycle.ts'
import { withFixes } from './offer.ts'
import { assess, type Evidence } from './score/assess.ts'
import { FORMULA_VERSION, lowestOf, score } from './score/score.ts'
import { gitHost, UnknownRevisionError } from './source/git.ts'
import { factsWithin, type Server, serversIn } from './subjects.ts'
import type { Baseline } from './suppress/baseline.ts'
import { directivesOf } from './suppress/comments.ts'
import { sift } from './suppress/suppress.ts'

export interface AuditOptions extends ExamineOptions {
  /** Findings to live with; `parseBaseline` reads them. None is looked for. */
  readonly baseline?: Baseline | undefined
  /** A Git revision: what was found there already is suppressed. */
  readonly since?: string | undefined
  /** Whether `sallyport-ignore` comments count; true if absent. Not for source of people whom you do not trust. */
  readonly comments?: boolean
  /** The day on which suppressions expire or not, `YYYY-MM-DD`; today if absent. */
  readonly today?: string
  /** Who reports. */
  readonly tool?: Report['tool']
}

/**
 * Audits the server under `root`, a folder or one source file. Runs nothing that it reads and asks no network.
 * Throws AuditError where there is nothing to read or no server in it; whatever else goes wrong is a gap of the report.
 */
export async function audit(root: string, options: AuditOptions = {}, stages: Stages = ownStages): Promise<Report> {
  return reportOf(await examine(root, options, stages), root, options, stages)
}

/** What a reader is told of what the source shows. Throws AuditError where it shows no server. */
export async function reportOf(
  examined: Examined,
  root: string,
  options: AuditOptions,
  stages: Stages = ownStages,
): Promise<Report> {
  const { tree, facts, gaps, detections, scope } = examined
  if (!facts.hasServerCode) throw noServerCode(root, gaps)
  const sifted = sift(examined.findings, {
    comments: directivesIn(examined, options, stages),
    config: options.config,
    baseline: options.baseline,
    since: await knownSince(root, options, stages),
    today: options.today ?? new Date().toISOString().slice(0, 10),
  })
  const isReported = ({ surface }: Finding): boolean => scope.reported.has(surface)
  const profile = options.profile ?? options.config?.profile ?? 'regular'
  const { listed, leftOut, open } = profileOf(sifted.findings.filter(isReported), profile)
  const decisive = [...gaps, ...open].filter((gap) => scope.scored.has(surfaceOf(tree, gap.path)))
  const evidence = { findings: listed, gaps: decisive, scored: scope.scored }
  const assessments = assess(detections, evidence)
  const offered = withFixes(listed, examined)
  const subjects = serversIn(tree, facts, evidence).map((server) => subjectOf(server, examined, evidence))
  return {
    tool: options.tool ?? { name: 'sallyport', version: '0.1.0' },
    formula: FORMULA_VERSION,
    subject: { kind: 'source', root },
    profile,
    ...(lowestOf(subjects) ?? score(assessments, listed)),
    files: { analysed: tree.files.length, skipped: tree.skipped },
    assessments,
    subjects,
    findings: offered.findings,
    suppressed: sifted.suppressed.filter(isReported),
    leftOut,
    declared: options.config ? declarationsOf(options.config) : [],
    notices: sifted.notices,
    lifecycles: lifecyclesOf(facts).filter(({ location }) => scope.reported.has(surfaceOf(tree, location.path))),
    gaps: [...gaps, ...offered.gaps],
  }
}

/** One server's own grade: the rules over its own facts, its own findings and gaps. */
function subjectOf(
  { root, contains }: Server,
  { facts, rules: all, detections }: Examined,
  evidence: Evidence,
): Subject {
  const findings = evidence.findings.filter(({ location }) => location === undefined || contains(location.path))
  const gaps = evidence.gaps.filter(({ path }) => path === '.' || contains(path))
  const failing = new Set(findings.map(({ rule }) => rule))
  // A rule that fails here by what others share with it is judged as for the whole tree.
  const own = detectAll(all, factsWithin(facts, contains)).map((detection, at) =>
    failing.has(detection.rule.id) ? (detections[at] ?? detection) : detection,
  )
  const assessments = assess(own, { ...evidence, findings, gaps })
  return { root, ...score(assessments, findings), assessments }
}

function directivesIn({ tree, scope }: Examined, { comments = true }: AuditOptions, stages: Stages) {
  if (!comments) return { directives: [], notices: [] }
  return directivesOf(
    tree,
    stages.rules.map(({ rule }) => rule.id),
    scope.reported,
  )
}

/** What was found at an earlier revision, under the settings of today. */
async function knownSince(root: string, options: AuditOptions, stages: Stages) {
  const { since, ...rest } = options
  if (since === undefined) return undefined
  try {
    const { findings } = await examine(root, { ...rest, host: gitHost(root, since) }, stages)
    return { revision: since, fingerprints: new Set(findings.map(({ fingerprint }) => fingerprint)) }
  } catch (error) {
    if (error instanceof UnknownRevisionError)
      throw new AuditError('unknown-revision', `The source at ${since} cannot be read. ${error.message}`, {
        cause: error,
      })
    // The folder was not there then, so all of it is new.
    if (error instanceof AuditError) return { revision: since, fingerprints: new Set<string>() }
    throw error
  }
}

function noServerCode(root: string, gaps: readonly Gap[]): AuditError {
  return new AuditError('no-server-code', `There is no server code under ${root}, so there is nothing to grade.`, {
    gaps,
  })
}
