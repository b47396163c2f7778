/** What fixes did: written to disk, as a diff, and in words. */
import {
  type Assessment,
  type Mended,
  type Offer,
  type Report,
  uncommittedIn,
  unifiedDiff,
  UnknownRevisionError,
  UnwritableError,
  writeChanges,
} from '@sallyport/audit'
import type { Fixing } from './arguments.ts'
import { harmless } from './exit.ts'

/** Writes the changed files; returns why not where nothing was written. */
export function writeOrSayWhyNot({ folder, changes }: Mended, { allowDirty }: Fixing): string | undefined {
  const dirty = allowDirty ? undefined : dirtyAmong(folder, changes)
  if (dirty !== undefined) return dirty
  try {
    writeChanges(folder, changes)
    return undefined
  } catch (error) {
    if (error instanceof UnwritableError) return error.message
    throw error
  }
}

/** A change to a file that Git knows as it is can be looked at and undone; one on top of others cannot. */
function dirtyAmong(folder: string, changes: Mended['changes']): string | undefined {
  if (changes.length === 0) return undefined
  try {
    const dirty = uncommittedIn(folder, new Map(changes.map(({ path, before }) => [path, before])))
    if (dirty === undefined || dirty.length === 0) return undefined
    const more = dirty.length > 3 ? ` and ${dirty.length - 3} more` : ''
    return `${dirty.slice(0, 3).join(', ')}${more} would be fixed, but ${dirty.length === 1 ? 'holds' : 'hold'} uncommitted changes. Commit them first, or use --allow-dirty.`
  } catch (error) {
    if (error instanceof UnknownRevisionError)
      return `Git does not say whether there are uncommitted changes. ${error.message} To fix all the same: --allow-dirty.`
    throw error
  }
}

export function renderDiff({ changes }: Mended): string {
  return changes.map(({ path, before, after }) => unifiedDiff(path, before, after)).join('')
}

/** What was fixed, what was not kept and why, and what is left to a person. */
export function renderMended(mended: Mended, { kinds, dryRun }: Fixing): string {
  const { fixed, rolledBack, changes, after } = mended
  const left = after.findings.filter(
    ({ fingerprint }) => !rolledBack.some(({ finding }) => finding.fingerprint === fingerprint),
  )
  const reviewable = left.filter(({ fixes }) => kinds === 'safe' && fixes.length > 0).length
  const byHand = left.length - reviewable
  const lines = [
    `${dryRun ? 'Would fix' : 'Fixed'} ${count(fixed.length, 'finding')} in ${count(changes.length, 'file')}.`,
    ...fixed.map((offer) => `  ${lineOf(offer)}`),
    ...(rolledBack.length > 0 ? ['Tried and not kept:'] : []),
    ...rolledBack.map((offer) => `  ${lineOf(offer)}: ${offer.reason}`),
    ...(reviewable > 0
      ? [`${count(reviewable, 'more finding')} can be fixed with --fix=all; review what it changes.`]
      : []),
    ...(byHand > 0
      ? [`${count(byHand, 'finding')} ${byHand === 1 ? 'needs' : 'need'} a hand: sallyport explain <rule>`]
      : []),
    ...notesOn(fixed),
  ]
  return `${harmless(lines.join('\n'))}\n`
}

/** Which attacks worked before the fixes, and whether they still do. */
export function renderProof(before: Report, after: Report): string {
  const worked = before.assessments.filter(({ outcome }) => outcome === 'fail')
  const lines = [
    worked.length === 0
      ? 'No attack worked on the server before.'
      : `${count(worked.length, 'attack')} worked on the server before. Started anew and attacked again:`,
    ...worked.map(({ rule }) => `  ${rule}: ${nowOf(after.assessments.find((one) => one.rule === rule))}`),
  ]
  return `${harmless(lines.join('\n'))}\n`
}

function nowOf(assessment: Assessment | undefined): string {
  switch (assessment?.outcome) {
    case 'pass':
      return 'no longer works'
    case 'fail':
      return 'still works'
    case 'notApplicable':
      return `has nothing to attack any more. ${assessment.reasons.join(' ')}`
    default:
      return `could not be tried again. ${assessment?.reasons.join(' ') ?? ''}`.trimEnd()
  }
}

function lineOf({ finding: { location, rule }, fix }: Offer): string {
  const place = location ? `${location.path}:${location.startLine}` : '.'
  return `${place} ${rule}: ${fix.title}${fix.kind === 'unsafe' ? ' (review it)' : ''}`
}

/** What is still to do after a fix. */
function notesOn(fixed: readonly Offer[]): readonly string[] {
  const isInstalled = fixed.some(({ fix }) => fix.edits.some(({ path }) => /(?:^|\/)package\.json$/.test(path)))
  return isInstalled ? ['Now renew the lockfile: npm install (or pnpm, yarn, bun).'] : []
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
