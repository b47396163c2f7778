/** Compares what a report says about an example with what the example's name and labels say. */
import { type Finding, placesOf, type Report, type Step } from '../../src/finding/finding.ts'
import type { Example } from './examples.ts'
import { describeLabel, labelsOf, readLabels, type Label } from './labels.ts'

/** Where report and example disagree, one sentence each; empty if they agree. */
export function disagreements(example: Example, report: Report): string[] {
  const [own, others] = partition(report.findings, ({ rule }) => rule === example.rule)
  return [
    ...others.map((finding) => `${finding.rule} is not silent: ${describeFinding(finding)}`),
    ...outcomeDisagreements(example, report),
    ...(example.kind === 'safe' ? own.map((finding) => `finding on a safe example: ${describeFinding(finding)}`) : []),
    ...labelDisagreements(example, own),
  ]
}

/** The labels that an example should carry, by file. */
export function labelsByFile(example: Example, findings: readonly Finding[]): Map<string, Label[]> {
  const labels = new Map<string, Label[]>([...example.files.keys()].map((path) => [path, []]))
  for (const { rule, trace } of findings) {
    if (rule !== example.rule) continue
    for (const [index, label] of labelsOf(placesOf(trace), (step) => lineOf(example, step)).entries()) {
      labels.get(trace[index]?.location?.path ?? '')?.push(label)
    }
  }
  return new Map([...labels].map(([path, all]) => [path, distinct(all)]))
}

function outcomeDisagreements(example: Example, report: Report): string[] {
  const expected = example.kind === 'safe' ? 'pass' : 'fail'
  const assessment = report.assessments.find(({ rule }) => rule === example.rule)
  if (assessment === undefined) return [`${example.rule} was not assessed`]
  if (assessment.outcome === expected) return []
  return [
    `outcome is ${assessment.outcome} instead of ${expected}: ${assessment.reasons.join('; ') || 'no reason given'}`,
  ]
}

/** Manifests and lockfiles: what versions are said to be is no code, and a label in it would break it. */
const CARRIES_NO_LABELS = /(?:^|\/)(?:package(?:-lock)?\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lock)$/

function labelDisagreements(example: Example, findings: readonly Finding[]): string[] {
  const found = labelsByFile(example, findings)
  const strayed = findings.flatMap(({ trace }) =>
    placesOf(trace).filter(({ location: { path } }) => !example.files.has(path) && !CARRIES_NO_LABELS.test(path)),
  )
  return [
    ...strayed.map(({ location }) => `a step lies outside the example: ${location.path}:${location.startLine}`),
    ...[...example.files].flatMap(([path, text]) => differences(path, readLabels(text), found.get(path) ?? [])),
  ]
}

function differences(path: string, expected: readonly Label[], found: readonly Label[]): string[] {
  const wanted = new Set(expected.map(describeLabel))
  const given = new Set(found.map(describeLabel))
  return [
    ...[...wanted].filter((label) => !given.has(label)).map((label) => `labelled, not found: ${path}:${label}`),
    ...[...given].filter((label) => !wanted.has(label)).map((label) => `found, not labelled: ${path}:${label}`),
  ]
}

function distinct(labels: readonly Label[]): Label[] {
  return [...new Map(labels.map((label) => [describeLabel(label), label])).values()]
}

function lineOf({ files }: Example, { location }: Step): string {
  return files.get(location.path)?.split('\n')[location.startLine - 1] ?? ''
}

function describeFinding({ what, trace }: Finding): string {
  const { path, startLine, startColumn } = trace[0]?.location ?? { path: '?', startLine: 0, startColumn: 0 }
  return `${path}:${startLine}:${startColumn} ${what}`
}

function partition<T>(all: readonly T[], test: (each: T) => boolean): [T[], T[]] {
  return [all.filter(test), all.filter((each) => !test(each))]
}
