/** Licence texts of the libraries that the bundle contains, as their licences ask. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One section for every package under node_modules that a bundled module comes from. */
export function renderNotices(root: string, moduleIds: readonly string[]): string {
  const names = new Set(moduleIds.flatMap((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []))
  const sections = [...names].toSorted().map((name) => renderNotice(name, join(root, 'node_modules', name)))
  return ['This package contains code of the following packages.', ...sections].join('\n\n')
}

function renderNotice(name: string, folder: string): string {
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  if (file === undefined) throw new Error(`${name} ships no licence text, so it cannot be bundled`)
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
}
