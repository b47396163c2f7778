/** A request to a controller of NestJS: middleware, guards and decorators of parameters see one and the same exchange. */
import type { Call } from './calls.ts'
import { call_ } from './calls.ts'
import { givesEvents } from './controllers.ts'
import { runGuards } from './guards.ts'
import type { Node } from './ast.ts'
import type { RouteFact } from './events.ts'
import type { Site } from './heap.ts'
import { ClassObject, InstanceObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { noteBeside } from './models/beside.ts'
import { noteAnswer } from './models/http.ts'
import type { ExchangeParts } from './models/nest.ts'
import { type Layer, consumer, layersBefore } from './models/nest-layers.ts'
import type { Module } from './modules.ts'
import { getProperty } from './properties.ts'
import { noteReplayed } from './replays.ts'
import { furnished, runLayers } from './routes.ts'
import { State } from './state.ts'
import { noteOpened } from './streams.ts'
import { methodOf, sharedInstance } from './types.ts'
import type { Value } from './value.ts'
import { object, primitive } from './value.ts'

/** A method of a controller that serves a route. */
interface Serving {
  readonly of: ClassObject
  readonly member: Node
  readonly route: RouteFact
}

/** What a request to a method of a controller brings, before anything has seen it. */
export function exchangeAt(machine: Machine, site: Site): ExchangeParts {
  return { request: furnished(machine, machine.library('request', site)), response: machine.library('response', site) }
}

/** What a request passes before a method of a controller is called: middleware, then guards. */
export function runBefore(
  machine: Machine,
  { of, member, route }: Serving,
  exchange: ExchangeParts,
  site: Site,
  state: State,
): void {
  const app = machine.readyMade.get('nest-server')
  const own = (app?.data['layers'] ?? []) as readonly Value[]
  const layers = [...own, ...layersBefore(machine, of, route).map((layer) => middlewareOf(machine, layer, site, state))]
  if (layers.length > 0)
    runLayers(machine, { app: app ?? machine.library('http-server', site), layers, exchange }, site, state)
  if (!state.dead) runGuards(machine, of, member, site, state, exchange)
}

/** What a method of a controller gives back, be it one answer or a stream of events. */
export function noteAnswerOf(machine: Machine, { of, member, route }: Serving, call: Call, state: State): void {
  noteAnswer(machine, call, state)
  if (!givesEvents(of, member)) return
  noteReplayed(machine, { ...call, site: route.site }, state)
  noteOpened(machine, object(machine.library('stream', route.site)), route.site, state)
}

/** A function as it is, or the method `use` of a class. */
function middlewareOf(machine: Machine, { handler }: Layer, site: Site, state: State): Value {
  const classes = handler.objects.filter((item) => item instanceof ClassObject)
  const instances = [
    ...classes.map((item) => sharedInstance(machine, item)),
    ...handler.objects.filter((item) => item instanceof InstanceObject),
  ]
  if (instances.length === 0) return handler
  return getProperty(machine, object(...instances), primitive('use'), site, state)
}

/** What the framework finds by decorators or is told by modules: which middleware stands where, what is called beside handlers. */
export function registerNest(machine: Machine): void {
  for (const module of machine.modules.values())
    if (module.started && module.file.text.includes('@nestjs/common'))
      for (const of of classesIn(module)) registerParts(machine, of)
}

function classesIn({ env, exports, file }: Module): ReadonlySet<ClassObject> {
  const cells = [...env.ownCells(), ...exports.values()]
  return new Set(
    cells.flatMap(({ value }) =>
      value.objects.filter((item): item is ClassObject => item instanceof ClassObject && item.env.file === file),
    ),
  )
}

/** Methods by which the framework calls filters, interceptors and middleware, and what it gives them. */
const BESIDE = {
  catch: ['error', 'nest-context'],
  intercept: ['nest-context', 'nest-next'],
  use: ['request', 'response', 'next'],
} as const

function registerParts(machine: Machine, of: ClassObject): void {
  if (of.methods.has('configure')) configure(machine, of)
  if (((of.node['decorators'] ?? []) as Node[]).length === 0) return
  for (const [name, given] of Object.entries(BESIDE)) {
    if (!of.methods.has(name)) continue
    const self = object(of.made ?? sharedInstance(machine, of))
    const method = methodOf(machine, self, name, of.site)
    noteBeside(machine, method, given, self)
  }
}

/** `configure(consumer) { consumer.apply(…).forRoutes(…) }` of a module. */
function configure(machine: Machine, of: ClassObject): void {
  const self = object(sharedInstance(machine, of))
  const state = State.beginning()
  const method = getProperty(machine, self, primitive('configure'), of.site, state)
  const call: Call = { site: of.site, args: [consumer(machine, of.site)], argSites: [], self, env: of.env }
  machine.root({ trigger: 'startup', activation: 0 }, () =>
    machine.guarded('a module', () => call_(machine, method, call, state)),
  )
}
