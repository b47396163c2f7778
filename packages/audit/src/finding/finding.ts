/** The shared language of both pipelines: what a rule claims, and the evidence it shows. */

export type Severity = 'critical' | 'high' | 'medium' | 'low'
export type Confidence = 'high' | 'medium' | 'low'

/** SARIF's words. `open`: evaluated, but not enough was known to decide; never green. */
export type Outcome = 'pass' | 'fail' | 'notApplicable' | 'open'

/** What kind of code a file is. Findings outside `runtime` are not scored; those in `test` and `generated` are not reported by default. */
export type Surface = 'runtime' | 'example' | 'script' | 'test' | 'generated'

/** A region of a source file. Path relative to the audited root, `/`-separated; lines and columns 1-based, columns in UTF-16 code units, end exclusive. */
export interface Location {
  readonly path: string
  readonly startLine: number
  readonly startColumn: number
  readonly endLine: number
  readonly endColumn: number
}

/** One step of a trace: what happens, and a place in source or an exchange on the wire that shows it. */
export type TraceStep = Step | ExchangeStep

/** What source shows: a place in it, and what happens there. */
export interface Step {
  readonly note: string
  readonly location: Location
  readonly exchange?: never
}

/** What the wire shows. */
export interface ExchangeStep {
  readonly note: string
  readonly exchange: Exchange
  readonly location?: never
}

export type HeaderField = readonly [name: string, value: string]

/**
 * One request and what came back. In reports every secret is a short digest, `{{kind:12ab34cd}}`: the same secret has
 * the same digest throughout one report.
 */
export interface Exchange {
  /** Whose credential was sent: `alice`, `bob`, `nobody`, … */
  readonly actor: string
  readonly request: {
    readonly method: string
    readonly url: string
    readonly headers: readonly HeaderField[]
    readonly body?: string
  }
  /** Absent where none came. */
  readonly response?: {
    readonly status: number
    readonly headers: readonly HeaderField[]
    readonly body: string
  }
  /** Why there is no response, or not the whole of it. */
  readonly failure?: string
}

export function isPlace(step: TraceStep): step is Step {
  return step.location !== undefined
}

/** Whether two places begin at the same character. */
export function isSamePlace(one: Location, other: Location): boolean {
  return one.path === other.path && one.startLine === other.startLine && one.startColumn === other.startColumn
}

/** Steps without those that stand where one before them does: who reads a trace goes to each place once. */
export function atDistinctPlaces<S extends { readonly location: Location }>(steps: readonly S[]): readonly S[] {
  return steps.filter(
    ({ location }, index) => steps.findIndex((other) => isSamePlace(other.location, location)) === index,
  )
}

/** The steps of a trace that stand in source. */
export function placesOf(trace: readonly TraceStep[]): readonly Step[] {
  return trace.filter(isPlace)
}

export function isExchange(step: TraceStep): step is ExchangeStep {
  return step.exchange !== undefined
}

/** One replacement: UTF-16 offsets into the file, end exclusive. */
export interface Edit {
  readonly path: string
  readonly start: number
  readonly end: number
  readonly text: string
}

export interface Fix {
  readonly title: string
  /** `safe` keeps behaviour for legitimate callers; `unsafe` wants a review. */
  readonly kind: 'safe' | 'unsafe'
  readonly edits: readonly Edit[]
}

/** A rule's claim, as its `detect` makes it; the pipeline adds fingerprint and surface. */
export interface FindingDraft {
  /** What is wrong here, one sentence, with the names and numbers of this code. */
  readonly what: string
  /** Ordered evidence. The step at `primary` is where the finding stands (default: the last one). Never empty. */
  readonly trace: readonly Step[]
  readonly primary?: number
  readonly confidence: Confidence
  /** A partial weakness (one of two limits missing): one severity lower, half the impact. */
  readonly partial?: boolean
  /** Replaces the rule's own general sentence where the detector knows better. */
  readonly why?: string
  readonly todo?: string
  readonly fixes?: readonly Fix[]
}

/** A claim that the wire shows, as a scenario's `judge` makes it. */
export interface LiveFindingDraft extends Omit<FindingDraft, 'trace' | 'fixes'> {
  /** Names the finding among those of its rule, the same in every run: `bob POST`. */
  readonly key: string
  /** Ordered evidence. The step at `primary` is the moment of theft (default: the last one). Never empty. */
  readonly trace: readonly ExchangeStep[]
}

export interface Finding {
  /** Stable across moved lines: 16 hex digits over rule, enclosing code and occurrence; of a live finding over rule, target and what was tried. */
  readonly fingerprint: string
  readonly rule: string
  readonly severity: Severity
  readonly confidence: Confidence
  readonly partial: boolean
  readonly surface: Surface
  readonly what: string
  readonly why: string
  readonly todo: string
  /** Absent for a purely live finding. */
  readonly location?: Location
  readonly trace: readonly TraceStep[]
  /** Index of the step at which a live finding is proven. Absent where the place tells. */
  readonly primary?: number
  readonly fixes: readonly Fix[]
}

/** Something in the source that could not be read or understood, and what it leaves undecided. */
export interface Gap {
  readonly path: string
  readonly reason: string
  readonly location?: Location
  /** Rules that stay `open` because of it. Empty: the gap alone decides nothing. */
  readonly rules?: readonly string[]
  /** What is missing could matter to every rule: none of them passes, and none is known not to apply. */
  readonly total?: boolean
}

/** One rule's outcome for one subject. */
export interface Assessment {
  readonly rule: string
  readonly outcome: Outcome
  /** Severity and impact as they count here: lowered where every finding is partial. */
  readonly severity: Severity
  readonly impact: number
  /** Fingerprints. */
  readonly findings: readonly string[]
  /** Why the rule is `open` or `notApplicable`. */
  readonly reasons: readonly string[]
  /** What a probe tried and the server withstood, in a few words each. */
  readonly tried?: readonly string[]
}

/** How much a reader wants to be told. `regular`: what a team should act on; `pedantic`: low severities too; `auditor`: everything, low confidence and test code included. */
export type Profile = 'regular' | 'pedantic' | 'auditor'

/** A decision not to count a finding: where it was taken, why, and until when. */
export interface Suppression {
  /** `comment`: beside the code. `config`: in the configuration. `baseline`: known when the baseline was written. `since`: known at an earlier revision of the source. */
  readonly by: 'comment' | 'config' | 'baseline' | 'since'
  readonly reason: string
  /** The last day on which it holds, `YYYY-MM-DD`. */
  readonly expires?: string
}

export interface SuppressedFinding extends Finding {
  readonly suppression: Suppression
}

/** Something about a suppression or a setting that its owner should mend. It changes no outcome. */
export interface Notice {
  readonly kind: 'unused' | 'no-reason' | 'expired' | 'unknown-rule' | 'malformed'
  readonly message: string
  /** The file that holds it. */
  readonly path: string
  readonly location?: Location
}

/** Whether the code has a transition. `partial`: under conditions only. `notApplicable`: sessions of this kind do without. */
export type Presence = 'present' | 'partial' | 'missing' | 'unknown' | 'notApplicable'

/** What a session is, from nothing to its end. `authenticated` where a login changes what a session may do. */
export type SessionState = 'none' | 'open' | 'authenticated' | 'ended'

/** A way from one state of a session to another, or back to the same one, as the code has it. */
export interface Transition {
  readonly name:
    | 'open'
    | 'authenticate'
    | 'regenerate'
    | 'resume'
    | 'expire-idle'
    | 'expire-absolute'
    | 'terminate'
    | 'close'
  readonly from: SessionState
  readonly to: SessionState
  readonly presence: Presence
  /** What this means for a session, in one clause. */
  readonly summary: string
  /** Where it stands; for a missing one, where it is missed, if there is such a place. */
  readonly places: readonly Step[]
}

/** The life that the code gives to the sessions of one store. */
export interface Lifecycle {
  /** The store's name in the code. */
  readonly store: string
  readonly kind: string
  /** What is kept: transports of the SDK, sessions of a web framework, or records of the server's own. */
  readonly holds: 'streamable' | 'sse' | 'web' | 'own'
  readonly location: Location
  readonly states: readonly SessionState[]
  readonly transitions: readonly Transition[]
}

export type Grade = 'A' | 'B' | 'C' | 'D' | 'F'

export interface Score {
  readonly score: number
  readonly grade: Grade
}

/** One of several servers in a tree, with a grade of its own. */
export interface Subject extends Score {
  /** Folder relative to the audited one, `/`-separated. */
  readonly root: string
  readonly assessments: readonly Assessment[]
}

/** Revisions of MCP that a server speaks: up to 2025-11-25, and 2026-07-28. */
export type Era = 'legacy' | 'modern'

/** What was audited: a tree of source, or a running server. */
export type ReportSubject =
  | { readonly kind: 'source'; readonly root: string }
  | {
      readonly kind: 'target'
      readonly url: string
      readonly eras: readonly Era[]
      /** How many requests it was sent. */
      readonly requests: number
    }

/** How a reader knows the subject: its folder or its address. */
export function nameOf(subject: ReportSubject): string {
  return subject.kind === 'source' ? subject.root : subject.url
}

/**
 * What a reader receives: plain data, serialisable. Reporters turn it into a string. Of several servers, score and grade
 * are those of the worst, and `assessments` speak of the tree as a whole.
 */
export interface Report {
  /** Null where too little was decided for one. */
  readonly score: number | null
  readonly grade: Grade | null
  readonly tool: { readonly name: string; readonly version: string }
  /** Version of the published scoring formula. */
  readonly formula: string
  readonly subject: ReportSubject
  /** The running server whose report was merged into that on its source. */
  readonly probed?: Omit<Extract<ReportSubject, { kind: 'target' }>, 'kind'>
  readonly profile: Profile
  readonly files: { readonly analysed: number; readonly skipped: number }
  readonly assessments: readonly Assessment[]
  /** The servers, where the tree holds several; else empty. */
  readonly subjects: readonly Subject[]
  readonly findings: readonly Finding[]
  /** What somebody decided to live with: in no score, and no finding of the list above. */
  readonly suppressed: readonly SuppressedFinding[]
  /** How many findings the profile leaves out. The rules that they concern are `open`. */
  readonly leftOut: number
  /** What the audit took from the configuration's word, one sentence each. */
  readonly declared: readonly string[]
  readonly notices: readonly Notice[]
  /** One for each store of sessions. */
  readonly lifecycles: readonly Lifecycle[]
  readonly gaps: readonly Gap[]
}
