/** NestJS: what its decorators and its reflector say of a controller, its guards, and modules that serve MCP by themselves. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { StoreRef } from '../events.ts'
import { runOwnGuards } from '../guards.ts'
import type { HeapObject, LibraryObject, Site } from '../heap.ts'
import { ClassObject, ExternalObject, InstanceObject, LibraryObject as Library, valuesIn } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { noteLookUp } from '../properties.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNDEFINED, UNKNOWN, object, onlyString, primitive, tagged, truthiness, withTags } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { keep, part } from './requests.ts'
import { optionOf, registerRoute } from './routing.ts'

/** What `AuthGuard('jwt')` gives: a class whose instances verify a credential or throw. */
const PASSPORT_GUARD = '@nestjs/passport#AuthGuard()'

const useGuards: ExternalHandler = (machine, call) =>
  object(machine.library('nest-decorators', call.site, { guards: call.args, items: [], metadata: undefined }))

const setMetadata: ExternalHandler = (machine, call) => {
  const [key = UNKNOWN, value = UNDEFINED] = call.args
  const metadata = { key: onlyString(key), value }
  return object(machine.library('nest-decorators', call.site, { guards: [], items: [], metadata }))
}

const applyDecorators: ExternalHandler = (machine, call) =>
  object(machine.library('nest-decorators', call.site, { guards: [], items: call.args, metadata: undefined }))

/** What the decorators of a class or method come to. */
export interface Decorated {
  readonly guards: readonly Value[]
  readonly metadata: ReadonlyMap<string, Value>
}

export function decoratedBy(decorators: readonly Value[]): Decorated {
  const guards: Value[] = []
  const metadata = new Map<string, Value>()
  const pending = [...decorators]
  for (let next = pending.pop(); next !== undefined && pending.length < 100; next = pending.pop()) {
    for (const item of next.objects) {
      if (!(item instanceof Library) || item.type !== 'nest-decorators') continue
      guards.push(...(item.data['guards'] as readonly Value[]))
      pending.push(...(item.data['items'] as readonly Value[]))
      const own = item.data['metadata'] as { readonly key: string | undefined; readonly value: Value } | undefined
      if (own?.key !== undefined) metadata.set(own.key, own.value)
    }
  }
  return { guards, metadata }
}

/** `reflector.getAllAndOverride('isPublic', [context.getHandler(), context.getClass()])` */
const reflect: MethodHandler = (_machine, _target, call) => {
  const key = onlyString(call.args[0] ?? UNKNOWN)
  const targets = (call.args[1]?.objects ?? []).flatMap((item) =>
    item.kind === 'array' ? [...item.properties.values()].flatMap((cell) => cell.value.objects) : [item],
  )
  const handler = targets.find((item): item is LibraryObject => item instanceof Library && item.type === 'nest-handler')
  if (key === undefined || handler === undefined) return UNKNOWN
  return (handler.data['metadata'] as ReadonlyMap<string, Value>).get(key) ?? UNDEFINED
}

const verify: MethodHandler = (_machine, _target, _call, state) => {
  state.learn(VERIFIED)
  return primitive(true)
}

/** `@Module({ imports: [McpModule.forRoot()], providers: [{ provide: APP_GUARD, useClass: Guard }] })` */
const module: ExternalHandler = (machine, call, state) => {
  noteModule(machine, call, state)
  return UNKNOWN
}

/** What a module provides, as its decorator says, or as the record does that `NestFactory.create(AppModule.forHttp())` is given. */
export function noteModule(machine: Machine, call: Call, state: State): void {
  const imported = listedIn(optionOf(call.args[0], 'imports'))
  for (const described of [call.args[0] ?? UNKNOWN, ...imported])
    for (const provider of listedIn(optionOf(described, 'providers'))) noteProvider(machine, provider, call, state)
}

function listedIn(list: Value | undefined): readonly Value[] {
  return (list?.objects ?? []).flatMap(valuesIn)
}

/** A guard that stands before every controller, or what is handed to whoever asks for a class. */
function noteProvider(machine: Machine, provider: Value, call: Call, state: State): void {
  for (const item of optionOf(provider, 'provide')?.objects ?? []) {
    if (item instanceof ExternalObject && item.path === '@nestjs/core#APP_GUARD')
      addGlobalGuards(machine, [optionOf(provider, 'useClass') ?? UNKNOWN], call)
    if (item instanceof ClassObject) item.shared ??= instanceOf(item, provided(provider, machine, call, state))
  }
}

function instanceOf(of: ClassObject, value: Value): InstanceObject | undefined {
  return value.objects.find((item): item is InstanceObject => item instanceof InstanceObject && item.of === of)
}

/** `useValue: made`, `useFactory: () => made`. */
function provided(provider: Value, machine: Machine, call: Call, state: State): Value {
  const value = optionOf(provider, 'useValue')
  const factory = optionOf(provider, 'useFactory')
  if (value !== undefined || factory === undefined) return value ?? UNKNOWN
  return state.aside((fork) => call_(machine, factory, { ...call, args: [] }, fork))
}

const useGlobalGuards: MethodHandler = (machine, target, call) => {
  addGlobalGuards(machine, call.args, call)
  return object(target)
}

/** The objects of one request, as everything sees them that it passes. */
export interface ExchangeParts {
  readonly request: LibraryObject
  readonly response: LibraryObject
}

/** What guards, filters, interceptors and decorators of parameters find the request by. */
export function executionContext(
  machine: Machine,
  site: Site,
  exchange?: ExchangeParts,
  handler?: Value,
): LibraryObject {
  const request = object(exchange?.request ?? machine.library('request', site))
  const response = object(exchange?.response ?? machine.library('response', site))
  return machine.library('nest-context', site, { request, response, ...(handler === undefined ? {} : { handler }) })
}

/** `createParamDecorator((data, context) => …)`, and what `@Caller('id')` gives it. */
const parameterDecorator: ExternalHandler = (machine, call) =>
  object(machine.library('nest-parameter', call.site, { factory: call.args[0] ?? UNKNOWN, given: UNDEFINED }))

const decorate: MethodHandler = (machine, target, call) =>
  object(machine.library('nest-parameter', call.site, { ...target.data, given: call.args[0] ?? UNDEFINED }))

/** Contexts that frameworks hand out without a request to be seen have one of their own. */
function partOf(machine: Machine, target: LibraryObject, name: 'request' | 'response'): Value {
  return (target.data[name] as Value | undefined) ?? keep(target, name, () => machine.library(name, target.site))
}

/** `host.getArgs()` */
const getArgs: MethodHandler = (machine, target, call) => {
  const list = machine.allocate('array', call.site)
  list.property('0').write(partOf(machine, target, 'request'))
  list.property('1').write(partOf(machine, target, 'response'))
  return object(list)
}

/** `context.getArgByIndex(0)` */
const getArgByIndex: MethodHandler = (machine, target, call) =>
  partOf(machine, target, call.args[0]?.primitives[0] === 1 ? 'response' : 'request')

const GLOBAL = 'nest-guards'

function addGlobalGuards(machine: Machine, guards: readonly Value[], call: Call): void {
  const known = machine.readyMade.get(GLOBAL) ?? machine.library(GLOBAL, call.site, { guards: [] })
  const all = known.data['guards'] as Value[]
  machine.readyMade.set(GLOBAL, known)
  for (const guard of guards)
    if (!all.some((other) => guard.objects.every((item) => other.objects.includes(item)))) all.push(guard)
}

export function globalGuards(machine: Machine): readonly Value[] {
  return (machine.readyMade.get(GLOBAL)?.data['guards'] ?? []) as readonly Value[]
}

/** Guards of libraries that ask nobody who they are. */
export function asksNobody({ objects }: Value): boolean {
  return objects.length > 0 && objects.every((item) => item instanceof ExternalObject && /throttl/i.test(item.path))
}

/** `McpModule.forRoot(options)` of mcp-nest: a controller of its own, with sessions where `streamableHttp` does not say otherwise. */
const mcpModule: ExternalHandler = (machine, call, state) => {
  serveModule(machine, call.args[0] ?? UNDEFINED, call, state)
  return UNKNOWN
}

const mcpModuleAsync: ExternalHandler = (machine, call, state) => {
  const factory = optionOf(call.args[0], 'useFactory')
  const options = factory === undefined ? UNKNOWN : state.aside((fork) => call_(machine, factory, call, fork))
  serveModule(machine, options, call, state)
  return UNKNOWN
}

function serveModule(machine: Machine, options: Value, call: Call, state: State): void {
  machine.servesMcp = true
  if (isPiped(optionOf(options, 'transport'))) return
  const endpoint = machine.library('nest-mcp', call.site, {
    stateful: isStateful(optionOf(options, 'streamableHttp')),
    guards: optionOf(options, 'guards'),
  })
  registerRoute(
    machine,
    machine.library('http-server', call.site, { tls: false }),
    { verb: '*', path: '*', handlers: [object(endpoint)], layer: false, flavour: 'node' },
    call,
    state,
  )
}

/** What the request and its answer are to the handler that the library puts on a route. */
function exchangeOf({ args }: Call): ExchangeParts | undefined {
  const [request, response] = args.map(({ objects }) => objects.find((item) => item instanceof Library))
  return request === undefined || response === undefined ? undefined : { request, response }
}

/** Standard input and output alone, or nothing: who asks for no transport serves MCP in another way. */
function isPiped(transport: Value | undefined): boolean {
  const isNone = (item: HeapObject): boolean =>
    item.kind === 'array' && item.properties.size === 0 && item.item === NEVER && item.origin === undefined
  if (transport !== undefined && transport.objects.length > 0 && !transport.open && transport.objects.every(isNone))
    return true
  const named = (transport?.objects ?? []).flatMap((item) =>
    item.kind === 'array' ? [...item.properties.values()].flatMap((cell) => cell.value.objects) : [item],
  )
  return named.length > 0 && named.every((item) => item instanceof ExternalObject && item.path.endsWith('.STDIO'))
}

/** Its defaults are not merged one by one: who sets anything of this transport has sessions, unless that says otherwise. */
function isStateful(streamable: Value | undefined): boolean {
  if (streamable === undefined || streamable.objects.length === 0) return false
  const stateless = optionOf(streamable, 'statelessMode')
  return stateless === undefined || !truthiness(stateless).canBeTrue
}

/** One request: sessions are found by the ID in the header alone, and DELETE ends them. */
const serveMcp: MethodHandler = (machine, target, call, state) => {
  const own = target.data['guards'] as Value | undefined
  const listed = own === undefined ? [] : listedIn(own)
  if (own !== undefined && listed.length === 0) state.note('opaque-middleware')
  runOwnGuards(machine, [...globalGuards(machine), ...listed], call.site, state, exchangeOf(call))
  if (state.dead) return UNKNOWN
  machine.emit('endpoint', call.site, state, { check: 'never' })
  if (target.data['stateful'] !== true) return UNKNOWN
  const store: StoreRef = {
    id: `${target.site.path}#${target.site.start}`,
    site: target.site,
    name: 'the sessions of McpModule',
    kind: 'record',
  }
  const session = object(machine.library('mcp-transport', call.site, { stateful: true, kind: 'streamable' }))
  const opening = state.fork()
  opening.learn([`absent:${store.id}`, 'init'])
  machine.emit('store-write', call.site, opening, { store, key: tagged('mint', 'sid'), value: session })
  machine.emit('store-remove', call.site, state, { store, key: tagged('sid') })
  noteLookUp(machine, store, part('header', primitive('mcp-session-id')), call.site, state)
  machine.emit('dispatch', call.site, state, {
    receiver: withTags(session, [`entry:${store.id}`, 'held']),
    how: 'transport',
  })
  return UNKNOWN
}

export const nest: Model = {
  calls: {
    '@nestjs/common#UseGuards': useGuards,
    '@nestjs/common#SetMetadata': setMetadata,
    '@nestjs/common#applyDecorators': applyDecorators,
    '@nestjs/common#Module': module,
    '@nestjs/common#createParamDecorator': parameterDecorator,
    '@nestjs/passport#AuthGuard': (_machine, call) => object(new ExternalObject(PASSPORT_GUARD, call.site)),
    '@rekog/mcp-nest#McpModule.forRoot': mcpModule,
    '@rekog/mcp-nest#McpModule.forRootAsync': mcpModuleAsync,
  },
  constructors: { [PASSPORT_GUARD]: (machine, call) => object(machine.library('nest-guard', call.site)) },
  methods: {
    'nest-guard': { canActivate: verify, '*': () => UNKNOWN },
    'nest-reflector': { '*': reflect },
    'nest-context': {
      getHandler: (_machine, target) => (target.data['handler'] as Value | undefined) ?? UNKNOWN,
      getClass: (_machine, target) => (target.data['handler'] as Value | undefined) ?? UNKNOWN,
      getRequest: (machine, target) => partOf(machine, target, 'request'),
      getResponse: (machine, target) => partOf(machine, target, 'response'),
      getArgs,
      getArgByIndex,
      '*': (_machine, target) => object(target),
    },
    'nest-parameter': { '()': decorate },
    'nest-mcp': { '()': serveMcp },
    'nest-server': { useGlobalGuards },
  },
}

/** Whether a guard is one of passport's, whose name says nothing but how a credential is read. */
export function isPassportGuard(item: unknown): boolean {
  return item instanceof ExternalObject && item.path === PASSPORT_GUARD
}
