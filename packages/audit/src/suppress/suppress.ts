/** Findings → those that count and those that somebody decided to live with. */
import type { Config, ConfigSuppression } from '../config/config.ts'
import { matcherOf } from '../config/patterns.ts'
import type { Finding, Location, Notice, SuppressedFinding, Suppression } from '../finding/finding.ts'
import type { Baseline } from './baseline.ts'
import type { Directives } from './comments.ts'

export interface Decisions {
  readonly comments: Directives
  readonly config: Config | undefined
  readonly baseline: Baseline | undefined
  /** Fingerprints found at an earlier revision of the source, by the name that the user gave it. */
  readonly since: { readonly revision: string; readonly fingerprints: ReadonlySet<string> } | undefined
  /** The day of the audit, `YYYY-MM-DD`. */
  readonly today: string
}

export interface Sifted {
  readonly findings: readonly Finding[]
  readonly suppressed: readonly SuppressedFinding[]
  /** What to mend about the decisions themselves: unused, expired, without a reason. */
  readonly notices: readonly Notice[]
}

/** One decision, wherever it was taken. */
interface Decision {
  readonly suppression: Suppression
  readonly covers: (finding: Finding) => boolean
  /** How its owner knows it; absent where nobody wrote it down. */
  readonly owner?: { readonly name: string; readonly path: string; readonly location?: Location }
  /** Whether its owner is told where it suppresses nothing. */
  readonly wanted: boolean
}

/** Sifts all findings of a tree. The decision nearest to the code is the one that is named: comment, config, baseline. */
export function sift(findings: readonly Finding[], decisions: Decisions): Sifted {
  const all = [
    ...fromComments(decisions),
    ...fromConfig(decisions),
    ...fromBaseline(decisions),
    ...fromRevision(decisions),
  ]
  const inForce = all.filter(({ suppression }) => !hasExpired(suppression, decisions.today))
  const sifted = findings.map((finding) => ({ finding, by: inForce.find(({ covers }) => covers(finding)) }))
  const expired = all.filter(({ suppression }) => hasExpired(suppression, decisions.today))
  return {
    findings: sifted.flatMap(({ finding, by }) => (by ? [] : [finding])),
    suppressed: sifted.flatMap(({ finding, by }) => (by ? [{ ...finding, suppression: by.suppression }] : [])),
    notices: [
      ...decisions.comments.notices,
      ...expired.flatMap((decision) => expiredNotice(decision)),
      ...inForce
        .filter(({ wanted, covers }) => wanted && !findings.some(covers))
        .flatMap((decision) => unusedNotice(decision)),
      ...goneFromBaseline(findings, decisions),
    ],
  }
}

function fromComments({ comments }: Decisions): readonly Decision[] {
  return comments.directives.flatMap(({ rules, line, reason, expires, location }) =>
    rules.map((rule) => ({
      suppression: suppressionOf('comment', reason, expires),
      covers: (finding: Finding) => finding.rule === rule && isOn(finding, location.path, line),
      owner: { name: `This comment on ${rule}`, path: location.path, location },
      wanted: true,
    })),
  )
}

function isOn({ location }: Finding, path: string, line: number): boolean {
  return location?.path === path && location.startLine === line
}

function fromConfig({ config }: Decisions): readonly Decision[] {
  if (config === undefined) return []
  return config.suppressions.map((one, index) => ({
    suppression: suppressionOf('config', one.reason, one.expires),
    covers: coveredBy(one, config.prefix),
    owner: { name: `suppress[${index}]`, path: config.path },
    wanted: true,
  }))
}

function coveredBy({ rule, path, fingerprint }: ConfigSuppression, prefix: string): (finding: Finding) => boolean {
  const matches = path === undefined ? undefined : matcherOf([path], prefix)
  return (finding) =>
    (rule === undefined || finding.rule === rule) &&
    (fingerprint === undefined || finding.fingerprint === fingerprint) &&
    (matches === undefined || (finding.location !== undefined && matches(finding.location.path)))
}

function fromBaseline({ baseline }: Decisions): readonly Decision[] {
  if (baseline === undefined) return []
  return baseline.entries.map(({ fingerprint, rule, reason, expires }) => ({
    suppression: suppressionOf('baseline', reason ?? `known when ${baseline.path} was written`, expires),
    covers: (finding: Finding) => finding.fingerprint === fingerprint && finding.rule === rule,
    owner: { name: `The entry ${fingerprint} (${rule})`, path: baseline.path },
    wanted: false,
  }))
}

function fromRevision({ since }: Decisions): readonly Decision[] {
  if (since === undefined) return []
  const suppression = suppressionOf('since', `known at ${since.revision}`, undefined)
  return [{ suppression, covers: ({ fingerprint }) => since.fingerprints.has(fingerprint), wanted: false }]
}

function suppressionOf(by: Suppression['by'], reason: string, expires: string | undefined): Suppression {
  return { by, reason, ...(expires !== undefined && { expires }) }
}

function hasExpired({ expires }: Suppression, today: string): boolean {
  return expires !== undefined && expires < today
}

function expiredNotice({ owner, suppression }: Decision): readonly Notice[] {
  if (owner === undefined) return []
  const { name, ...place } = owner
  return [
    {
      kind: 'expired',
      message: `${name} expired after ${suppression.expires} and suppresses nothing: mend the weakness, or decide anew.`,
      ...place,
    },
  ]
}

function unusedNotice({ owner }: Decision): readonly Notice[] {
  if (owner === undefined) return []
  const { name, ...place } = owner
  return [{ kind: 'unused', message: `${name} suppresses nothing: no finding is there any more. Remove it.`, ...place }]
}

/** Once for the whole file: a list of what was mended is good news, not a chore. */
function goneFromBaseline(findings: readonly Finding[], { baseline }: Decisions): readonly Notice[] {
  const present = new Set(findings.map(({ fingerprint }) => fingerprint))
  const gone = baseline?.entries.filter(({ fingerprint }) => !present.has(fingerprint)).length ?? 0
  if (baseline === undefined || gone === 0) return []
  const message = `${gone} of the ${baseline.entries.length} findings listed here ${gone === 1 ? 'is' : 'are'} gone. Tighten it: sallyport baseline.`
  return [{ kind: 'unused', message, path: baseline.path }]
}
