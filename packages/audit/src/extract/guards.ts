/** Guards of NestJS: what has to let a request pass before a method of a controller is called. */
import type { Node } from './ast.ts'
import { invoke } from './invoke.ts'
import { assume } from './conditions.ts'
import { evaluate } from './expressions.ts'
import type { Site } from './heap.ts'
import { ClassObject, FunctionObject, InstanceObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { Decorated } from './models/nest.ts'
import type { ExchangeParts } from './models/nest.ts'
import { asksNobody, decoratedBy, executionContext, globalGuards, isPassportGuard } from './models/nest.ts'
import { getProperty } from './properties.ts'
import type { State } from './state.ts'
import { VERIFIED } from './state.ts'
import { sharedInstance } from './types.ts'
import type { Value } from './value.ts'
import { NEVER, object, primitive, truthiness } from './value.ts'

/** Runs the guards before a method, those of the whole app first. */
export function runGuards(
  machine: Machine,
  of: ClassObject,
  member: Node,
  site: Site,
  state: State,
  exchange?: ExchangeParts,
): void {
  const decorated = decoratedBy([
    ...decoratorsOf(machine, of, of.node, state),
    ...decoratorsOf(machine, of, member, state),
  ])
  const context = contextOf(machine, decorated, site, exchange)
  for (const guard of [...globalGuards(machine), ...decorated.guards])
    if (!state.dead) runGuard(machine, guard, context, site, state)
}

/** What stands before a controller that is a library's own: the guards of the whole app, and those that it is given. */
export function runOwnGuards(
  machine: Machine,
  guards: readonly Value[],
  site: Site,
  state: State,
  exchange: ExchangeParts | undefined,
): void {
  const context = object(executionContext(machine, site, exchange))
  for (const guard of guards) if (!state.dead) runGuard(machine, guard, context, site, state)
}

function decoratorsOf(machine: Machine, of: ClassObject, node: Node, state: State): readonly Value[] {
  return ((node['decorators'] ?? []) as Node[]).map((decorator) =>
    state.aside((fork) => evaluate(machine, decorator['expression'] as Node, fork, of.env)),
  )
}

function contextOf(machine: Machine, { metadata }: Decorated, site: Site, exchange?: ExchangeParts): Value {
  const handler = object(machine.library('nest-handler', site, { metadata }))
  return object(executionContext(machine, site, exchange, handler))
}

function runGuard(machine: Machine, guard: Value, context: Value, site: Site, state: State): void {
  if (asksNobody(guard)) return
  let isKnown = guard.objects.length > 0
  for (const item of guard.objects) {
    if (isPassportGuard(item)) state.learn(VERIFIED)
    else if (item instanceof ClassObject) passGuard(machine, sharedInstance(machine, item), context, site, state)
    else if (item instanceof InstanceObject) passGuard(machine, item, context, site, state)
    else isKnown = false
  }
  if (!isKnown) state.note('opaque-middleware')
}

/** `canActivate` lets pass by what is true, and refuses by what is false or thrown. */
function passGuard(machine: Machine, instance: InstanceObject, context: Value, site: Site, state: State): void {
  const method = getProperty(machine, object(instance), primitive('canActivate'), site, state)
  const fn = method.objects.find((item): item is FunctionObject => item instanceof FunctionObject)
  if (fn === undefined) {
    if (instance.base?.type === 'nest-guard') state.learn(VERIFIED)
    else state.note('opaque-middleware')
    return
  }
  const result = invoke(machine, fn, object(instance), [context], state, ({ value }) => truthiness(value).canBeTrue)
  if (state.dead || result === NEVER) return
  assume(machine, state, result)
  // What it asks of code that we do not see may be who the caller is.
  if (result.open && !state.holds('auth')) state.note('opaque-middleware')
}
