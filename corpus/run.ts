/**
 * Scores the auditor on the labelled servers and fixes.
 *
 *   npm run corpus -- --checkouts <folder> [--labels <folder>] [--server 7,8] [--fix 3] [--rule unbound-session]
 *                     [--wrong] [--verbose] [--json] [--against <earlier json>]
 *
 * Defaults of the two folders: SALLYPORT_CORPUS_CHECKOUTS, SALLYPORT_CORPUS_LABELS.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type FixResult, fixFolder, type Measured, measure, type ServerResult } from './measure.ts'
import { Places } from './place.ts'
import type { Pair } from './score.ts'
import { fixLine, fixStory, fixSummary, gapLines, pairLine, pairStory, ruleTable, timing } from './show.ts'
import { loadVerdicts, ruleLabels, type Verdicts } from './verdicts.ts'

const { values: flags } = parseArgs({
  options: {
    checkouts: { type: 'string', default: process.env['SALLYPORT_CORPUS_CHECKOUTS'] ?? '' },
    labels: { type: 'string', default: process.env['SALLYPORT_CORPUS_LABELS'] ?? '' },
    server: { type: 'string' },
    fix: { type: 'string' },
    rule: { type: 'string' },
    wrong: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    against: { type: 'string' },
  },
})
if (flags.checkouts === '')
  throw new Error('Name the folder of the checkouts: --checkouts <folder>. See corpus/README.md.')

const verdicts = loadVerdicts(import.meta.dirname, flags.labels === '' ? undefined : flags.labels)
const measured = await measure({
  checkouts: flags.checkouts,
  verdicts,
  servers: chosen(flags.server, flags.fix, serverNumber),
  fixes: chosen(flags.fix, flags.server, fixNumber),
  onDone: (subject, milliseconds, crash) => {
    if (crash || milliseconds > 5000)
      process.stderr.write(`${subject}: ${crash ? 'CRASH' : `${milliseconds.toFixed(0)} ms`}\n`)
  },
})
const pairs = measured.servers.flatMap((server) => server.pairs).filter(({ rule }) => isChosenRule(rule))
const fixes = measured.fixes.filter(({ number }) => fixOf(number).rules.some(isChosenRule))
const cells = cellsOf(pairs, fixes)
if (flags.json) process.stdout.write(`${JSON.stringify({ cells, pairs, fixes, missing: measured.missing }, null, 1)}\n`)
else process.stdout.write(`${text({ ...measured, fixes })}\n`)

/** Subjects of one kind: those named, all if nothing is named, none if only the other kind is. */
function chosen(
  own: string | undefined,
  other: string | undefined,
  numberOf: (name: string) => number,
): number[] | undefined {
  if (own !== undefined) return own.split(',').map(numberOf)
  return other === undefined ? undefined : []
}

function serverNumber(name: string): number {
  if (/^\d+$/.test(name)) return Number(name)
  return verdicts.servers.find(({ repo }) => repo?.includes(name))?.number ?? -1
}

function fixNumber(name: string): number {
  return verdicts.fixes.find(({ number, id }) => String(number) === name || id === name)?.number ?? -1
}

function fixOf(number: number): Verdicts['fixes'][number] {
  const pair = verdicts.fixes.find((fix) => fix.number === number)
  if (!pair) throw new Error(`no verdict for fix ${number}`)
  return pair
}

/** `--rule` takes a label or one of the tool's rules. */
function isChosenRule(rule: string): boolean {
  return flags.rule === undefined || rule === flags.rule || (ruleLabels[rule]?.includes(flags.rule) ?? false)
}

/** What `--against` compares: one word per pair and fix. */
function cellsOf(some: readonly Pair[], someFixes: readonly FixResult[]): Record<string, string> {
  const ofPairs = some.map(({ server, rule, cell, placement }) => [
    `server ${server} ${rule}`,
    placement && !placement.placed ? `${cell} astray` : cell,
  ])
  const ofFixes = someFixes.map(({ number, score }) => [`fix ${number}`, score.detected ? score.aftermath : 'missed'])
  return Object.fromEntries([...ofPairs, ...ofFixes])
}

function text(results: Measured): string {
  if (flags.against !== undefined) return changes(flags.against)
  const shown = flags.wrong ? pairs.filter(isWrong) : pairs
  const shownFixes = flags.wrong ? results.fixes.filter(({ score }) => !score.apart) : results.fixes
  const sections = [
    ...shown.map((pair) => (flags.verbose ? pairStory(pair, placesOf(pair.server)) : pairLine(pair))),
    ...(flags.verbose ? results.servers.map(gapLines) : []),
    ...shownFixes.map(fixText),
    ...(pairs.length > 0 ? ['', ruleTable(pairs)] : []),
    ...(results.fixes.length > 0 ? ['', fixSummary(results.fixes)] : []),
    '',
    timing(results),
  ]
  return sections.join('\n')
}

function isWrong({ cell, placement }: Pair): boolean {
  return cell === 'FP' || cell === 'FN' || placement?.placed === false
}

function placesOf(server: ServerResult['number']): Places {
  return new Places(join(flags.checkouts, 'servers', String(server)))
}

function fixText(result: FixResult): string {
  const pair = fixOf(result.number)
  const folder = fixFolder(flags.checkouts, pair) ?? ''
  if (!flags.verbose) return fixLine(result, pair)
  return fixStory(result, pair, new Places(join(folder, 'vulnerable')), new Places(join(folder, 'fixed')))
}

/** Pairs and fixes that are judged otherwise than in an earlier `--json` run. */
function changes(path: string): string {
  const earlier = (JSON.parse(readFileSync(path, 'utf8')) as { cells: Record<string, string> }).cells
  const changed = Object.entries(cells).filter(([key, cell]) => earlier[key] !== cell)
  return [
    ...changed.map(([key, cell]) => `${key}: ${earlier[key] ?? 'new'} → ${cell}`),
    ...(changed.length === 0 ? ['nothing changed'] : []),
    '',
    ruleTable(pairs),
    '',
    fixSummary(measured.fixes),
  ].join('\n')
}
