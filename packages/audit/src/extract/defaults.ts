/** What the program does when nothing is set: start-up once more, without the settings that decided an address. */
import { NEVER, join, strings } from './value.ts'
import { eventsOf } from './collect/collect.ts'
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
  const undecided = eventsOf(machine, 'listen').filter(({ host }) => host !== undefined && strings(host).length > 1)
  if (undecided.length === 0) return
  const bare = new Machine(machine.tree, machine.resolve, machine.declared)
  bare.settings = 'unset'
  for (const tag of machine.requiredEnv) bare.requiredEnv.add(tag)
  for (const { file, program } of machine.modules.values())
    bare.modules.set(file.path, createModule(bare, file, program))
  bare.guarded('the start-up', () => {
    for (const { file } of serving) runModule(bare, bare.modules.get(file.path) as Module)
  })
  if (bare.exhausted) return
  for (const { site, host = NEVER } of eventsOf(bare, 'listen')) {
    const known = machine.defaultHosts.get(siteKey(site)) ?? NEVER
    if (host !== NEVER) machine.defaultHosts.set(siteKey(site), join(known, host))
  }
}
