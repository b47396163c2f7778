/** What the program does when nothing is set: start-up once more, without the settings that decided an address. */
import type { Value } from './value.ts'
import { NEVER, join, strings } from './value.ts'
import { eventsOf } from './collect/collect.ts'
import type { Site } from './heap.ts'
import { siteKey } from './heap.ts'
import { Machine } from './machine.ts'
import type { Module } from './modules.ts'
import { createModule } from './modules.ts'
import { runModule } from './statements.ts'

/**
 * Where the server may listen at several addresses, which of them it is by default. A setting that lets others in when
 * it is given is somebody's decision; what everybody gets who decides nothing is what is judged.
 */
export function followDefaults(machine: Machine, serving: readonly Module[]): void {
  const listens = eventsOf(machine, 'listen')
  const undecided = listens.filter(({ host = NEVER, site }) => {
    const atOnePlace = listens.filter((other) => siteKey(other.site) === siteKey(site))
    return isUndecided(host, site, atOnePlace.length === 1)
  })
  if (undecided.length === 0) return
  const bare = new Machine(machine.tree, machine.resolve, machine.declared)
  bare.settings = 'unset'
  for (const tag of machine.requiredEnv) bare.requiredEnv.add(tag)
  for (const { file, tree } of machine.modules.values()) bare.modules.set(file.path, createModule(bare, file, tree))
  bare.guarded('the start-up', () => {
    for (const { file } of serving) runModule(bare, bare.modules.get(file.path) as Module)
  })
  if (bare.exhausted) return
  const asked = new Set(undecided.map(({ site }) => siteKey(site)))
  for (const { site, host = NEVER } of eventsOf(bare, 'listen')) {
    if (!asked.has(siteKey(site))) continue
    const known = machine.defaultHosts.get(siteKey(site)) ?? NEVER
    if (host !== NEVER) machine.defaultHosts.set(siteKey(site), join(known, host))
  }
}

/** It may be several, or is one for all to reach that stands elsewhere: what stands there may only hold where a setting says so. */
function isUndecided(host: Value, { file, start, end }: Site, isOnce: boolean): boolean {
  const [only, ...others] = strings(host)
  if (only === undefined || others.length > 0) return others.length > 0
  return isOnce && EVERY_ADDRESS.test(only) && !file.text.slice(start, end).includes(only)
}

const EVERY_ADDRESS = /^(?:0\.0\.0\.0|::)$/
