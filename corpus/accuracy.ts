/** Writes docs/accuracy.md: the tables, and every miss and false alarm with its explanation. Servers are numbered, never named. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { FixResult, Measured } from './measure.ts'
import type { CodeqlRow } from './alerts.ts'
import { measure } from './measure.ts'
import { type Pair, precision, recall, type Tally, tally } from './score.ts'
import { percent, share } from './show.ts'
import { liveTargets } from './targets/results.ts'
import { type FixPair, loadVerdicts, ruleLabels, scoredRules } from './verdicts.ts'

/** Why the two differ, by number and rule, in our own words and without names. */
interface Explanations {
  readonly servers: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly fixes: Readonly<Record<string, string>>
}

const { values: flags } = parseArgs({
  options: {
    checkouts: { type: 'string', default: process.env['SALLYPORT_CORPUS_CHECKOUTS'] ?? '' },
    labels: { type: 'string' },
  },
})
if (flags.checkouts === '')
  throw new Error('Name the folder of the checkouts: --checkouts <folder>. See corpus/README.md.')

const verdicts = loadVerdicts(import.meta.dirname, flags.labels)
const explanations = JSON.parse(readFileSync(join(import.meta.dirname, 'explanations.json'), 'utf8')) as Explanations
const measured = await measure({
  checkouts: flags.checkouts,
  verdicts,
  onDone: (subject, milliseconds) => process.stderr.write(`${subject}: ${milliseconds.toFixed(0)} ms\n`),
})
if (measured.missing.length > 0) throw new Error(`not checked out: ${measured.missing.join(', ')}`)
const docs = join(import.meta.dirname, '../docs')
mkdirSync(docs, { recursive: true })
writeFileSync(join(docs, 'accuracy.md'), page(measured))
for (const stale of staleExplanations(measured)) process.stderr.write(`no longer needed: ${stale}\n`)

function page({ servers, fixes }: Measured): string {
  const pairs = servers.flatMap((server) => server.pairs)
  return `${[
    '# Accuracy',
    'Written by `npm run accuracy`; change `corpus/explanations.json`, not this page. How it is measured: `corpus/README.md`.',
    `The auditor beside the verdicts of one reader on ${servers.length} public MCP servers, rule by rule, and on ${fixes.length} real fixes, before and after. Servers and fixes are numbered, not named: what is weak in other people's code is theirs to hear first.`,
    goals(pairs, fixes),
    '## Servers, by rule',
    ruleRows(pairs),
    '`placed`: share of the true findings with a step within three lines of a labelled line (`lines`) or in the function or class around one (`function`). `client-supplied-session-id` counts under `session-fixation`, `session-as-authentication` under `unbound-session`.',
    '## Servers, one by one',
    'TP found, FN missed, FP false alarm, · rightly silent. `TP*`: found, but in another place.',
    serverRows(pairs),
    ...differences('## Misses', pairs, ({ cell }) => cell === 'FN'),
    ...differences('## False alarms', pairs, ({ cell }) => cell === 'FP'),
    ...differences('## Found in another place', pairs, ({ placement }) => placement?.placed === false),
    ...crashes(measured),
    '## Fixes',
    '`found`: a finding of the right rule in the vulnerable state, in the expected function or at least in the expected file. `afterwards`: what became of it in the fixed state; `weaker` is a whole weakness that became a partial one.',
    fixRows(fixes),
    ...fixDifferences(fixes),
    '## Test files of CodeQL',
    'Its own tests say line by line what it is to find. `found`: a finding of the matching rule stands there; for cookies, one that speaks of the attribute of that query. `extras`: findings of that kind elsewhere in these files. Measured by `npm run codeql`.',
    codeqlRows(),
    liveTargets(),
  ].join('\n\n')}\n`
}

function goals(pairs: readonly Pair[], fixes: readonly FixResult[]): string {
  const all = tally(pairs)
  const of = (is: (result: FixResult) => boolean): string => {
    const count = fixes.filter(is).length
    return `${percent(share(count, fixes.length))} (${count} of ${fixes.length})`
  }
  return table([
    ['measure', 'goal', 'here'],
    ['recall', '≥ 85 %', `${percent(recall(all))} (${all.TP} of ${all.TP + all.FN})`],
    ['precision', '≥ 85 %', `${percent(precision(all))} (${all.TP} of ${all.TP + all.FP})`],
    ['placed', '≥ 80 %', `${percent(share(all.placed, all.TP))} (${all.placed} of ${all.TP})`],
    ['fixes detected before', '≥ 80 %', of(({ score }) => score.detected)],
    ['fixes told apart from after', '≥ 70 %', of(({ score }) => score.apart)],
  ])
}

function ruleRows(pairs: readonly Pair[]): string {
  const rows = Object.keys(ruleLabels).map((rule) =>
    ruleRow(`\`${rule}\``, tally(pairs.filter((pair) => pair.rule === rule))),
  )
  return table([
    ['rule', 'TP', 'FP', 'FN', 'TN', 'recall', 'precision', 'placed', 'lines', 'function'],
    ...rows,
    ruleRow('all', tally(pairs)),
  ])
}

function ruleRow(name: string, counts: Tally): string[] {
  const { TP, FP, FN, TN, placed, lines, enclosing } = counts
  const shares = [recall(counts), precision(counts), share(placed, TP), share(lines, TP), share(enclosing, TP)]
  return [name, ...[TP, FP, FN, TN].map(String), ...shares.map(percent)]
}

function serverRows(pairs: readonly Pair[]): string {
  const rules = Object.keys(ruleLabels)
  const numbers = [...new Set(pairs.map(({ server }) => server))]
  const cell = (server: number, rule: string): string => {
    const pair = pairs.find((each) => each.server === server && each.rule === rule)
    if (!pair) return ''
    if (pair.cell === 'TN') return '·'
    return pair.placement?.placed === false ? 'TP*' : pair.cell
  }
  return table([
    ['server', ...rules],
    ...numbers.map((number) => [String(number), ...rules.map((rule) => cell(number, rule))]),
  ])
}

function differences(title: string, pairs: readonly Pair[], is: (pair: Pair) => boolean): string[] {
  const different = pairs.filter(is)
  if (different.length === 0) return [title, 'None.']
  const items = different.map(({ server, rule }) => {
    const why = explanations.servers[server]?.[rule] ?? '**unexplained**'
    return `- Server ${server}, \`${rule}\`: ${why}`
  })
  return [title, items.join('\n')]
}

function crashes({ servers, fixes }: Measured): string[] {
  const crashed = [
    ...servers.flatMap(({ number, crash }) => (crash ? [`- Server ${number}`] : [])),
    ...fixes.flatMap(({ number, crash }) => (crash ? [`- Fix ${number}`] : [])),
  ]
  return crashed.length === 0 ? [] : ['## Crashes', crashed.join('\n')]
}

function fixRows(fixes: readonly FixResult[]): string {
  const rows = fixes.map(({ number, score }) => {
    const pair = fixOf(number)
    const reach = { scope: 'in the function', file: 'in the file', elsewhere: 'elsewhere', none: 'no' }[score.reach]
    const rule = pair.rules.find((each) => scoredRules.includes(each)) ?? pair.rules[0]
    return [String(number), `\`${rule}\``, pair.advisory ?? '', reach, score.aftermath ?? '']
  })
  return table([['fix', 'rule', 'advisory', 'found', 'afterwards'], ...rows])
}

function fixDifferences(fixes: readonly FixResult[]): string[] {
  const different = fixes.filter(({ score }) => !score.apart)
  const items = different.map(({ number, score }) => {
    const what = score.detected ? 'found before and after' : 'missed'
    return `- Fix ${number}, ${what}: ${explanations.fixes[number] ?? '**unexplained**'}`
  })
  return items.length === 0 ? [] : ['### Missed, or found before and after', items.join('\n')]
}

/** As last measured: the test files are not part of the corpus. */
function codeqlRows(): string {
  const rows = JSON.parse(readFileSync(join(import.meta.dirname, 'codeql.json'), 'utf8')) as readonly CodeqlRow[]
  const sum = (column: 'expected' | 'hits' | 'extras'): string =>
    String(rows.reduce((total, row) => total + row[column], 0))
  return table([
    ['weakness', 'rule', 'expected', 'found', 'extras'],
    ...rows.map(({ cwe, rules, expected, hits, extras }) => [
      cwe,
      rules.map((rule) => `\`${rule}\``).join(', '),
      ...[expected, hits, extras].map(String),
    ]),
    ['all', '', sum('expected'), sum('hits'), sum('extras')],
  ])
}

/** Explanations of differences that are no longer there. */
function staleExplanations({ servers, fixes }: Measured): string[] {
  const right = servers.flatMap((server) => server.pairs).filter(isRight)
  return [
    ...right
      .filter(({ server, rule }) => explanations.servers[server]?.[rule])
      .map(({ server, rule }) => `server ${server} ${rule}`),
    ...fixes
      .filter(({ number, score }) => score.apart && explanations.fixes[number])
      .map(({ number }) => `fix ${number}`),
  ]
}

function isRight({ cell, placement }: Pair): boolean {
  return cell === 'TN' || placement?.placed === true
}

function fixOf(number: number): FixPair {
  const pair = verdicts.fixes.find((fix) => fix.number === number)
  if (!pair) throw new Error(`no verdict for fix ${number}`)
  return pair
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
