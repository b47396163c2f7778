import type { Finding, Fix } from '../../finding/finding.ts'
import type { Ground } from '../../fix/fix.ts'
import { advisories, concerns } from './advisories.ts'

const FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'] as const

/** Raises the range in package.json to where all that is known of the package is mended. */
export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const path = finding.location?.path
  const dependency = facts.dependencies.find(({ name, version }) => finding.what.startsWith(`${name} ${version} `))
  const manifest = path === undefined ? undefined : syntax.manifestFor(path)
  if (dependency === undefined || manifest === undefined) return undefined
  const { name, version } = dependency
  const range = FIELDS.map((field) => manifest.stringAt(field, name)).find((found) => found !== undefined)
  const prefix = range && /^(\^|~|>=)?\d+\.\d+\.\d+$/.exec(range.value)
  if (range === undefined || !prefix) return undefined
  const mended = mendedFrom(name, version)
  return {
    title: `Raise ${name} to ${mended}, then renew the lockfile (npm install)`,
    kind: 'unsafe',
    edits: [{ path: manifest.path, start: range.start, end: range.end, text: `${prefix[1] ?? ''}${mended}` }],
  }
}

/** The first version from here on of which nothing is known: what mends one weakness may lie in the range of another. */
function mendedFrom(name: string, version: string): string {
  const advisory = advisories.find((each) => concerns(each, name, version))
  return advisory === undefined ? version : mendedFrom(name, advisory.below)
}
