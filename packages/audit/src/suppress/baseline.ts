/** The baseline: findings that were there when a team began, so that only new ones count. */
import { type Field, dayOf, fieldsOf, itemsOf, refuse, textOf } from '../config/fields.ts'
import { ConfigError } from '../config/config.ts'
import type { Report, SuppressedFinding, Finding } from '../finding/finding.ts'
import { compareText } from '../finding/findings.ts'

export interface Baseline {
  readonly path: string
  readonly entries: readonly BaselineEntry[]
}

/** One known finding. The fingerprint alone recognises it; the rest tells a reader what it is. */
export interface BaselineEntry {
  readonly fingerprint: string
  readonly rule: string
  readonly path?: string
  readonly what: string
  readonly reason?: string
  readonly expires?: string
}

const FORMAT_VERSION = 1
const NOTE = 'Findings known to Sallyport. `sallyport baseline` rewrites this file and keeps every reason and expires.'

/** Reads the text of a baseline. Throws ConfigError for one that cannot be used. */
export function parseBaseline(text: string, path: string): Baseline {
  const fields = fieldsOf({ file: path, name: '', value: jsonOf(text, path) }, ['note', 'version', 'findings'])
  const version = fields.get('version')
  if (version?.value !== FORMAT_VERSION) throw new ConfigError(path, 'version', `must be ${FORMAT_VERSION}.`)
  return { path, entries: itemsOf(fields.get('findings')).map(entryOf) }
}

/**
 * The text of a baseline that holds every finding of a report, those included that an earlier baseline suppressed;
 * reasons and expiry dates of known findings are kept, what is gone is dropped. Ordered, so that changes can be read.
 */
export function renderBaseline(report: Report, known?: Baseline): string {
  const before = new Map(known?.entries.map((entry) => [entry.fingerprint, entry]))
  const findings = [...report.findings, ...report.suppressed.filter(isKnown)]
    .map((finding) => entryFor(finding, before.get(finding.fingerprint)))
    .toSorted(
      (a, b) =>
        compareText(a.path ?? '', b.path ?? '') ||
        compareText(a.rule, b.rule) ||
        compareText(a.fingerprint, b.fingerprint),
    )
  return `${JSON.stringify({ note: NOTE, version: FORMAT_VERSION, findings }, undefined, 2)}\n`
}

function isKnown({ suppression }: SuppressedFinding): boolean {
  return suppression.by === 'baseline'
}

function entryFor({ fingerprint, rule, location, what }: Finding, known: BaselineEntry | undefined): BaselineEntry {
  return {
    fingerprint,
    rule,
    ...(location && { path: location.path }),
    what,
    ...(known?.reason !== undefined && { reason: known.reason }),
    ...(known?.expires !== undefined && { expires: known.expires }),
  }
}

function entryOf(field: Field): BaselineEntry {
  const fields = fieldsOf(field, ['fingerprint', 'rule', 'path', 'what', 'reason', 'expires'])
  const text = (name: string) => textOf(fields.get(name) ?? refuse(field, `must hold "${name}".`))
  const [path, reason, expires] = ['path', 'reason', 'expires'].map((name) => fields.get(name))
  return {
    fingerprint: text('fingerprint'),
    rule: text('rule'),
    what: text('what'),
    ...(path && { path: textOf(path) }),
    ...(reason && { reason: textOf(reason) }),
    ...(expires && { expires: dayOf(expires) }),
  }
}

function jsonOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ConfigError(path, undefined, `is no JSON: ${(error as Error).message}.`)
  }
}
