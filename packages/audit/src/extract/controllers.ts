/** Controllers of NestJS: what their decorators say of the routes they serve and of what their methods are given. */
import type { Node } from './ast.ts'
import { call_ } from './calls.ts'
import { evaluate } from './expressions.ts'
import { bare } from './ast.ts'
import type { RouteFact } from './events.ts'
import type { ClassObject, Environment, Site } from './heap.ts'
import { ExternalObject, LibraryObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { ExchangeParts } from './models/nest.ts'
import { executionContext } from './models/nest.ts'
import { bag, part } from './models/requests.ts'
import { State } from './state.ts'
import type { Value } from './value.ts'
import { UNDEFINED, object, primitive } from './value.ts'

const VERBS: ReadonlyMap<string, string> = new Map([
  ['Get', 'GET'],
  ['Sse', 'GET'],
  ['Post', 'POST'],
  ['Put', 'PUT'],
  ['Patch', 'PATCH'],
  ['Delete', 'DELETE'],
  ['Options', 'OPTIONS'],
  ['Head', 'HEAD'],
  ['All', '*'],
])

/** What decorators of parameters stand for: a part of the request, or one of the objects of the exchange. */
const PARTS: ReadonlyMap<string, string> = new Map([
  ['Body', 'body'],
  ['Query', 'query'],
  ['Param', 'param'],
  ['Headers', 'header'],
])
const OBJECTS: ReadonlyMap<string, string> = new Map([
  ['Req', 'request'],
  ['Request', 'request'],
  ['Res', 'response'],
  ['Response', 'response'],
  ['Next', 'next'],
])

/** The route that a method of a controller serves, or undefined where it serves none. */
export function controllerRoute(machine: Machine, of: ClassObject, member: Node): RouteFact | undefined {
  const prefix = decoratorsOf(of.node, of.env).find(({ name }) => name === 'Controller')
  if (prefix === undefined) return undefined
  for (const { name, text } of decoratorsOf(member, of.env)) {
    const verb = VERBS.get(name)
    const path = `/${[prefix.text, text].filter((item) => item !== undefined && item !== '').join('/')}`
    const app = machine.readyMade.get('nest-server')?.site
    if (verb !== undefined)
      return { site: machine.site(of.env.file, member), verb, path, ...(app === undefined ? {} : { app }) }
  }
  return undefined
}

/** A class that answers requests, whatever makes it. */
export function isController({ node, env }: ClassObject): boolean {
  return decoratorsOf(node, env).some(({ name }) => name === 'Controller')
}

/** `@Sse()`: what the method gives back is a stream of events. */
export function givesEvents(of: ClassObject, member: Node): boolean {
  return decoratorsOf(member, of.env).some(({ name }) => name === 'Sse')
}

/** What a parameter is given that says by its decorator what it wants of the request. */
export function decoratedArgument(
  machine: Machine,
  param: Node,
  env: Environment,
  site: Site,
  exchange?: ExchangeParts,
): Value | undefined {
  for (const { name, text } of decoratorsOf(param, env)) {
    const origin = PARTS.get(name)
    if (origin !== undefined) return text === undefined ? bag(machine, origin, site) : part(origin, primitive(text))
    if (name === 'Session') return exchange?.request.properties.get('session')?.value
    const type = OBJECTS.get(name)
    if (type !== undefined) return object(partOf(exchange, type) ?? machine.library(type, site))
  }
  return ownDecoration(machine, param, env, site, exchange)
}

function partOf(exchange: ExchangeParts | undefined, type: string): LibraryObject | undefined {
  return type === 'request' ? exchange?.request : type === 'response' ? exchange?.response : undefined
}

/** `@Caller()` by `createParamDecorator((data, context) => …)`: what that takes out of the request. */
function ownDecoration(
  machine: Machine,
  param: Node,
  env: Environment,
  site: Site,
  exchange: ExchangeParts | undefined,
): Value | undefined {
  for (const decorator of (param['decorators'] ?? []) as Node[]) {
    const state = State.beginning()
    const made = evaluate(machine, decorator['expression'] as Node, state, env)
    const own = made.objects.find((item) => item instanceof LibraryObject && item.type === 'nest-parameter')
    if (!(own instanceof LibraryObject)) continue
    const { factory, given } = own.data as Record<'factory' | 'given', Value>
    const args = [given, object(executionContext(machine, site, exchange))]
    return call_(machine, factory, { site, args, argSites: [], self: UNDEFINED, env }, state)
  }
  return undefined
}

interface Decorator {
  readonly name: string
  /** Its first argument, where that is text. */
  readonly text: string | undefined
}

/** The decorators of the framework: `@Post('mcp')` is `Post` and `mcp`. */
function decoratorsOf(node: Node, env: Environment): readonly Decorator[] {
  return ((node['decorators'] ?? []) as Node[]).flatMap((decorator) => {
    const expression = decorator['expression'] as Node
    const callee = (expression['callee'] ?? expression) as Node
    const [first] = (expression['arguments'] ?? []) as Node[]
    const text = first === undefined ? undefined : bare(first)['value']
    return namesOf(callee, env).map((name) => ({ name, text: typeof text === 'string' ? text : undefined }))
  })
}

function namesOf(callee: Node, env: Environment): readonly string[] {
  if (callee.type !== 'Identifier') return []
  const found = env.find(String(callee['name']))?.value.objects ?? []
  return found.flatMap((item) =>
    item instanceof ExternalObject && item.path.startsWith(FRAMEWORK) ? [item.path.slice(FRAMEWORK.length)] : [],
  )
}

const FRAMEWORK = '@nestjs/common#'
