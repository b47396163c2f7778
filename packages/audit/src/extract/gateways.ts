/** Gateways of NestJS: classes whose methods are called for connections and for what comes over them. */
import type { Call } from './calls.ts'
import { call_ } from './calls.ts'
import type { Node } from './ast.ts'
import { evaluate } from './expressions.ts'
import { runGuards } from './guards.ts'
import type { HeapObject } from './heap.ts'
import { ClassObject, ExternalObject, isFunction } from './heap.ts'
import type { Machine } from './machine.ts'
import { listenToMessages, noteSocket } from './messages.ts'
import { registerRoute } from './models/routing.ts'
import { guardOf } from './models/socket-io.ts'
import { getProperty } from './properties.ts'
import { State } from './state.ts'
import { sharedInstance } from './types.ts'
import type { Value } from './value.ts'
import { UNDEFINED, object, primitive } from './value.ts'

const GATEWAY = '@nestjs/websockets#WebSocketGateway'
const SUBSCRIBES = '@nestjs/websockets#SubscribeMessage'

/** Registers the gateways of started modules: the framework finds them by their decorators. */
export function registerGateways(machine: Machine): void {
  for (const module of machine.modules.values()) {
    if (!module.started || !module.file.text.includes('WebSocketGateway')) continue
    const cells = [...module.env.ownCells(), ...module.exports.values()]
    for (const of of new Set(cells.flatMap(({ value }) => value.objects.filter(isClass)))) registerGateway(machine, of)
  }
}

function isClass(item: HeapObject): item is ClassObject {
  return item instanceof ClassObject
}

function registerGateway(machine: Machine, of: ClassObject): void {
  const decorator = decoratedBy(of, of.node, GATEWAY)
  if (decorator === undefined) return
  const site = machine.site(of.env.file, of.node)
  const call: Call = { site, args: [], argSites: [], self: UNDEFINED, env: of.env }
  const given = ((decorator['arguments'] ?? []) as Node[]).at(-1)
  const options = given && evaluate(machine, given, State.beginning(), of.env)
  const guard = object(machine.library('middleware', site, { facts: [], run: guardOf(machine, options, call) }))
  const serve = object(
    machine.library('nest-gateway', site, {
      run: (args: readonly Value[], state: State) => connect(machine, of, { ...call, args }, state),
    }),
  )
  const app = machine.readyMade.get('nest-server') ?? machine.library('http-server', site, { tls: false })
  const route = { verb: 'GET', path: '*', handlers: [guard, serve], layer: false, flavour: 'socket-io' } as const
  registerRoute(machine, app, route, call, State.beginning())
}

/** `handleConnection(client)` first, then whatever subscribes to a message. */
function connect(machine: Machine, of: ClassObject, call: Call, state: State): void {
  const instance = object(sharedInstance(machine, of))
  const method = (name: string): Value => getProperty(machine, instance, primitive(name), call.site, state)
  const greets = method('handleConnection')
  if (isFunction(greets)) call_(machine, greets, { ...call, self: instance }, state)
  if (state.dead) return
  for (const [name, member] of of.methods) {
    if (decoratedBy(of, member, SUBSCRIBES) === undefined) continue
    const site = machine.site(of.env.file, member)
    state.aside((fork) => {
      runGuards(machine, of, member, site, fork)
      if (!fork.dead) listenToMessages(machine, method(name), { ...call, site }, fork)
    })
  }
  noteSocket(machine, call.site, state, false)
}

/** The call of a decorator of this path. */
function decoratedBy(of: ClassObject, node: Node, path: string): Node | undefined {
  return ((node['decorators'] ?? []) as Node[])
    .map((decorator) => decorator['expression'] as Node)
    .find((expression) => {
      const callee = expression['callee'] as Node | undefined
      const found = callee?.type === 'Identifier' ? of.env.find(String(callee['name']))?.value.objects : undefined
      return found?.some((item) => item instanceof ExternalObject && item.path === path)
    })
}
