/** Handlers that a host finds by what a module exports: workers, route modules of web frameworks, durable objects. */
import { posix } from 'node:path'
import { WORKER_CONFIGS } from '../source/kinds.ts'
import type { Call } from './calls.ts'
import { parametersOf } from './invoke.ts'
import type { Node } from './ast.ts'
import type { HeapObject, LibraryObject } from './heap.ts'
import { ClassObject, FunctionObject, siteKey, isFunction } from './heap.ts'
import type { Flavour, Machine } from './machine.ts'
import { isWorker } from './models/cloudflare.ts'
import { flat } from './models/express.ts'
import { isAdapterHandler } from './models/mcp-adapter.ts'
import { isApp, isHandler, mountOn, registerRoute } from './models/routing.ts'
import type { Module } from './modules.ts'
import { registerPageHooks } from './page-hooks.ts'
import { State } from './state.ts'
import { methodOf, sharedInstance } from './types.ts'
import type { Value } from './value.ts'
import { UNDEFINED, object } from './value.ts'

const VERBS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'ALL'] as const
/** Where frameworks look for modules whose exports are called like the verbs they serve. */
const ROUTE_FILE =
  /(?:^|\/)(?:\+server|route)\.[cm]?[jt]sx?$|(?:^|\/)(?:src\/pages|pages\/api|server\/api|server\/routes|api)\//
const PAGES_API = /(?:^|\/)pages\/api\//
/** Where Vercel looks for functions: those below it that begin with a line or a dot are not served. */
const FUNCTIONS_FOLDER = /(?:^|\/)api\/(?:[^_./][^/]*\/)*[^_./][^/]*\.[cm]?[jt]sx?$/
/** What Nitro serves: its middleware first, then a route for each file, called after its path. Nuxt has all of it in `server`. */
const NITRO_FILE = /(?:^|\/)(server\/)?(middleware|api|routes)\/(.+)\.[cm]?[jt]s$/
const MAKES_HANDLER = /\b(?:defineHandler|(?:define(?:Lazy)?E|e)ventHandler)\b/
const REQUEST_TYPES = /^(?:Request|NextRequest|APIContext|RequestEvent|LoaderFunctionArgs|ActionFunctionArgs)$/
const REQUEST_NAMES = /^_?req(?:uest)?$/
/** Events that are requests; `HandlerEvent` is Netlify's. */
const EVENT_TYPES = /^(?:APIGateway(?:Proxy|WebSocket)?\w*Event\w*|LambdaFunctionURL\w*Event\w*|ALBEvent|HandlerEvent)$/
const EVENT_HANDLERS = /^(?:handler|lambdaHandler|main)$/

/** Registers what the hosts of started modules would serve. */
export function registerHosted(machine: Machine): void {
  const behind = registerPageHooks(machine)
  for (const module of machine.modules.values()) {
    if (!module.started) continue
    registerWorker(machine, module)
    registerVerbs(machine, module, behind(module.file.path))
    registerPage(machine, module)
    registerActions(machine, module)
    registerObjects(machine, module)
    registerEventHandlers(machine, module)
  }
  registerNitro(machine)
}

function isEventHandler({ objects }: Value): boolean {
  return objects.some((item) => item instanceof FunctionObject && takesEvent(item.node))
}

/** `export default defineEventHandler(…)` under `api`, `routes` and `middleware`, of `server` or of the tree. */
function registerNitro(machine: Machine): void {
  const found = [...machine.modules.values()].flatMap((module) => {
    const [, within, folder = '', name = ''] = NITRO_FILE.exec(module.file.path) ?? []
    if (folder === '' || (within === undefined && !isFoundByNitro(machine, module))) return []
    const handler = module.started ? module.exports.get('default')?.value : undefined
    const isEvents = handler !== undefined && flat([handler]).some(isEventHandler)
    return handler === undefined || !isEvents ? [] : [{ module, folder, name, handler }]
  })
  const [first] = found
  if (first === undefined) return
  const app = machine.library('h3-app', first.handler.objects[0]!.site)
  const inOrder = found.toSorted((a, b) => Number(b.folder === 'middleware') - Number(a.folder === 'middleware'))
  for (const { module, folder, name, handler } of inOrder) {
    const [, path = '', verb = '*'] = /^(.*?)(?:\.(get|post|put|patch|delete|head|options))?$/.exec(name) ?? []
    const layer = folder === 'middleware'
    const below = `${folder === 'api' ? '/api' : ''}/${path.replace(/(?:^|\/)index$/, '').replaceAll(/\[(?:\.\.\.)?(\w*)\]/g, ':$1')}`
    const call: Call = { site: handler.objects[0]!.site, args: [], argSites: [], self: UNDEFINED, env: module.env }
    const given = {
      verb: verb.toUpperCase(),
      path: layer ? '/' : below,
      handlers: flat([handler]),
      layer,
      flavour: 'h3',
    } as const
    registerRoute(machine, app, given, call, State.beginning())
  }
}

/** Outside `server`, other programs have folders of these names: theirs make no such handlers, or mount them. */
function isFoundByNitro(machine: Machine, module: Module): boolean {
  return MAKES_HANDLER.test(module.file.text) && !isImported(machine, module)
}

function takesEvent(fn: Node): boolean {
  const [first] = parametersOf(fn)
  return first?.type === 'Identifier' && /^_?(?:event|e|evt)$/.test(String(first['name']))
}

/** `export default { fetch }`, or what a library gives to be exported like that. */
function registerWorker(machine: Machine, module: Module): void {
  for (const target of module.exports.get('default')?.value.objects ?? []) {
    const handler = target.kind === 'object' ? target.properties.get('fetch')?.value : object(target)
    const app = isApp(object(target))
    if (app !== undefined) machine.hosted.add(siteKey(app.site))
    const isServed = handler !== undefined && (target.kind === 'object' ? isHandler(handler) : isWorker(handler))
    if (isServed && !isOtherWorker(machine, module)) register(machine, module, '*', handler, 'worker')
    if (handler !== undefined) noteListening(machine, target)
  }
}

/** The worker of this folder is another module, and nobody imports this one: it is what the worker once was. */
function isOtherWorker({ tree, modules, imported }: Machine, { file: { path } }: Module): boolean {
  if (imported.has(path)) return false
  for (let folder = posix.dirname(path); ; folder = posix.dirname(folder)) {
    const mains = WORKER_CONFIGS.flatMap((name) => mainsIn(tree.config(posix.join(folder, name)) ?? '')).map((main) =>
      posix.join(folder, main),
    )
    if (mains.length > 0) return !mains.includes(path) && mains.some((main) => modules.has(main))
    if (folder === '.' || folder === '/') return false
  }
}

/** `main = "src/index.ts"`, and of each environment that has its own. */
function mainsIn(config: string): readonly string[] {
  return [
    ...config.slice(0, LONGEST_CONFIG).matchAll(/^\s{0,20}"?main"?\s{0,5}[:=]\s{0,5}["']([^"'\n]{1,200})["']/gm),
  ].map(([, main]) => main!)
}

const LONGEST_CONFIG = 100_000

/** `export default { port, fetch }`: Bun listens, on every interface unless `hostname` says otherwise. */
function noteListening(machine: Machine, target: HeapObject): void {
  if (target.kind !== 'object' || !target.properties.has('port')) return
  const site = target.properties.get('port')?.site ?? target.site
  machine.root({ trigger: 'startup', activation: 0 }, () =>
    machine.emit('listen', site, State.beginning(), {
      host: target.properties.get('hostname')?.value ?? UNDEFINED,
      tls: target.properties.has('tls'),
      defaultHost: '0.0.0.0',
      what: 'The default export',
      app: undefined,
    }),
  )
}

/** `export async function POST(request)`. */
function registerVerbs(machine: Machine, module: Module, app: LibraryObject | undefined): void {
  for (const verb of VERBS) {
    const handler = module.exports.get(verb)?.value
    if (handler === undefined) continue
    const isRoute = ROUTE_FILE.test(module.file.path) && isFunction(handler)
    if (isRoute || isAdapterHandler(handler) || handler.objects.some(takesRequest))
      register(
        machine,
        module,
        verb === 'ALL' ? '*' : verb,
        handler,
        handler.objects.some(answersItself) ? 'express' : 'fetch',
        app,
      )
  }
}

/** `export default function handler(req, res)` under `pages/api`, or under `api` where nobody but the host finds it. */
function registerPage(machine: Machine, module: Module): void {
  const { path } = module.file
  const isPage = PAGES_API.test(path)
  if (!isPage && !FUNCTIONS_FOLDER.test(path)) return
  const handler = module.exports.get('default')?.value ?? module.commonjsCell.value
  if (!isFunction(handler)) return
  const answers = handler.objects.some(answersItself)
  if (!isPage && !(answers || handler.objects.some(takesRequest))) return
  if (isPage || !isImported(machine, module))
    register(machine, module, '*', handler, isPage || answers ? 'express' : 'fetch')
}

/** Another module has it, and decides what stands before it. */
function isImported(machine: Machine, module: Module): boolean {
  return [...machine.modules.values()].some(({ imports }) => imports.has(module))
}

/** What frameworks call where a form is sent or a function of the server is asked for by a page. */
function registerActions(machine: Machine, module: Module): void {
  const { path, text } = module.file
  if (SERVER_PAGE.test(path)) {
    for (const [name, handler] of actionsOf(module))
      registerAt(machine, module, 'POST', handler, 'fetch', pathOf(path, name))
  } else if (text.includes('use server') && SERVER_FUNCTIONS.test(text)) {
    for (const [name, { value }] of module.exports)
      if (isFunction(value)) registerAt(machine, module, 'POST', value, 'action', pathOf(path, name))
  } else if (ROUTES_FOLDER.test(path)) {
    const handler = module.exports.get('action')?.value
    if (handler === undefined || !isFunction(handler)) return
    // It is asked for whatever changes something, and says itself what for.
    for (const verb of ['POST', ...['PUT', 'PATCH', 'DELETE'].filter((name) => text.includes(name))])
      registerAt(machine, module, verb, handler, 'fetch', pathOf(path, 'default'))
  }
}

/** Pages of SvelteKit with code for the server. */
const SERVER_PAGE = /(?:^|\/)\+page\.server\.[cm]?[jt]s$/
const SERVER_FUNCTIONS = /^(?:\s|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*(['"])use server\1/
/** Where Remix and React Router look for the modules of pages. */
const ROUTES_FOLDER = /(?:^|\/)routes\/.+\.[jt]sx?$/

/** `export const actions = { default: … , logout: … }`. */
function actionsOf(module: Module): readonly (readonly [string, Value])[] {
  const exported = module.exports.get('actions')?.value.objects ?? []
  return exported.flatMap(({ kind, properties }) =>
    kind === 'object'
      ? [...properties].flatMap(([name, { value }]) => (isFunction(value) ? [[name, value] as const] : []))
      : [],
  )
}

/** Where it is asked for, as far as the place of its file says it: a function is called after its name. */
function pathOf(file: string, name: string): string {
  const folder = file.replace(/(?:\/|^)[^/]*$/, '').replace(/^.*?\broutes(?:\/|$)/, '')
  const page = SERVER_PAGE.test(file) ? '' : `/${file.replace(/^.*\//, '').replace(/\.[^/]*$/, '')}`
  return `/${folder}${page}${name === 'default' ? '' : `/${name}`}`.replace('//', '/')
}

/** An exported class with a `fetch` of its own: the host makes one instance per name and hands it requests. */
function registerObjects(machine: Machine, module: Module): void {
  for (const cell of module.exports.values()) {
    for (const target of cell.value.objects) {
      const method = target instanceof ClassObject ? target.methods.get('fetch') : undefined
      if (!(target instanceof ClassObject) || method === undefined || !takesOneRequest(method['value'] as Node))
        continue
      const instance = sharedInstance(machine, target)
      const handler = methodOf(machine, object(instance), 'fetch', instance.site)
      register(machine, module, '*', handler, 'fetch')
    }
  }
}

/** `export const handler = async (event) => …`, called by a platform that has taken the request apart. */
function registerEventHandlers(machine: Machine, module: Module): void {
  const required = module.commonjsCell.value.objects.flatMap(({ properties }) => [...properties])
  for (const [name, cell] of [...module.exports, ...required]) {
    const handler = cell.value.objects.find((item) => item instanceof FunctionObject)
    if (handler !== undefined && takesEventOfGateway(handler, name))
      register(machine, module, '*', object(handler), 'lambda')
  }
}

/** Other events (of queues, of timers) are taken for requests only where nothing says otherwise and they are read as such. */
function takesEventOfGateway({ node }: FunctionObject, name: string): boolean {
  const [first] = parametersOf(node)
  if (first === undefined) return false
  const type = typeNameOf(first)
  if (type !== undefined) return EVENT_TYPES.test(type)
  const isCalledEvent = first.type === 'Identifier' && /^_?ev(?:en)?t$/.test(String(first['name']))
  return EVENT_HANDLERS.test(name) && (isCalledEvent || first.type === 'ObjectPattern')
}

function register(
  machine: Machine,
  module: Module,
  verb: string,
  handler: Value,
  flavour: Flavour,
  behind?: LibraryObject,
): void {
  registerAt(machine, module, verb, handler, flavour, '*', behind)
}

function registerAt(
  machine: Machine,
  module: Module,
  verb: string,
  handler: Value,
  flavour: Flavour,
  path: string,
  behind?: LibraryObject,
): void {
  const { site } = handler.objects[0]!
  const call: Call = { site, args: [], argSites: [], self: UNDEFINED, env: module.env }
  const app = machine.library('http-server', site, { tls: false })
  if (behind !== undefined) mountOn(machine, behind, app, '/', [], State.beginning())
  machine.hosted.add(siteKey(site))
  registerRoute(machine, app, { verb, path, handlers: [handler], layer: false, flavour }, call, State.beginning())
}

function takesRequest(item: unknown): boolean {
  return item instanceof FunctionObject && takesOneRequest(item.node)
}

/** `(req, res) => …` */
function answersItself(item: unknown): boolean {
  const [, second] = item instanceof FunctionObject ? parametersOf(item.node) : []
  return second?.type === 'Identifier' && /^_?res(?:ponse)?$/.test(String(second['name']))
}

function takesOneRequest(fn: Node): boolean {
  const [first] = parametersOf(fn)
  if (first === undefined) return false
  const type = typeNameOf(first)
  if (type !== undefined) return REQUEST_TYPES.test(type)
  return first.type === 'Identifier' && REQUEST_NAMES.test(String(first['name']))
}

function typeNameOf(param: Node): string | undefined {
  const type = (param['typeAnnotation'] as Node | undefined)?.['typeAnnotation'] as Node | undefined
  return type?.type === 'TSTypeReference' ? String((type['typeName'] as Node)['name'] ?? '') : undefined
}
