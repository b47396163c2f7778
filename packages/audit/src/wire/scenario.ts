/** The contract of a rule's scenario: what is played against a running server, and what the recording of it shows. */
import type { LiveFindingDraft } from '../finding/finding.ts'
import type { ProbeConfig } from './config.ts'
import type { Stage } from './stage.ts'
import type { Survey } from './survey.ts'

/** What `judge` says of one target. */
export type LiveVerdict =
  | { readonly kind: 'notApplicable'; readonly reason: string }
  | {
      readonly kind: 'judged'
      readonly findings: readonly LiveFindingDraft[]
      /** What stayed undecided, one sentence each; without findings the rule is `open`. */
      readonly open: readonly string[]
      /** What was tried and decided, in a few words each. Empty: nothing was exercised, and the rule does not pass. */
      readonly tried: readonly string[]
    }

/**
 * `play` sends and records, and never decides what it means. `judge` is a pure function of the recording, which is plain
 * data: between the two, every secret that is known by then becomes a digest, the same one wherever it occurs.
 */
export interface Scenario<Recording = unknown> {
  /** Waits for time to pass: played last, beside others of its kind; or from the start, where a credential runs out. */
  readonly timed?: true | 'from the start'
  /** Needs a server that nobody else asks meanwhile: it counts, compares effects, or ends what others use. */
  readonly alone?: (config: ProbeConfig) => boolean
  /** Sends what is no message at all, which some servers do not live through: played when all else is over. */
  readonly provokes?: true
  /** Where it finds something, sessions disturb each other, and nothing is played beside anything else. */
  readonly showsIsolation?: true
  /** An endpoint may keep it while the one beside it does not: played again where the other transport is served as well. */
  readonly perEndpoint?: true
  play(stage: Stage): Promise<Recording>
  judge(recording: Recording): LiveVerdict
}

export function defineScenario<Recording>(scenario: Scenario<Recording>): Scenario<Recording> {
  return scenario
}

export function judgedLive(
  findings: readonly LiveFindingDraft[],
  open: readonly string[],
  tried: readonly string[],
): LiveVerdict {
  return { kind: 'judged', findings, open, tried }
}

/** One of several looks at a target, each with what it shows by itself. */
export type View = Omit<Extract<LiveVerdict, { readonly kind: 'judged' }>, 'kind'>

export const found = (...findings: readonly LiveFindingDraft[]): View => ({ findings, open: [], tried: [] })
export const undecided = (reason: string): View => ({ findings: [], open: [reason], tried: [] })
export const withstood = (what: string): View => ({ findings: [], open: [], tried: [what] })

/** What all looks show together. */
export function judgedViews(views: readonly View[]): LiveVerdict {
  return judgedLive(
    views.flatMap(({ findings }) => findings),
    views.flatMap(({ open }) => open),
    views.flatMap(({ tried }) => tried),
  )
}

/** Nothing could be decided. */
export function leftOpen(...reasons: readonly string[]): LiveVerdict {
  return { kind: 'judged', findings: [], open: reasons, tried: [] }
}

export function liveNotApplicable(reason: string): LiveVerdict {
  return { kind: 'notApplicable', reason }
}

/** Why nothing can be said of legacy sessions; undefined where the server has some. */
export function withoutSessions({ eras, sessions, refusal }: Survey): LiveVerdict | undefined {
  if (eras.length === 0) return leftOpen(refusal ?? 'No MCP server answered.')
  return sessions ? undefined : liveNotApplicable('The server mints no session IDs.')
}
