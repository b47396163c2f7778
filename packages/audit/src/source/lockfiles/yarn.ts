/** yarn.lock, classic and berry: blocks keyed by `name@range, name@range`. */
import { childOf, parseBlocks, type Block } from './blocks.ts'
import { exactVersion, type Lockfile } from './lockfile.ts'
import { compareVersions } from '../version.ts'

export function parseYarnLock(text: string): Lockfile | undefined {
  const byRequest = new Map<string, string>()
  const lowest = new Map<string, string>()
  const asked = new Map<string, readonly Block[]>()
  for (const block of parseBlocks(text)) {
    const version = exactVersion(childOf(block.children, 'version')?.value ?? '')
    if (!version) continue
    for (const request of block.key.replaceAll('"', '').split(/,\s*/)) {
      const { name, range } = splitRequest(request)
      byRequest.set(`${name}@${range}`, version)
      asked.set(name, childOf(block.children, 'dependencies')?.children ?? [])
      const known = lowest.get(name)
      if (known === undefined || compareVersions(version, known) < 0) lowest.set(name, version)
    }
  }
  if (byRequest.size === 0) return undefined
  const version: Lockfile['version'] = (name, _dir, range) =>
    byRequest.get(`${name}@${range ?? ''}`) ?? lowest.get(name)
  return {
    version,
    versionWithin: (outer, name, dir) =>
      version(name, dir, childOf(asked.get(outer) ?? [], name)?.value.replace(/^npm:(?!.*@)/, '')),
  }
}

/** `@scope/name@npm:^1.0.0` is a request for `@scope/name` in the range `^1.0.0`. */
function splitRequest(request: string): { readonly name: string; readonly range: string } {
  const at = request.indexOf('@', 1)
  if (at === -1) return { name: request, range: '' }
  return { name: request.slice(0, at), range: request.slice(at + 1).replace(/^npm:(?!.*@)/, '') }
}
