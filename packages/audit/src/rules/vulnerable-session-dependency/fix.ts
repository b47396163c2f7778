import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import type { Ground } from '../../fix/fix.ts'
import type { Syntax } from '../../syntax/syntax.ts'
import { advisories, concerns } from './advisories.ts'

const FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'] as const

/** Raises the ranges in every package.json of the tree to where all that is known of the package is mended. */
export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const dependency = facts.dependencies.find(({ name, version }) => finding.what.startsWith(`${name} ${version} `))
  if (dependency === undefined) return undefined
  const { name, version } = dependency
  const mended = mendedFrom(name, version)
  const edits = syntax.manifests().flatMap((manifest) => raised(manifest, name, mended))
  if (edits.length === 0) return undefined
  return { title: `Raise ${name} to ${mended}, then renew the lockfile (npm install)`, kind: 'unsafe', edits }
}

/** The first version from here on of which nothing is known: what mends one weakness may lie in the range of another. */
function mendedFrom(name: string, version: string): string {
  const advisory = advisories.find((each) => concerns(each, name, version))
  return advisory === undefined ? version : mendedFrom(name, advisory.below)
}

/** Ranges of one version, with or without `^`, `~` or `>=`, that begin where something is known. */
function raised(manifest: ReturnType<Syntax['manifests']>[number], name: string, mended: string): readonly Edit[] {
  return FIELDS.flatMap((field): readonly Edit[] => {
    const range = manifest.stringAt(field, name)
    const [, prefix = '', version] = (range && /^(\^|~|>=)?(\d+\.\d+\.\d+)$/.exec(range.value)) ?? []
    if (range === undefined || version === undefined || mendedFrom(name, version) !== mended) return []
    return version === mended
      ? []
      : [{ path: manifest.path, start: range.start, end: range.end, text: prefix + mended }]
  })
}
