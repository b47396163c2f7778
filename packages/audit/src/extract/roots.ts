/** Code that nobody calls in this tree but that serves: exported handlers, classes for others to use. */
import { entriesOf } from '../source/entries.ts'
import type { Call } from './calls.ts'
import { call_ } from './calls.ts'
import { parametersOf } from './invoke.ts'
import type { SourceFile } from '../source/tree.ts'
import type { Node } from './ast.ts'
import { children, isNode, staticKey } from './ast.ts'
import { controllerRoute, decoratedArgument } from './controllers.ts'
import type { RouteFact } from './events.ts'
import type { Environment, Site } from './heap.ts'
import { ClassObject, FunctionObject, textOf } from './heap.ts'
import { isLogout, nameBefore, noteHandlerBegins } from './logouts.ts'
import type { Machine } from './machine.ts'
import { serveLeftProviders } from './left-providers.ts'
import { callUnknown, runMakers } from './makers.ts'
import { isCarried, registerRun } from './models/carriers.ts'
import { connectOwn, isTransportClass } from './models/own-transports.ts'
import type { ExchangeParts } from './models/nest.ts'
import type { Asking } from './models/verifiers.ts'
import { isNestStrategy, toldToStrategy } from './models/passport.ts'
import type { Module } from './modules.ts'
import { exportedCells } from './modules.ts'
import { getProperty } from './properties.ts'
import { exchangeAt, noteAnswerOf, runBefore } from './nest-requests.ts'
import { furnished, runDeferred } from './routes.ts'
import { isLoginName } from './protocol.ts'
import { registerLeft } from './unseen.ts'
import { State } from './state.ts'
import { methodOf, sharedInstance } from './types.ts'
import type { Value } from './value.ts'
import { UNDEFINED, UNKNOWN, object, primitive, tagged } from './value.ts'

/** Operations that make unreached code worth running. */
const SERVING =
  /^(?:createServer|listen|handleRequest|handlePostMessage|createMcpHandler|serve|sessionIdGenerator|StreamableHTTPServerTransport|NodeStreamableHTTPServerTransport|WebStandardStreamableHTTPServerTransport|StreamableHTTPTransport|SSEServerTransport|regenerate|writeHead)$/
/** Apps that somebody else made: a function that takes one registers routes on it. */
const APP_TYPES =
  /^(?:FastifyInstance|FastifyPluginAsync|FastifyPluginCallback|Express|Application|IRouter|Router|Hono|Koa)$/
const REQUEST_NAMES = /^(?:_?req(?:uest)?|ctx|c|context)$/

export function runUnreached(machine: Machine): void {
  registerCarriedFunctions(machine)
  if (!machine.listens) runMakers(machine, mentionsServing)
  noteLeftBehind(machine)
  // What they ask of a service says more than its methods do by themselves.
  runMadeControllers(machine)
  for (const module of machine.modules.values()) {
    if (!module.started || machine.leftBehind.has(module.file.path)) continue
    for (const cell of exportedCells(module)) {
      for (const target of cell.value.objects) if (target instanceof ClassObject) runClass(machine, target)
    }
    for (const target of [...decoratedClasses(module), ...classesMade(module)]) runClass(machine, target)
    runLeftFunctions(machine, module)
    serveLeftProviders(machine, module)
  }
  runLeftHandlers(machine)
}

/** `createController('/mcp')`: controllers that functions make, be it that no module here asks for one. */
function runMadeControllers(machine: Machine): void {
  for (const [node, fn] of machine.functions)
    if (!machine.reached.has(node) && !machine.leftBehind.has(fn.site.path) && makesController(fn))
      callUnknown(machine, fn)
  for (const made of machine.madeControllers) runClass(machine, made)
}

function makesController({ site }: FunctionObject): boolean {
  const { file } = site
  if (!filesWithControllers.has(file)) filesWithControllers.set(file, file.text.includes('@Controller('))
  return filesWithControllers.get(file)! && textOf(site).includes('@Controller(')
}

const filesWithControllers = new WeakMap<SourceFile, boolean>()

/** In a package that serves otherwise: nobody imports such a file, and the package neither starts nor exports it. */
function noteLeftBehind(machine: Machine): void {
  const { listens, routes, tree, modules, imported, leftBehind } = machine
  if ((!listens && routes.length === 0) || leftBehind.size > 0) return
  machine.loadsFolders ??= [...modules.values()].some(({ file }) => LOADS_FOLDERS.test(file.text))
  if (machine.loadsFolders) return
  const paths = new Set(modules.keys())
  const entries = new Set(tree.packages.flatMap((info) => entriesOf(info, paths)))
  for (const path of paths)
    if (!imported.has(path) && !entries.has(path) && tree.packageOf(path) !== undefined) leftBehind.add(path)
}

/** Files are found by where they lie: `require(path)`, `readdirSync(folder)`, a glob. Which of them is used is not told. */
const LOADS_FOLDERS =
  /\breaddir|\bglob\b|\bauto-?load|\brequire-?(?:tree|dir|directory|all|index)\b|\b(?:require|import)\(\s{0,20}[^'"`)\s]/i

/** `api.mcp.handle = async (req: Request) => …`: put somewhere for somebody who is not seen to call it. */
function runLeftHandlers(machine: Machine): void {
  for (const [node, fn] of machine.functions) {
    if (!machine.isLeft(node) || machine.leftHandlers.has(node) || machine.leftBehind.has(fn.site.path)) continue
    if (!machine.reached.has(node) && (takesApp(node) || makesRouter(fn)) && mentionsServing(node, fn.site.file))
      callUnknown(machine, fn)
    if (!machine.reached.has(node) && tellsNews(fn)) runLeft(machine, fn)
    if (!isHandlerOfRequests(node)) continue
    if (changesWebSession(fn)) registerLeft(machine, fn, addressOf(nameBefore(fn.site)))
    else if (machine.reached.has(node)) continue
    else if (mentionsServing(node, fn.site.file)) runLeft(machine, fn)
    else if (!machine.listens && answersRequests(node) && HANDLES_CALLERS.test(textOf(fn.site)))
      registerLeft(machine, fn, addressOf(nameBefore(fn.site)))
  }
}

/** What a handler says that has to do with who its callers are; nothing is asked of others. */
const HANDLES_CALLERS = /token|jwt|sess|cookie|passw|secret|auth|api_?key/i

/** `inboxes.onMessage((user) => handler.notify.resourceUpdated(…))`: given to code that calls it when there is something to tell. */
function tellsNews({ site: { file, start, end } }: FunctionObject): boolean {
  return /resourceUpdated\s?\(|sendResourceUpdated\s?\(|notifications\/resources\/updated/.test(
    file.text.slice(start, end),
  )
}

/** `extendExpressApp: (app) => { app.post(…) }`, `register: (server) => server.route(…)` */
function takesApp(fn: Node): boolean {
  const [first] = parametersOf(fn)
  return first !== undefined && /^(?:app|server|router|fastify)$/.test(nameOfParameter(first))
}

/** `{ router: () => { const router = Router(); router.post(…); return router } }`: in a module that is found by its folder. */
function makesRouter({ node, site }: FunctionObject): boolean {
  if (parametersOf(node).length > 0) return false
  const text = textOf(site)
  const name = MAKES_ROUTER.exec(text)?.[1]
  return name !== undefined && text.includes(`return ${name}`)
}

const MAKES_ROUTER = /\b(\w{1,40})\s{0,9}=\s{0,9}(?:new\s{1,9})?(?:\w{1,40}\.)?(?:Router|Hono)\s{0,9}\(/

/** Handlers that set cookies or change sessions, whoever calls them, before anything else is made of them. */
function registerCarriedFunctions(machine: Machine): void {
  if (!machine.listens) for (const module of machine.modules.values()) makeHandlers(machine, module)
  for (const [node, fn] of machine.functions)
    if (machine.isLeft(node) && (movesCookie(fn) || changesSession(fn))) registerCarried(machine, fn, UNDEFINED)
}

/**
 * In a part, what makes the handlers may be called by nobody: `class Accounts { login = async (req, res) => … }`, and
 * `module.exports = (config) => async (req, res, next) => …`.
 */
function makeHandlers(machine: Machine, module: Module): void {
  if (!module.started || !changesAny(module.file)) return
  for (const { name, value } of exportedCells(module)) {
    for (const item of value.objects) {
      if (item instanceof ClassObject && item.made === undefined && hasFunctionFields(item))
        sharedInstance(machine, item)
      if (item instanceof FunctionObject && isMakerOfHandlers(machine, item))
        registerMade(machine, item, item.name ?? name)
    }
  }
}

function hasFunctionFields({ node, env }: ClassObject): boolean {
  return CHANGES_SESSION.test(env.file.text.slice(node.start, node.end)) && classBody(node).some(isFunctionField)
}

function classBody(node: Node): readonly Node[] {
  return (node['body'] as Node)['body'] as Node[]
}

function isFunctionField({ type, value }: Node): boolean {
  return type === 'PropertyDefinition' && isNode(value) && value.type === 'ArrowFunctionExpression'
}

function isMakerOfHandlers(machine: Machine, { node, site }: FunctionObject): boolean {
  if (!machine.isLeft(node) || machine.reached.has(node) || parametersOf(node).some(carriesRequest)) return false
  return CHANGES_SESSION.test(textOf(site))
}

/** What it makes is called after it. */
function registerMade(machine: Machine, maker: FunctionObject, name: string): void {
  for (const made of callUnknown(machine, maker).objects)
    if (made instanceof FunctionObject && changesSession(made)) registerCarried(machine, made, UNDEFINED, name)
}

/** A handler that gives or takes back a cookie, or changes a session: who calls it with the request is not seen. */
function registerCarried(machine: Machine, fn: FunctionObject, self: Value, name = nameBefore(fn.site)): void {
  const { site, env } = fn
  registerUncalled(machine, fn, self, addressOf(name), () => argumentsFor(machine, fn.node, site, env))
}

/** What is called `login` or `signOut` is reached at an address that is called so. */
function addressOf(name: string): string {
  return isLogout(name) || isLoginName(name) ? `/${name}` : '*'
}

/** A function that is called for a request by code which is not seen: once, with what it is `given` of that. */
export function registerUncalled(
  machine: Machine,
  fn: FunctionObject,
  self: Value,
  path: string,
  given: (state: State, request: Value | undefined) => readonly Value[],
): void {
  if (machine.leftHandlers.has(fn.node)) return
  machine.leftHandlers.add(fn.node)
  const { site, env } = fn
  const call: Call = { site, args: [], argSites: [], self, env }
  const run: Asking = (state, request) => {
    call_(machine, object(fn), { ...call, args: given(state, request) }, state)
  }
  const app = machine.library('http-server', site, { tls: false })
  registerRun(machine, app, { verb: '*', path, run }, call, State.beginning())
}

function movesCookie({ node, site: { file, start, end } }: Pick<FunctionObject, 'node' | 'site'>): boolean {
  if (!filesWithCookies.has(file)) filesWithCookies.set(file, MOVES_COOKIE.test(file.text))
  if (filesWithCookies.get(file) !== true || takesApp(node) || !parametersOf(node).some(carriesRequest)) return false
  return MOVES_COOKIE.test(file.text.slice(start, end))
}

/** Most files have none: their functions are not looked at one by one. */
const filesWithCookies = new WeakMap<object, boolean>()

/** `req.session.userId = user.id`, be the request a parameter, a part of one or of a context: `(_, input, { req }) => …`. */
function changesSession({ node, site }: Pick<FunctionObject, 'node' | 'site'>): boolean {
  if (!changesAny(site.file) || takesApp(node)) return false
  return parametersOf(node).some(carriesRequest) && CHANGES_SESSION.test(textOf(site))
}

function changesAny(file: SourceFile): boolean {
  if (!filesWithSessions.has(file)) filesWithSessions.set(file, CHANGES_SESSION.test(file.text))
  return filesWithSessions.get(file)!
}

const filesWithSessions = new WeakMap<SourceFile, boolean>()

const CHANGES_SESSION =
  /\bdelete\s{1,9}(?:\w{1,40}\.){1,4}session\s{0,9}\.|\b_?(?:req(?:uest)?|ctx|context|c)\s{0,9}[!?]?\.\s{0,99}session\s{0,9}[!?]?(?:\.\s{0,99}(?:destroy\b|regenerate\b|set\s{0,9}\(|\w{1,60}\s{0,9}=[^=])|\[[^\]\n]{1,60}\]\s{0,9}=[^=])/

const MOVES_COOKIE =
  /set-?cookie|clear_?cookie|(?:delete|remove)Cookie|\bcookies?\s{0,40}(?:\)\s{0,40})?\.\s*(?:set|delete|remove|clear)\s*\(|\bunstate\s*\(|\.cookie\s*\(\s*['"`]/i

function carriesRequest(param: Node): boolean {
  return isCarrier(param) || REQUEST_NAMES.test(nameOfParameter(param))
}

/** `req.session.user = …`, `req.session.destroy(…)`, `req.logout(…)`: a login or logout that is registered elsewhere. */
function changesWebSession({ node, site: { file, start, end } }: FunctionObject): boolean {
  const [request, response] = parametersOf(node).map(nameOfParameter)
  if (!/^_?req(?:uest)?$/.test(request ?? '') || !RESPONSE_NAMES.test(response ?? '')) return false
  return /\b_?req(?:uest)?\s*\.\s*(?:session\s*\??\.\s*(?:destroy\b|regenerate\b|\w+\s*=[^=])|log_?(?:out|in)\s*\()/i.test(
    file.text.slice(start, end),
  )
}

/** What is given `next` stands before handlers, where it is used at all. */
export function isHandlerOfRequests(fn: Node): boolean {
  const names = parametersOf(fn).map(nameOfParameter)
  return !names.includes('next') && (isGivenRequest(fn) || names.some((name) => /^_?req(?:uest)?$/.test(name)))
}

/** Classes that a framework learns of by their decorators, exported or not. */
function decoratedClasses(module: Module): readonly ClassObject[] {
  const classes = (module.program['body'] as Node[]).filter(
    (statement) => statement.type === 'ClassDeclaration' && isDecorated(statement),
  )
  return classes.flatMap(({ id }) =>
    (module.env.own(String((id as Node)['name']))?.value.objects ?? []).filter((item) => item instanceof ClassObject),
  )
}

/** Classes that a module keeps to itself and makes one of, be it in code that nobody here calls: `activate(() => new Server().start())`. */
function classesMade({ env, file }: Module): readonly ClassObject[] {
  return [...env.ownCells()].flatMap(({ value }) =>
    value.objects.filter(
      (item): item is ClassObject =>
        item instanceof ClassObject && item.env.file === file && file.text.includes(`new ${item.name}(`),
    ),
  )
}

function runClass(machine: Machine, of: ClassObject): void {
  connectLeftTransport(machine, of)
  registerCarriedMethods(machine, of)
  const constructor = of.methods.get('constructor')
  const pending = [...of.methods].filter(
    ([name, member]) =>
      name !== 'constructor' &&
      !machine.reached.has(member['value']) &&
      (mentionsServing(member, of.env.file) ||
        isGivenRequest(member['value'] as Node) ||
        (!machine.listens && answersRequests(member['value'] as Node)) ||
        isAskedByPassport(of, name) ||
        controllerRoute(machine, of, member) !== undefined),
  )
  const isMade = constructor === undefined || machine.reached.has(constructor['value'])
  if (pending.length === 0 && (isMade || !mentionsServing(constructor, of.env.file))) return
  // The one that the program makes is what others would call.
  const instance = of.made ?? sharedInstance(machine, of)
  for (const [name, member] of [...pending, ...renewing(machine, of)]) {
    if (machine.reached.has(member['value'])) continue
    const fn = member['value'] as Node
    const route = controllerRoute(machine, of, member)
    if (route !== undefined) machine.hasControllers = true
    const told = isAskedByPassport(of, name) ? toldToStrategy(machine, of) : undefined
    const isHandler = told !== undefined || route !== undefined || takesRequest(fn)
    runRoot(machine, machine.site(of.env.file, fn), { route, isHandler, isLate: instance === of.made }, () => {
      const state = beginningOf(name, isHandler && route === undefined)
      if (route !== undefined && route.verb !== '*') state.learn([`verb:${route.verb}`])
      // A guard may stand before it that we do not see.
      const seen = route !== undefined
      if (isGuarded(of.node, seen) || isGuarded(member, seen)) state.note('opaque-middleware')
      const exchange = route && exchangeAt(machine, instance.site)
      if (route !== undefined) runBefore(machine, { of, member, route }, exchange!, instance.site, state)
      if (state.dead) return
      noteHandlerBegins(machine, state)
      const method = getProperty(machine, object(instance), primitive(name), instance.site, state)
      const call = {
        site: instance.site,
        args: told ?? argumentsFor(machine, fn, instance.site, of.env, exchange),
        argSites: [],
        self: object(instance),
        env: of.env,
      }
      const answer = call_(machine, method, call, state)
      // What a method of a controller gives back is the answer.
      if (route !== undefined && !state.dead)
        noteAnswerOf(machine, { of, member, route }, { ...call, args: [answer] }, state)
    })
  }
}

/** `validate` of a strategy: what a guard by the name of the strategy comes to. */
function isAskedByPassport(of: ClassObject, name: string): boolean {
  return name === 'validate' && isNestStrategy(of)
}

/** In a part, whoever asks for what a class keeps may be elsewhere: that it is used is written down by methods of its own. */
function renewing(machine: Machine, of: ClassObject): readonly [string, Node][] {
  if (machine.listens) return []
  return [...of.methods].filter(
    ([name, member]) => name !== 'constructor' && RENEWS.test(of.env.file.text.slice(member.start, member.end)),
  )
}

const RENEWS = /\.\s*\w+\s*=\s*(?:Date\.now\(\)|new Date\b)/

/** Methods that a framework of which nothing is known calls with a request. */
function registerCarriedMethods(machine: Machine, of: ClassObject): void {
  for (const [name, member] of of.methods) {
    const fn = member['value'] as Node
    if (name === 'constructor' || machine.reached.has(fn) || controllerRoute(machine, of, member) !== undefined)
      continue
    const written = { node: fn, site: machine.site(of.env.file, fn) }
    if (!movesCookie(written) && !changesSession(written)) continue
    const instance = object(sharedInstance(machine, of))
    const method = methodOf(machine, instance, name, of.site)
    for (const target of method.objects)
      if (target instanceof FunctionObject) registerCarried(machine, target, instance, name)
  }
}

function isDecorated(node: Node): boolean {
  return decoratorsOf(node).length > 0
}

/** Routing, documentation and the like let everybody in; what is called a guard, or asks for a role, may not. */
function isGuarded(node: Node, guardsAreSeen: boolean): boolean {
  const names = decoratorsOf(node).filter((name) => !guardsAreSeen || name !== 'UseGuards')
  return names.some((name) => /guard|auth|role|permission|polic|protect|secure|jwt/i.test(name))
}

/** `@UseGuards(TokenGuard)` is `UseGuards`. */
function decoratorsOf(node: Node): readonly string[] {
  return ((node['decorators'] ?? []) as Node[]).map((decorator) => {
    const expression = decorator['expression'] as Node
    const callee = (expression['callee'] ?? expression) as Node
    return callee.type === 'MemberExpression' ? (staticKey(callee) ?? '') : String(callee['name'] ?? '')
  })
}

/** A transport for others to connect: it is started and given what to call, as they will. */
function connectLeftTransport(machine: Machine, of: ClassObject): void {
  const start = of.methods.get('start')?.['value'] as Node | undefined
  if (start === undefined || machine.reached.has(start) || !isTransportClass(of)) return
  machine.transportsLeft.add(of.site)
  const self = object(sharedInstance(machine, of))
  const call = { site: of.site, args: [self], argSites: [], self: UNDEFINED, env: of.env }
  runRoot(machine, machine.site(of.env.file, start), { isHandler: takesRequest(start) }, () =>
    connectOwn(machine, self, call, State.beginning()),
  )
}

interface Root {
  readonly route?: RouteFact | undefined
  /** A request comes to it; else it is part of the start. */
  readonly isHandler: boolean
  /** It happens at some time after the start: what it makes is not there for all. */
  readonly isLate?: boolean
}

function runRoot(machine: Machine, site: Site, { route, isHandler, isLate = false }: Root, run: () => void): void {
  const activation = isHandler || isLate ? machine.newActivation() : 0
  const trigger = isHandler ? ('request' as const) : ('startup' as const)
  machine.root({ trigger, activation, ...(route === undefined ? {} : { route }) }, () =>
    machine.guarded('a function', () => {
      run()
      runDeferred(machine)
      machine.noteCut('function', site)
    }),
  )
}

/** A handler gets what its parameters are called after; whatever else, nothing is known of. */
export function argumentsFor(
  machine: Machine,
  fn: Node,
  site: Site,
  env?: Environment,
  exchange?: ExchangeParts,
): readonly Value[] {
  const params = parametersOf(fn)
  const names = params.map(nameOfParameter)
  const answers = names.some((name) => RESPONSE_NAMES.test(name))
  return names.map((name, index) => {
    const wanted = env === undefined ? undefined : decoratedArgument(machine, params[index]!, env, site, exchange)
    if (wanted !== undefined) return wanted
    if (isCarrier(params[index]!)) return object(machine.library('carrier', site)).with({ open: true })
    const type = isSocket(name, site) ? 'io-socket' : requestTypeOf(name, index, answers)
    if (index > 0 && IS_BODY.test(name) && names.some((other) => REQUEST_NAMES.test(other))) return tagged('body')
    return type === undefined ? UNKNOWN : object(furnished(machine, machine.library(type, site))).with({ open: true })
  })
}

/** `context`, `event`, or an object of which the request, its answer or its headers are taken: `({ request, cookies }) => …`. */
export function isCarrier(param: Node): boolean {
  const inner = (param['left'] ?? param) as Node
  if (inner.type === 'Identifier') return /^_?(?:context|event)$/.test(String(inner['name']))
  if (inner.type !== 'ObjectPattern') return false
  return (inner['properties'] as Node[]).some(
    ({ key }) => isNode(key) && key.type === 'Identifier' && isCarried(String(key['name'])),
  )
}

/** `socket.handshake`: that of a connection of Socket.IO, be it that another file listens for it. */
function isSocket(name: string, site: Site): boolean {
  return /^(?:socket|client)$/.test(name) && textOf(site).includes(`${name}.handshake`)
}

function requestTypeOf(name: string, index: number, answers: boolean): string | undefined {
  if (/^_?req(?:uest)?$/.test(name)) return answers ? 'request' : 'fetch-request'
  if (RESPONSE_NAMES.test(name)) return 'response'
  if (index > 0) return /^_?ctx$/.test(name) ? 'carrier' : undefined
  return name === 'ctx' ? 'koa-context' : name === 'c' ? 'hono-context' : undefined
}

/** `id` of `id`, `id = 1` and `id: string`; nothing of what is taken apart. */
export function nameOfParameter(param: Node): string {
  const inner = (param['left'] ?? param) as Node
  return inner.type === 'Identifier' ? String(inner['name']) : ''
}

/** `handleRequest(req, res, parsedBody)` */
const IS_BODY = /^_?(?:(?:parsed|request|req|json)_?)?(?:body|message|payload)$/i

const RESPONSE_NAMES = /^_?res(?:p|ponse)?$|^reply$/

/** `({ app }) => ({ async handle(ctx) {} })`: handlers in an object that somebody else picks them from. */
function runHandlersIn(machine: Machine, value: Value): void {
  for (const item of value.objects) {
    if (item.kind !== 'object') continue
    for (const cell of item.properties.values()) {
      for (const target of cell.value.objects) {
        if (target instanceof FunctionObject && takesRequest(target.node) && isUntouched(machine, target))
          runLeft(machine, target)
      }
    }
  }
}

function isUntouched(machine: Machine, { node }: FunctionObject): boolean {
  return !machine.reached.has(node) && !machine.leftHandlers.has(node)
}

function runLeft(machine: Machine, target: FunctionObject): void {
  let result: Value = UNDEFINED
  runRoot(machine, target.site, { isHandler: takesRequest(target.node) }, () => {
    result = call_(
      machine,
      object(target),
      {
        site: target.site,
        args: argumentsFor(machine, target.node, target.site),
        argSites: [],
        self: UNDEFINED,
        env: target.env,
      },
      beginningOf(target.name, takesRequest(target.node)),
    )
  })
  runHandlersIn(machine, result)
  if (machine.listens) return
  for (const made of result.objects)
    if (made instanceof FunctionObject && isHandlerForOthers(made.node) && isUntouched(machine, made))
      runLeft(machine, made)
}

/** A handler that nobody here registers is meant for the verb that it is called after: `handleDelete`, `get`. */
function beginningOf(name: string | undefined, isHandler: boolean): State {
  const state = State.beginning()
  const verb = isHandler
    ? /^(?:(?:handle|on|mcp|serve)_?)*(get|post|put|delete|del)(?![a-z])/i.exec(name ?? '')?.[1]
    : undefined
  if (verb !== undefined) state.learn([`verb:${verb.toLowerCase() === 'del' ? 'DELETE' : verb.toUpperCase()}`])
  return state
}

const REQUEST_TYPES = /^(?:IncomingMessage|Request|FastifyRequest|Context|ParameterizedContext)$/

/** A method declared to take a request: whoever plugs the class in has it called with one. */
function isGivenRequest(fn: Node): boolean {
  return parametersOf(fn).some((param) => {
    const type = (param['typeAnnotation'] as Node | undefined)?.['typeAnnotation'] as Node | undefined
    const name = type?.type === 'TSTypeReference' ? (type['typeName'] as Node)['name'] : undefined
    return typeof name === 'string' && REQUEST_TYPES.test(name)
  })
}

/** A function whose parameters are a request's is a handler that something we cannot see calls. */
function takesRequest(fn: Node): boolean {
  return parametersOf(fn).some((param) => REQUEST_NAMES.test(nameOfParameter(param)))
}

function runLeftFunctions(machine: Machine, module: Module): void {
  for (const statement of module.program['body'] as Node[]) {
    const declared = (isNode(statement['declaration']) ? statement['declaration'] : statement) as Node
    if (declared.type !== 'FunctionDeclaration' || machine.reached.has(declared)) continue
    if (!mentionsServing(declared, module.file) && !isWantedElsewhere(machine, declared, module.file)) continue
    const name = isNode(declared['id']) ? String(declared['id']['name']) : undefined
    const fn =
      name === undefined
        ? undefined
        : module.env.own(name)?.value.objects.find((item): item is FunctionObject => item instanceof FunctionObject)
    if (fn !== undefined) runLeft(machine, fn)
  }
  runLeftVariables(machine, module)
}

/** Where nothing listens, what makes the server, and registers this with it, is in a file that is not there. */
function isWantedElsewhere(machine: Machine, fn: Node, { text }: SourceFile): boolean {
  if (machine.listens) return false
  if (parametersOf(fn).some(takesMcpServer) || isGivenRequest(fn)) return true
  return HANDLES_CALLERS.test(text.slice(fn.start, fn.end)) && returnedBy(fn).some(isHandlerForOthers)
}

/** `createHandler(options)` gives `async (req: Request) => …`: whoever uses the library puts it on a route. */
function isHandlerForOthers(fn: Node): boolean {
  return isHandlerOfRequests(fn) && (isGivenRequest(fn) || answersRequests(fn))
}

/** Functions that a function gives back as they are written. */
function returnedBy({ body }: Node): readonly Node[] {
  if (!isNode(body)) return []
  const given = body.type === 'BlockStatement' ? (body['body'] as Node[]).map((item) => item['argument']) : [body]
  return given.filter(
    (item): item is Node =>
      isNode(item) && (item.type === 'ArrowFunctionExpression' || item.type === 'FunctionExpression'),
  )
}

/** `(req, res) => …`: whoever registers it has it called so. */
function answersRequests(fn: Node): boolean {
  const [request = '', response = ''] = parametersOf(fn).map(nameOfParameter)
  return /^_?req(?:uest)?$/.test(request) && RESPONSE_NAMES.test(response) && isHandlerOfRequests(fn)
}

/** `function registerTools(server: McpServer)` */
function takesMcpServer(param: Node): boolean {
  const type = (param['typeAnnotation'] as Node | undefined)?.['typeAnnotation'] as Node | undefined
  return type?.type === 'TSTypeReference' && /^(?:McpServer|FastMCP)$/.test(nameOfType(type))
}

/** `export const handler = async (req, res) => …` */
function runLeftVariables(machine: Machine, module: Module): void {
  for (const cell of exportedCells(module)) {
    for (const target of cell.value.objects) {
      if (!(target instanceof FunctionObject) || !isUntouched(machine, target)) continue
      if (mentionsServing(target.node, target.env.file) || isWantedElsewhere(machine, target.node, target.env.file))
        runLeft(machine, target)
    }
    if (cell !== module.commonjsCell) runHandlersIn(machine, cell.value)
  }
}

/** `Router` of `Router` and of `express.Router`. */
function nameOfType({ typeName }: Node): string {
  const name = typeName as Node
  return String((name.type === 'TSQualifiedName' ? (name['right'] as Node) : name)['name'] ?? '')
}

/** `app.post('/login', …)` on whatever app that is: a function that does this is called to register routes. */
function registersRoute(node: Node): boolean {
  if (node.type !== 'CallExpression') return false
  const callee = node['callee'] as Node
  const [path, ...handlers] = node['arguments'] as Node[]
  if (callee.type === 'MemberExpression' && staticKey(callee) === 'route' && isRouteOptions(path)) return true
  return (
    callee.type === 'MemberExpression' &&
    REGISTERS.test(staticKey(callee) ?? '') &&
    path?.type === 'Literal' &&
    String(path['value']).startsWith('/') &&
    handlers.some(({ type }) => type === 'ArrowFunctionExpression' || type === 'FunctionExpression')
  )
}

/** `{ method: 'POST', path: '/login', handler }` */
function isRouteOptions(options: Node | undefined): boolean {
  if (options?.type !== 'ObjectExpression') return false
  const names = (options['properties'] as Node[]).map((property) => staticKey(property))
  return (
    ['method', 'handler'].every((name) => names.includes(name)) && (names.includes('path') || names.includes('url'))
  )
}

const REGISTERS = /^(?:get|post|put|patch|delete|all)$/

const verdicts = new WeakMap<Node, boolean>()

/** Of the code of `file`. */
function mentionsServing(root: Node, { text }: SourceFile): boolean {
  const known = verdicts.get(root)
  if (known !== undefined) return known
  const own = text.slice(root.start, root.end)
  const found = MAY_SERVE.test(own) && (search(root) || (MAKES_SERVER.test(own) && IMPORTS_SOCKET_IO.test(text)))
  verdicts.set(root, found)
  return found
}

/** `new Server(http)` of Socket.IO, whose class is called as many others are. */
const MAKES_SERVER = /\bnew\s{1,9}(?:\w{1,40}\.)?Server\s{0,9}(?:<[^()]{0,80}>)?\(/
const IMPORTS_SOCKET_IO = /(?:\bfrom|\brequire\()\s{0,9}['"]socket\.io['"]/

/** Whatever `search` finds has one of these in its text; names may be written with escapes. Most code has none, and is not walked. */
const MAY_SERVE = new RegExp(
  [
    String.raw`\b(?:${wordsOf(SERVING)}|${wordsOf(APP_TYPES)}|Server|[Ww](?:[Ss]|[Ee][Bb]_?[Ss][Oo][Cc][Kk][Ee][Tt])[Ss]?_?[Ss][Ee][Rr][Vv][Ee][Rr]|handleUpgrade|route)\b`,
    String.raw`['"]\\?\/|\(\s*\/|\\[ux\d\n\r]`,
  ].join('|'),
)

/** The words of `/^(?:…)$/`. */
function wordsOf({ source }: RegExp): string {
  return source.slice('^(?:'.length, -')$'.length)
}

/** `new WebSocketServer(…)`, `new WebSocket.Server(…)`, `sockets.handleUpgrade(…)`: not what the library itself calls so. */
function takesSockets(node: Node): boolean {
  const callee = node['callee'] as Node
  if (node.type === 'NewExpression') {
    if (callee.type === 'Identifier') return /^(?:ws|web_?socket)s?_?server$/i.test(String(callee['name']))
    return staticKey(callee) === 'Server' && /^(?:ws|websocket)$/i.test(String((callee['object'] as Node)['name']))
  }
  if (node.type !== 'CallExpression' || callee.type !== 'MemberExpression') return false
  return staticKey(callee) === 'handleUpgrade' && (callee['object'] as Node).type !== 'ThisExpression'
}

function search(root: Node): boolean {
  const pending: Node[] = [root]
  while (pending.length > 0) {
    const node = pending.pop()!
    const name =
      node.type === 'Identifier' ? String(node['name']) : node.type === 'MemberExpression' ? staticKey(node) : undefined
    if (name !== undefined && SERVING.test(name)) return true
    if (node.type === 'TSTypeReference' && APP_TYPES.test(nameOfType(node))) return true
    if (registersRoute(node) || takesSockets(node)) return true
    for (const child of children(node)) pending.push(child)
  }
  return false
}
