/** Middleware of NestJS: `consumer.apply(…).forRoutes(…)` of a module says before which routes it stands. */
import type { RouteFact } from '../events.ts'
import type { ClassObject, Site } from '../heap.ts'
import { ExternalObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { Value } from '../value.ts'
import { object, strings } from '../value.ts'
import { flat } from './express.ts'
import type { MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'

/** Middleware that a module puts before some of the routes. */
export interface Layer {
  readonly handler: Value
  readonly routes: readonly Value[]
  readonly except: readonly Value[]
}

const LAYERS = 'nest-layers'

/** What a module is given to say which middleware stands where. */
export function consumer(machine: Machine, site: Site): Value {
  return object(machine.library('nest-consumer', site))
}

const apply: MethodHandler = (machine, _target, call) =>
  object(machine.library(LAYERS, call.site, { handlers: flat(call.args), except: [] }))

const exclude: MethodHandler = (_machine, target, call) => {
  target.data['except'] = [...(target.data['except'] as readonly Value[]), ...flat(call.args)]
  return object(target)
}

const forRoutes: MethodHandler = (machine, target, call) => {
  const known = machine.readyMade.get(LAYERS) ?? machine.library(LAYERS, call.site, { all: [] })
  machine.readyMade.set(LAYERS, known)
  const { handlers, except } = target.data as Record<'handlers' | 'except', readonly Value[]>
  for (const handler of handlers) (known.data['all'] as Layer[]).push({ handler, routes: flat(call.args), except })
  return object(machine.library('nest-consumer', call.site))
}

/** The middleware that modules put before this route. */
export function layersBefore(machine: Machine, of: ClassObject, route: RouteFact): readonly Layer[] {
  const all = (machine.readyMade.get(LAYERS)?.data['all'] ?? []) as readonly Layer[]
  return all.filter(
    ({ routes, except }) =>
      routes.some((each) => covers(each, of, route, true)) && !except.some((each) => covers(each, of, route, false)),
  )
}

/** `'mcp'`, `{ path: 'mcp/*', method: RequestMethod.POST }`, or the controller itself. */
function covers(named: Value, of: ClassObject, { verb, path }: RouteFact, unless: boolean): boolean {
  if (named.objects.includes(of)) return true
  const paths = strings(optionOf(named, 'path') ?? named)
  if (paths.length === 0) return unless && named.objects.every(({ kind }) => kind !== 'class')
  const method = optionOf(named, 'method')
    ?.objects.find((item) => item instanceof ExternalObject)
    ?.path.split('.')
    .at(-1)
  const isOfVerb = method === undefined || method === 'ALL' || verb === '*' || method === verb
  return isOfVerb && paths.some((text) => coversPath(text, path))
}

function coversPath(text: string, path: string): boolean {
  const pattern = text.replace(/^\/?/, '/')
  const prefix = pattern.replace(/\/?(?:\{?\*\w*\}?|\(\.\*\))$/, '')
  if (prefix !== pattern) return prefix === '' || path === prefix || path.startsWith(`${prefix}/`)
  return path.replace(/\/$/, '') === pattern.replace(/\/$/, '')
}

export const nestLayers: Model = { methods: { 'nest-consumer': { apply }, [LAYERS]: { exclude, forRoutes } } }
