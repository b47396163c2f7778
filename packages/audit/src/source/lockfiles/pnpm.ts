/** pnpm-lock.yaml, lockfile versions 5 to 9. */
import { childOf, parseBlocks, type Block } from './blocks.ts'
import { exactVersion, type Lockfile } from './lockfile.ts'

const FIELDS = ['dependencies', 'optionalDependencies', 'devDependencies']

export function parsePnpmLock(text: string): Lockfile | undefined {
  const blocks = parseBlocks(text)
  const importers = childOf(blocks, 'importers')
  const ofRoot = importers ? childOf(importers.children, '.')?.children : blocks
  if (!ofRoot) return undefined
  return {
    version(name, dir) {
      const importer = dir === '' ? ofRoot : importers && childOf(importers.children, dir)?.children
      return importer && versionIn(importer, name)
    },
    versionWithin(outer, name) {
      const resolved = childOf(blocks, 'snapshots') ?? childOf(blocks, 'packages')
      const entry = resolved?.children.find(({ key }) => isEntryOf(key, outer))
      return entry && versionIn(entry.children, name)
    },
  }
}

/** `/outer@1.2.3`, `outer@1.2.3(peer@4.5.6)`, `/outer/1.2.3_peer@4.5.6` */
function isEntryOf(key: string, outer: string): boolean {
  const id = key.replace(/^\//, '')
  return id.startsWith(`${outer}@`) || id.startsWith(`${outer}/`)
}

function versionIn(importer: readonly Block[], name: string): string | undefined {
  for (const field of FIELDS) {
    const entry = childOf(childOf(importer, field)?.children ?? [], name)
    // From version 6 on the entry has `specifier` and `version`; before, it is the version.
    if (entry) return exactVersion(entry.value || (childOf(entry.children, 'version')?.value ?? ''))
  }
  return undefined
}
