/** What web frameworks have every request pass before a page or an endpoint: `hooks.server.ts` of SvelteKit, `middleware.ts` of Astro. */
import type { Call } from './calls.ts'
import { FunctionObject, type LibraryObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { flat } from './models/express.ts'
import { registerRoute } from './models/routing.ts'
import type { Module } from './modules.ts'
import { State } from './state.ts'
import { UNDEFINED, object } from './value.ts'

/** Where such a file lies within its program, and what it exports. */
const HOOKS: readonly { readonly file: RegExp; readonly name: string; readonly asks: RegExp }[] = [
  { file: /^((?:.*\/)?)hooks\.server(?:\/index)?\.[cm]?[jt]s$/, name: 'handle', asks: /\bresolve\b/ },
  { file: /^((?:.*\/)?)middleware(?:\/index)?\.[cm]?[jt]s$/, name: 'onRequest', asks: /\bnext\b|astro/ },
]

/** Whether a file is one that a framework looks for, by where it lies and by what it exports. */
export function isPageHook({ path, text }: { readonly path: string; readonly text: string }): boolean {
  return HOOKS.some(({ file, name, asks }) => file.test(path) && text.includes(name) && asks.test(text))
}

/** Registers the hooks of started modules; gives the app whose endpoints stand behind them, for a file beside or below: the nearest. */
export function registerPageHooks(machine: Machine): (path: string) => LibraryObject | undefined {
  const apps: { readonly folder: string; readonly app: LibraryObject }[] = []
  for (const module of machine.modules.values()) {
    if (!module.started) continue
    for (const { file, name, asks } of HOOKS) {
      const folder = file.exec(module.file.path)?.[1]
      if (folder !== undefined && asks.test(module.file.text)) {
        const app = registerHook(machine, module, name)
        if (app !== undefined) apps.push({ folder, app })
      }
    }
  }
  const nearest = apps.toSorted((a, b) => b.folder.length - a.folder.length)
  return (path) => nearest.find(({ folder }) => path.startsWith(folder))?.app
}

function registerHook(machine: Machine, module: Module, name: string): LibraryObject | undefined {
  const exported = module.exports.get(name)?.value
  const hooks = exported === undefined ? [] : flat([exported])
  const [first] = hooks.flatMap(({ objects }) => objects)
  if (first === undefined) return undefined
  const app = machine.library('http-server', first.site, { tls: false })
  for (const handler of hooks) {
    const site = handler.objects.find((item) => item instanceof FunctionObject)?.site ?? first.site
    const call: Call = { site, args: [], argSites: [], self: UNDEFINED, env: module.env }
    const handlers = name === 'handle' ? [object(machine.library('hook', site, { code: handler }))] : [handler]
    registerRoute(
      machine,
      app,
      { verb: '*', path: '/', handlers, layer: true, flavour: 'fetch' },
      call,
      State.beginning(),
    )
  }
  return app
}
