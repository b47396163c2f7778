/** The source texts that a report points to, read once more for its code frames. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { placesOf, type Report } from '@sallyport/audit'
import { folderOf } from './audited.ts'

/** Text by path as the report names it. A file that has gone since is left out, and its frames stay empty. */
export function sourcesOf(report: Report): Map<string, string> {
  if (report.subject.kind !== 'source') return new Map()
  const folder = folderOf(report.subject.root)
  const paths = new Set(report.findings.flatMap(({ trace }) => placesOf(trace).map(({ location }) => location.path)))
  return new Map([...paths].flatMap((path) => readText(folder, path)))
}

function readText(folder: string, path: string): [string, string][] {
  try {
    return [[path, readFileSync(join(folder, path), 'utf8')]]
  } catch {
    return []
  }
}
