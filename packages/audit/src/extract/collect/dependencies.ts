/** Which packages the running code imports, and in which versions. */
import type { DependencyFact } from '../../facts/facts.ts'
import type { Location } from '../../finding/finding.ts'
import { createPinnedAt } from '../../source/pinned.ts'
import type { Machine } from '../machine.ts'
import { distinct } from './collect.ts'

const IMPORTS = /(?:\bfrom|\bimport|\brequire\()\s*\(?\s*['"]((?:@[\w.-]+\/)?[\w-][\w.-]*)(?:\/[^'"\n]*)?['"]/g

/** Packages that are another under an older name: what is imported is what they depend on. */
const OTHER_NAMES: Readonly<Record<string, string>> = { '@vercel/mcp-adapter': 'mcp-handler' }

export function collectDependencies(machine: Machine): readonly DependencyFact[] {
  const started = [...machine.modules.values()].filter((module) => module.started)
  const imports = started.flatMap(({ file }) =>
    [...file.text.matchAll(IMPORTS)].map((match) => {
      const end = match.index + match[0].replace(/['"]$/, '').length
      const start = match.index + match[0].search(/['"]/) + 1
      return { file, name: match[1]!, start, end, dir: machine.tree.packageOf(file.path)?.dir ?? '' }
    }),
  )
  const pinnedAt = createPinnedAt(machine.tree)
  const own = new Set(machine.tree.packages.map(({ name }) => name))
  const factOf = (name: string, version: string, at: Location, dir: string, below?: string): DependencyFact => ({
    name,
    version,
    at,
    get pinned() {
      return pinnedAt(name, version, dir)
    },
    ...(below && { below }),
  })
  const facts = distinct(imports, ({ name, dir }) => `${dir}:${name}`).flatMap(({ file, name, start, end, dir }) => {
    const at = file.locate(start, end)
    const other = OTHER_NAMES[name]
    const within = other === undefined ? undefined : machine.tree.versionWithin(name, other, file.path)
    const inner = other === undefined || within === undefined ? [] : [factOf(other, within, at, dir)]
    const found = own.has(name) ? undefined : machine.tree.versionOf(name, file.path)
    if (found === undefined || (found.from !== 'locked' && found.below === undefined)) return inner
    return [factOf(name, found.version, at, dir, found.from === 'locked' ? undefined : found.below), ...inner]
  })
  return distinct(facts, ({ name, version }) => `${name}@${version}`)
}
