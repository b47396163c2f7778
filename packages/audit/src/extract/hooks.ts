/** Code that frameworks run before handlers and that is given something else than these, or gives something to them. */
import { FunctionObject, LibraryObject } from './heap.ts'
import { invoke } from './invoke.ts'
import type { Machine, Route } from './machine.ts'
import { part } from './models/requests.ts'
import { ANSWERS, type Exchange, runOwnMiddleware } from './routes.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { UNDEFINED, object, primitive } from './value.ts'

/** `handle({ event, resolve })` of SvelteKit; `derive(…)` of Elysia, which gives what the context has from then on. */
export function runHook(
  machine: Machine,
  { site, data }: LibraryObject,
  next: LibraryObject,
  route: Route,
  exchange: Exchange,
  state: State,
): void {
  if (data['adds'] !== undefined) addTo(exchange.request, data['adds'] as Value)
  if (data['param'] !== undefined)
    return runForParameter(machine, data['code'] as Value, String(data['param']), next, route, exchange, state)
  const given = machine.allocate('object', site)
  given.property('event').write(object(exchange.request))
  given.property('resolve').write(object(next))
  const hooked: Exchange = { request: exchange.request, args: () => [object(given)] }
  for (const fn of (data['code'] as Value).objects) {
    if (!(fn instanceof FunctionObject)) continue
    if (data['derives'] === true) runDerivation(machine, fn, next, exchange, state)
    else runOwnMiddleware(machine, fn, next, route, hooked, state)
  }
}

/** `router.param(name, (req, res, next, value) => …)`, of a route that has such a part. */
function runForParameter(
  machine: Machine,
  code: Value,
  name: string,
  next: LibraryObject,
  route: Route,
  exchange: Exchange,
  state: State,
): void {
  if (![...route.path.matchAll(/:(\w+)/g)].some(([, each]) => each === name)) return
  const value = part('param', primitive(name))
  const own: Exchange = { request: exchange.request, args: (given) => [...exchange.args(given), value] }
  for (const fn of code.objects)
    if (fn instanceof FunctionObject) runOwnMiddleware(machine, fn, next, route, own, state)
}

function runDerivation(
  machine: Machine,
  fn: FunctionObject,
  next: LibraryObject,
  exchange: Exchange,
  state: State,
): void {
  const fork = state.fork()
  invoke(machine, fn, UNDEFINED, exchange.args(next), fork, (exit) => {
    const isAnswer = exit.value.objects.some((item) => item instanceof LibraryObject && ANSWERS.has(item.type))
    if (!isAnswer) addTo(exchange.request, exit.value)
    return !isAnswer
  })
  state.merge([fork])
}

function addTo(request: LibraryObject, { objects }: Value): void {
  for (const { kind, properties } of objects)
    if (kind === 'object') for (const [name, { value }] of properties) request.property(name).write(value)
}
