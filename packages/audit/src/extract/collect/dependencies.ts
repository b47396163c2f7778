/** Which packages the running code imports, and in which versions. */
import type { DependencyFact } from '../../facts/facts.ts'
import { createPinnedAt } from '../../source/pinned.ts'
import type { Machine } from '../machine.ts'
import { distinct } from './collect.ts'

const IMPORTS = /(?:\bfrom|\bimport|\brequire\()\s*\(?\s*['"]((?:@[\w.-]+\/)?[\w-][\w.-]*)(?:\/[^'"\n]*)?['"]/g

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
  const facts = distinct(imports, ({ name, dir }) => `${dir}:${name}`).flatMap(({ file, name, start, end, dir }) => {
    const found = own.has(name) ? undefined : machine.tree.versionOf(name, file.path)
    if (found === undefined || (found.from !== 'locked' && found.below === undefined)) return []
    const { version } = found
    const below = found.from === 'locked' ? undefined : found.below
    return [
      {
        name,
        version,
        at: file.locate(start, end),
        get pinned() {
          return pinnedAt(name, version, dir)
        },
        ...(below && { below }),
      },
    ]
  })
  return distinct(facts, ({ name, version }) => `${name}@${version}`)
}
