/** Results as text for a terminal: one line per pair, tables, and the full story of one pair. */
import { type Finding, placesOf } from '@sallyport/audit'
import type { FixResult, Measured, ServerResult } from './measure.ts'
import type { Places } from './place.ts'
import { type Pair, precision, recall, type Tally, tally } from './score.ts'
import { type Evidence, type FixPair, isFile, ruleLabels } from './verdicts.ts'

export function percent(ratio: number | undefined): string {
  return ratio === undefined ? '–' : `${(ratio * 100).toFixed(0)} %`
}

export function share(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole
}

/** `FN  7  unbound-session               open: …`. */
export function pairLine({ cell, server, rule, findings, placement, label, said }: Pair): string {
  const where = placement ? placementWord(placement) : ''
  const story = findings[0] ? `${findings.length}× ${findings[0].what}` : said.join(' | ')
  const partial = label.partial ? ' (partial)' : ''
  return `${cell} ${String(server).padStart(3)}  ${rule.padEnd(29)} ${(label.confidence + partial).padEnd(15)} ${where.padEnd(8)} ${story}`
}

function placementWord({ lines, enclosing, file }: NonNullable<Pair['placement']>): string {
  if (lines) return 'lines'
  if (enclosing) return 'function'
  return file ? 'file' : 'astray'
}

/** The table of rules, one line each and one for all. */
export function ruleTable(pairs: readonly Pair[]): string {
  const rows = rulesOf(pairs).map((rule) => tallyRow(rule, tally(pairs.filter((pair) => pair.rule === rule))))
  const head = ['rule', 'TP', 'FP', 'FN', 'TN', 'recall', 'precision', 'placed', 'lines', 'function', 'primary']
  return table([head, ...rows, tallyRow('all', tally(pairs))])
}

function rulesOf(pairs: readonly Pair[]): string[] {
  return Object.keys(ruleLabels).filter((rule) => pairs.some((pair) => pair.rule === rule))
}

function tallyRow(name: string, counts: Tally): string[] {
  const { TP, FP, FN, TN, placed, lines, enclosing, primary } = counts
  const numbers = [TP, FP, FN, TN].map(String)
  const placements = [placed, lines, enclosing, primary].map((count) => percent(share(count, TP)))
  return [name, ...numbers, percent(recall(counts)), percent(precision(counts)), ...placements]
}

export function fixLine({ number, score }: FixResult, pair: FixPair): string {
  const verdict = score.detected ? (score.apart ? 'apart' : 'same ') : 'MISS '
  const weaker = score.aftermath === 'weaker' ? ' (weaker)' : ''
  const primary = score.detected && score.apart !== score.apartByPrimary ? ' (by primary: the other way)' : ''
  const story = score.before[0]?.what ?? ''
  return `${verdict} ${String(number).padStart(3)}  ${(pair.id ?? pair.advisory ?? '').padEnd(26)} ${pair.rules[0]?.padEnd(29)} ${score.reach}${weaker}${primary}  ${story}`
}

export function fixSummary(fixes: readonly FixResult[]): string {
  const count = (is: (result: FixResult) => boolean): string => {
    const found = fixes.filter(is).length
    return `${found}/${fixes.length} (${percent(share(found, fixes.length))})`
  }
  const detected = fixes.filter(({ score }) => score.detected)
  const apart = detected.filter(({ score }) => score.apart)
  return [
    `detected before the fix   ${count(({ score }) => score.detected)}, in the expected function ${count(({ score }) => score.inScope)}`,
    `told apart from after     ${count(({ score }) => score.apart)}, of those detected ${apart.length}/${detected.length} (${percent(share(apart.length, detected.length))}), by primary place ${count(({ score }) => score.apartByPrimary)}`,
  ].join('\n')
}

/** Label and findings of one pair, each with its lines of code. */
export function pairStory(pair: Pair, places: Places): string {
  const { label, findings, said } = pair
  return [
    pairLine(pair),
    `  label: ${label.verdict}, ${label.confidence}${label.partial ? ', partial' : ''}${label.why ? `: ${label.why}` : ''}`,
    ...label.evidence.map((at) => evidenceLine(at, findings, places)),
    `  said:  ${said.join('\n         ') || '(nothing)'}`,
    ...findings.map((finding) => findingStory(finding, places)),
  ].join('\n')
}

export function fixStory(result: FixResult, pair: FixPair, old: Places, fixed: Places): string {
  const { before, after } = result.score
  return [
    fixLine(result, pair),
    ...(pair.why ? [`  hard: ${pair.why}`] : []),
    ...pair.expected.map((at) => evidenceLine(at, before, old)),
    '  before:',
    ...before.map((finding) => findingStory(finding, old)),
    '  after:',
    ...after.map((finding) => findingStory(finding, fixed)),
  ].join('\n')
}

function evidenceLine({ file, start, end }: Evidence, findings: readonly Finding[], places: Places): string {
  const steps = findings.flatMap(({ trace }) => placesOf(trace))
  const path = steps.find(({ location }) => isFile(file, location.path))?.location.path ?? file
  const range = start === end ? `${start}` : `${start}-${end}`
  return `    ${path}:${range}  [${places.enclosing(path, start)}]  ${places.line(path, start).trim()}`
}

function findingStory({ rule, confidence, surface, partial, what, trace, location }: Finding, places: Places): string {
  const head = `  ours:  ${rule} (${confidence}, ${surface}${partial ? ', partial' : ''}) ${what}`
  const steps = placesOf(trace).map(({ note, location: at }, index) => {
    const isPrimary = location?.path === at.path && location.startLine === at.startLine
    const scope = places.enclosing(at.path, at.startLine)
    const code = places.line(at.path, at.startLine).trim()
    return `    ${isPrimary ? '►' : ' '}${index + 1} ${at.path}:${at.startLine}  [${scope}]  ${code}\n         ${note}`
  })
  return [head, ...steps].join('\n')
}

export function gapLines({ report }: ServerResult): string {
  return (report?.gaps ?? [])
    .map(({ path, reason, rules }) => `  gap: ${path}: ${reason}${rules ? ` (${rules.join(', ')})` : ''}`)
    .join('\n')
}

/** Subjects that crashed, and those that took longest. */
export function timing({ servers, fixes, missing }: Measured): string {
  const all = [
    ...servers.map((result) => ({ ...result, name: `server ${result.number}` })),
    ...fixes.map((result) => ({ ...result, name: `fix ${result.number}` })),
  ]
  const total = all.reduce((sum, { milliseconds }) => sum + milliseconds, 0)
  const slowest = all.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, 5)
  return [
    `${(total / 1000).toFixed(1)} s; slowest: ${slowest.map(({ name, milliseconds }) => `${name} ${milliseconds.toFixed(0)} ms`).join(', ')}`,
    ...(missing.length > 0 ? [`not checked out: ${missing.join(', ')}`] : []),
    ...all.flatMap(({ name, crash }) => (crash ? [`CRASH ${name}: ${crash}`] : [])),
  ].join('\n')
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n')
}
