/** package-lock.json and npm-shrinkwrap.json, lockfile versions 1 to 3. */
import { isObject, parseObject } from '../json.ts'
import { foldersUpward } from '../folders.ts'
import type { Lockfile } from './lockfile.ts'

export function parseNpmLock(text: string): Lockfile | undefined {
  const raw = parseObject(text)
  if (!raw) return undefined
  const packages = isObject(raw['packages']) ? raw['packages'] : {}
  const dependencies = isObject(raw['dependencies']) ? raw['dependencies'] : {}
  return {
    version: (name, dir) => versionInTree(packages, name, dir) ?? versionField(dependencies[name]),
    versionWithin(outer, name, dir) {
      const folder = foldersUpward(dir).find((from) => isObject(packages[installed(from, outer)]))
      const nested = isObject(dependencies[outer]) ? dependencies[outer]['dependencies'] : undefined
      return (
        (folder === undefined ? undefined : versionInTree(packages, name, installed(folder, outer))) ??
        versionField(isObject(nested) ? nested[name] : undefined) ??
        versionField(dependencies[name])
      )
    },
  }
}

/** As Node looks it up: the nearest node_modules upward from the package. */
function versionInTree(packages: Record<string, unknown>, name: string, dir: string): string | undefined {
  for (const from of foldersUpward(dir)) {
    const entry = packages[installed(from, name)]
    if (isObject(entry)) return entry['link'] === true ? linkedVersion(packages, entry) : versionField(entry)
  }
  return undefined
}

function installed(from: string, name: string): string {
  return from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`
}

function linkedVersion(packages: Record<string, unknown>, entry: Record<string, unknown>): string | undefined {
  const target = entry['resolved']
  return typeof target === 'string' ? versionField(packages[target]) : undefined
}

function versionField(entry: unknown): string | undefined {
  return isObject(entry) && typeof entry['version'] === 'string' ? entry['version'] : undefined
}
