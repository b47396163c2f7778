/** Code that nobody calls in this tree but that serves: exported handlers, classes for others to use. */
import { call_, parametersOf } from './calls.ts'
import type { Node } from './ast.ts'
import { children, isNode, staticKey } from './ast.ts'
import { ClassObject, FunctionObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { connectOwn, isTransportClass } from './models/own-transports.ts'
import { registerRoute } from './models/routing.ts'
import type { Module } from './modules.ts'
import { getProperty } from './properties.ts'
import { runDeferred } from './routes.ts'
import { State } from './state.ts'
import { sharedInstance } from './types.ts'
import { UNDEFINED, UNKNOWN, object, primitive } from './value.ts'

/** Operations that make unreached code worth running. */
const SERVING =
  /^(?:createServer|listen|handleRequest|handlePostMessage|createMcpHandler|serve|sessionIdGenerator|StreamableHTTPServerTransport|NodeStreamableHTTPServerTransport|WebStandardStreamableHTTPServerTransport|StreamableHTTPTransport|SSEServerTransport|regenerate|writeHead)$/
/** Apps that somebody else made: a function that takes one registers routes on it. */
const APP_TYPES =
  /^(?:FastifyInstance|FastifyPluginAsync|FastifyPluginCallback|Express|Application|IRouter|Router|Hono|Koa)$/
const REQUEST_NAMES = /^(?:_?req(?:uest)?|ctx|c|context)$/

export function runUnreached(machine: Machine): void {
  for (const module of machine.modules.values()) {
    if (!module.started) continue
    for (const cell of new Set(module.exports.values())) {
      for (const target of cell.value.objects) if (target instanceof ClassObject) runClass(machine, target)
    }
    runLeftFunctions(machine, module)
  }
}

/** `export default { fetch }`: what a worker's host serves. */
export function registerWorkers(machine: Machine): void {
  for (const module of machine.modules.values()) {
    const exported = module.started ? module.exports.get('default')?.value.objects : undefined
    for (const target of exported ?? []) {
      const handler = target.kind === 'object' ? target.properties.get('fetch')?.value : undefined
      if (handler?.objects.some((item) => item instanceof FunctionObject) !== true) continue
      const call = { site: target.site, args: [], argSites: [], self: UNDEFINED, env: module.env }
      const app = machine.library('http-server', target.site, { tls: false })
      const route = { verb: '*', path: '*', handlers: [handler], layer: false, flavour: 'fetch' } as const
      registerRoute(machine, app, route, call, new State({ must: new Set(), may: new Set() }))
    }
  }
}

function runClass(machine: Machine, of: ClassObject): void {
  connectLeftTransport(machine, of)
  if (!mentionsServing(of.node)) return
  const pending = [...of.methods].filter(
    ([name, member]) => name !== 'constructor' && !machine.reached.has(member['value']) && mentionsServing(member),
  )
  if (pending.length === 0) return
  const instance = sharedInstance(machine, of)
  for (const [name, member] of pending) {
    if (machine.reached.has(member['value'])) continue
    const fn = member['value'] as Node
    runRoot(machine, fn, () => {
      const state = new State({ must: new Set(), may: new Set() })
      const method = getProperty(machine, object(instance), primitive(name), instance.site, state)
      call_(
        machine,
        method,
        {
          site: instance.site,
          args: parametersOf(fn).map(() => UNKNOWN),
          argSites: [],
          self: object(instance),
          env: of.env,
        },
        state,
      )
    })
  }
}

/** A transport for others to connect: it is started and given what to call, as they will. */
function connectLeftTransport(machine: Machine, of: ClassObject): void {
  const start = of.methods.get('start')?.['value'] as Node | undefined
  if (start === undefined || machine.reached.has(start) || !isTransportClass(of)) return
  const self = object(sharedInstance(machine, of))
  const call = { site: of.site, args: [self], argSites: [], self: UNDEFINED, env: of.env }
  runRoot(machine, start, () => connectOwn(machine, self, call, new State({ must: new Set(), may: new Set() })))
}

function runRoot(machine: Machine, fn: Node, run: () => void): void {
  const isHandler = takesRequest(fn)
  const activation = isHandler ? machine.newActivation() : 0
  machine.root({ trigger: isHandler ? 'request' : 'startup', activation }, () =>
    machine.guarded('a function', () => {
      run()
      runDeferred(machine)
    }),
  )
}

/** A function whose parameters are a request's is a handler that something we cannot see calls. */
function takesRequest(fn: Node): boolean {
  return parametersOf(fn).some((param) => {
    const inner = (param['left'] ?? param) as Node
    return inner.type === 'Identifier' && REQUEST_NAMES.test(String(inner['name']))
  })
}

function runLeftFunctions(machine: Machine, module: Module): void {
  for (const statement of module.program['body'] as Node[]) {
    const declared = (isNode(statement['declaration']) ? statement['declaration'] : statement) as Node
    if (declared.type !== 'FunctionDeclaration' || machine.reached.has(declared) || !mentionsServing(declared)) continue
    const name = isNode(declared['id']) ? String(declared['id']['name']) : undefined
    const fn =
      name === undefined
        ? undefined
        : module.env.own(name)?.value.objects.find((item): item is FunctionObject => item instanceof FunctionObject)
    if (fn === undefined) continue
    runRoot(machine, declared, () => {
      const state = new State({ must: new Set(), may: new Set() })
      call_(
        machine,
        object(fn),
        { site: fn.site, args: parametersOf(declared).map(() => UNKNOWN), argSites: [], self: UNDEFINED, env: fn.env },
        state,
      )
    })
  }
  runLeftVariables(machine, module)
}

/** `export const handler = async (req, res) => …` */
function runLeftVariables(machine: Machine, module: Module): void {
  for (const cell of module.exports.values()) {
    for (const target of cell.value.objects) {
      if (!(target instanceof FunctionObject) || machine.reached.has(target.node) || !mentionsServing(target.node))
        continue
      runRoot(machine, target.node, () => {
        call_(
          machine,
          object(target),
          {
            site: target.site,
            args: parametersOf(target.node).map(() => UNKNOWN),
            argSites: [],
            self: UNDEFINED,
            env: target.env,
          },
          new State({ must: new Set(), may: new Set() }),
        )
      })
    }
  }
}

const verdicts = new WeakMap<Node, boolean>()

function mentionsServing(root: Node): boolean {
  const known = verdicts.get(root)
  if (known !== undefined) return known
  const found = search(root)
  verdicts.set(root, found)
  return found
}

function search(root: Node): boolean {
  const pending: Node[] = [root]
  while (pending.length > 0) {
    const node = pending.pop()!
    const name =
      node.type === 'Identifier' ? String(node['name']) : node.type === 'MemberExpression' ? staticKey(node) : undefined
    if (name !== undefined && SERVING.test(name)) return true
    if (node.type === 'TSTypeReference' && APP_TYPES.test(String(node['typeName']?.name ?? ''))) return true
    for (const child of children(node)) pending.push(child)
  }
  return false
}
