/** bun.lock, the textual lockfile: JSON with trailing commas. */
import { isObject, parseLenientObject } from '../json.ts'
import { exactVersion, type Lockfile } from './lockfile.ts'

export function parseBunLock(text: string): Lockfile | undefined {
  const raw = parseLenientObject(text)
  const packages = raw?.['packages']
  const workspaces = raw?.['workspaces']
  if (!isObject(packages)) return undefined
  return {
    version(name, dir) {
      const workspace = isObject(workspaces) ? workspaces[dir] : undefined
      const own =
        isObject(workspace) && typeof workspace['name'] === 'string'
          ? packages[`${workspace['name']}/${name}`]
          : undefined
      return versionOfEntry(own) ?? versionOfEntry(packages[name])
    },
    versionWithin: (outer, name) => versionOfEntry(packages[`${outer}/${name}`]) ?? versionOfEntry(packages[name]),
  }
}

/** An entry is `["name@1.2.3", …]`. */
function versionOfEntry(entry: unknown): string | undefined {
  const id: unknown = Array.isArray(entry) ? entry[0] : undefined
  return typeof id === 'string' ? exactVersion(id) : undefined
}
