/**
 * Names for findings that survive edits elsewhere, so that baselines, suppressions and code-scanning services can
 * recognise a finding seen before.
 *
 * A fingerprint is the first 16 hex digits of the SHA-256 over four parts:
 *
 *   rule         the rule's id
 *   code         the text of the region where the finding stands, runs of white space as one space
 *   enclosure    the lines that the region is nested in, innermost first: each preceding line that is indented less
 *   occurrence   0 for the first finding with the three parts above, 1 for the next, in the order given
 *
 * It holds no path, line or column: moving code, renaming its file and reindenting it keep the name. Changing the
 * code itself or a function around it gives a new one.
 */
import { createHash } from 'node:crypto'
import type { Location } from './finding.ts'

/** Where a finding of a rule stands, with the text of its file. */
export interface Site {
  readonly rule: string
  readonly location: Location
  readonly text: string
}

/** One fingerprint per site. Sites that look alike are numbered in the order given, which must not vary. */
export function fingerprintsOf(sites: readonly Site[]): string[] {
  const seen = new Map<string, number>()
  return sites.map((site) => {
    const identity = identityOf(site)
    const occurrence = seen.get(identity) ?? 0
    seen.set(identity, occurrence + 1)
    return digest(`${identity}\0${occurrence}`)
  })
}

function identityOf({ rule, location, text }: Site): string {
  const lines = text.split('\n')
  return [rule, normalise(codeAt(lines, location)), ...enclosureOf(lines, location.startLine)].join('\0')
}

function codeAt(lines: readonly string[], { startLine, startColumn, endLine, endColumn }: Location): string {
  const region = lines.slice(startLine - 1, endLine)
  const last = region.length - 1
  return region
    .map((line, index) => line.slice(index === 0 ? startColumn - 1 : 0, index === last ? endColumn - 1 : undefined))
    .join('\n')
}

/** Lines before `lineNumber` that are indented less than everything between them and it, nearest first. */
function enclosureOf(lines: readonly string[], lineNumber: number): string[] {
  const enclosure: string[] = []
  let indent = indentOf(lines[lineNumber - 1] ?? '')
  for (let index = lineNumber - 2; index >= 0 && indent > 0; index--) {
    const line = lines[index] ?? ''
    if (line.trim() === '' || indentOf(line) >= indent) continue
    indent = indentOf(line)
    enclosure.push(normalise(line))
  }
  return enclosure
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length
}

function normalise(code: string): string {
  return code.replace(/\s+/g, ' ').trim()
}

function digest(identity: string): string {
  return createHash('sha256').update(identity).digest('hex').slice(0, 16)
}
