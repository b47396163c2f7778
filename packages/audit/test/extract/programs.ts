/** Small programs in memory, and what the auditor makes of them. Lines are counted from the first line that holds code. */
import { claimsOf, detectAll } from '../../src/detect.ts'
import { extract } from '../../src/extract/extract.ts'
import type { ServerFacts } from '../../src/facts/facts.ts'
import type { Gap, Location } from '../../src/finding/finding.ts'
import { primaryStep } from '../../src/finding/findings.ts'
import { rules } from '../../src/rules/index.ts'
import { treeOf } from '../source/trees.ts'

/** Text by path, or the text of `server.ts` alone. */
export type Program = string | Readonly<Record<string, string>>

export function factsOf(program: Program): ServerFacts {
  return extracted(program).facts
}

export function gapsOf(program: Program): readonly Gap[] {
  return extracted(program).gaps
}

export function extracted(program: Program): { readonly facts: ServerFacts; readonly gaps: readonly Gap[] } {
  const files = typeof program === 'string' ? { 'server.ts': program } : program
  return extract(treeOf(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, dedent(text)]))))
}

/** `server.ts:12: what is wrong`, for the findings of one rule. */
export function findingsOf(rule: string, program: Program): readonly string[] {
  return claimsOf(detectAll(rules, factsOf(program)))
    .filter((claim) => claim.rule.id === rule)
    .map(({ draft }) => `${place(primaryStep(draft).location)}: ${draft.what}`)
}

/** `pass`, `fail`, `open` or `notApplicable`, before any gap is counted in. */
export function outcomeOf(rule: string, program: Program): string {
  const verdict = detectAll(rules, factsOf(program)).find((detection) => detection.rule.id === rule)!.verdict
  if (verdict.kind !== 'judged') return verdict.kind
  if (verdict.findings.length > 0) return 'fail'
  return verdict.open.length > 0 ? 'open' : 'pass'
}

/** `server.ts:12` */
export function place({ path, startLine }: Location): string {
  return `${path}:${startLine}`
}

/** Where requests are served on a session, and whether only its owner gets there: `POST server.ts:12 unbound`. */
export function dispatchesOf(program: Program): readonly string[] {
  return factsOf(program).dispatches.map((fact) => `${fact.verb} ${place(fact.at)} ${fact.bound ? 'bound' : 'unbound'}`)
}

/** Where requests are served on a session, and whether a credential was verified first: `POST server.ts:12 always`. */
export function authenticationOf(program: Program): readonly string[] {
  return factsOf(program).dispatches.map((fact) => `${fact.verb} ${place(fact.at)} ${fact.authenticated}`)
}

/** `server.ts:3 10.0.0.1`, one for each listener. */
export function listenersOf(program: Program): readonly string[] {
  return factsOf(program).listeners.map(
    (fact) => `${place(fact.at)} ${fact.byDefault ? fact.reach : fact.hosts.join(' or ') || fact.reach}`,
  )
}

function dedent(text: string): string {
  if (!text.startsWith('\n')) return text
  const lines = text.slice(1).split('\n')
  const margin = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => /^ */.exec(line)![0].length))
  return lines.map((line) => line.slice(margin)).join('\n')
}
