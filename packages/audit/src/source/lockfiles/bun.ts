/** bun.lock, the textual lockfile: JSON with trailing commas. */
import { parse } from 'jsonc-parser'
import { isObject } from '../packages.ts'
import { exactVersion, type Lockfile } from './lockfile.ts'

export function parseBunLock(text: string): Lockfile | undefined {
  const raw: unknown = parse(text, [], { allowTrailingComma: true })
  const packages = isObject(raw) && isObject(raw['packages']) ? raw['packages'] : undefined
  if (!packages) return undefined
  const workspaces = isObject(raw) && isObject(raw['workspaces']) ? raw['workspaces'] : {}
  return {
    version(name, dir) {
      const workspace = workspaces[dir]
      const own =
        isObject(workspace) && typeof workspace['name'] === 'string'
          ? packages[`${workspace['name']}/${name}`]
          : undefined
      return versionOfEntry(own) ?? versionOfEntry(packages[name])
    },
  }
}

/** An entry is `["name@1.2.3", …]`. */
function versionOfEntry(entry: unknown): string | undefined {
  const id: unknown = Array.isArray(entry) ? entry[0] : undefined
  return typeof id === 'string' ? exactVersion(id) : undefined
}
