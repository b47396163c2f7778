/** Source → facts and gaps. */
import type { ServerFacts } from '../facts/facts.ts'
import type { Gap, Surface } from '../finding/finding.ts'
import type { OnProgress } from '../progress.ts'
import type { SourceTree } from '../source/tree.ts'
import { collectFacts, distinct } from './collect/collect.ts'
import { followDefaults } from './defaults.ts'
import type { Declared } from './declared.ts'
import type { Deferred } from './machine.ts'
import { Machine } from './machine.ts'
import { createModule } from './modules.ts'
import { generatedServers } from './generators.ts'
import { unseenServers } from './unseen-servers.ts'
import { parse } from './parse.ts'
import { createResolver } from './resolve.ts'
import { runBeside } from './beside.ts'
import { runFragments } from './fragments.ts'
import { registerLoginHelpers } from './login-helpers.ts'
import { registerGateways } from './gateways.ts'
import { registerHosted } from './hosted.ts'
import { registerNest } from './nest-requests.ts'
import { runPasswordChanges } from './password-changes.ts'
import { runUnreached } from './roots.ts'
import { runDeferred, runRoutes, runTools } from './routes.ts'
import { runSessionModules } from './session-modules.ts'
import { runModule } from './statements.ts'
import { SERVING, servingModules } from './serving.ts'
import { registerTaskStores } from './task-stores.ts'
import { registerXmcp } from './xmcp.ts'

export interface ExtractOptions {
  /** Kinds of files that are followed; runtime code, examples and scripts if absent. */
  readonly surfaces?: ReadonlySet<Surface>
  readonly declared?: Declared
  readonly onProgress?: OnProgress
}

const SERVED: ReadonlySet<Surface> = new Set(['runtime', 'example', 'script'])

/** Reads what the tree says. Never throws for what it reads: what cannot be followed is a gap. */
export function extract(
  tree: SourceTree,
  options: ExtractOptions = {},
): { readonly facts: ServerFacts; readonly gaps: readonly Gap[] } {
  const machine = new Machine(tree, createResolver(tree), options.declared)
  loadModules(machine, tree, options)
  const serving = servingModules(machine)
  machine.guarded('the start-up', () => {
    for (const [done, module] of serving.entries()) {
      options.onProgress?.({ phase: 'following', done, total: serving.length })
      runModule(machine, module)
    }
  })
  registerHosted(machine)
  registerNest(machine)
  registerGateways(machine)
  registerTaskStores(machine)
  registerXmcp(machine)
  const timers = [...machine.deferred]
  machine.guarded('the timers', () => runStartupTimers(machine, timers))
  // The first pass fills stores; the second sees in look-ups what is stored, and only its events count for requests.
  const startup = machine.events.length
  machine.guarded('the requests', () => {
    runRoutes(machine)
    runBeside(machine)
    const known = machine.routes.length
    registerLoginHelpers(machine)
    runUnreached(machine)
    runRoutes(machine, known)
    runSessionModules(machine)
    runTools(machine)
  })
  const settled = machine.events.filter((event, index) => index < startup || event.context.activation === 0)
  machine.events.length = 0
  machine.events.push(...settled)
  machine.summaries.forget()
  machine.firstUses.forget()
  machine.guarded('the timers', () => runStartupTimers(machine, timers))
  const reached = new Set(machine.reached)
  machine.spent = 0
  machine.guarded('the requests', () => {
    machine.reached.clear()
    machine.served.clear()
    machine.sessionReads.clear()
    runRoutes(machine)
    runBeside(machine)
    // As requests have registered them: what nobody calls would register them anew, with objects that no request has touched.
    runTools(machine)
    runUnreached(machine)
    runSessionModules(machine)
  })
  machine.spent = 0
  machine.guarded('pieces of a server', () => runFragments(machine, reached))
  machine.guarded('new passwords', () => runPasswordChanges(machine))
  machine.guarded('the defaults', () => followDefaults(machine, serving))
  const facts = collectFacts(machine)
  const gaps = [...machine.gaps, ...generatedServers(machine), ...unseenServers(machine, facts)]
  return { facts, gaps: distinct(gaps, gapKey) }
}

/** Requests are followed twice; what cannot be followed is said once. */
function gapKey({ path, reason, location }: Gap): string {
  return `${path}:${location?.startLine ?? 0}:${reason}`
}

function runStartupTimers(machine: Machine, timers: readonly Deferred[]): void {
  machine.deferred = [...timers]
  machine.root({ trigger: 'startup', activation: 0 }, () => {
    runDeferred(machine)
    if (machine.exhausted)
      machine.gaps.push({ path: '.', reason: 'The timers are too large to follow to their end.', total: true })
  })
}

function loadModules(machine: Machine, tree: SourceTree, { surfaces = SERVED, onProgress }: ExtractOptions): void {
  for (const [done, file] of tree.files.entries()) {
    onProgress?.({ phase: 'parsing', done, total: tree.files.length })
    if (!surfaces.has(file.surface)) continue
    const parsed = parse(file)
    if (parsed.gap !== undefined)
      machine.gaps.push(SERVING.test(file.text) ? { ...parsed.gap, total: true } : parsed.gap)
    if (parsed.tree !== undefined) machine.modules.set(file.path, createModule(machine, file, parsed.tree))
  }
}
