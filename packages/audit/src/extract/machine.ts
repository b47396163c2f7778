/** The abstract machine: everything the interpreter shares while it walks one tree. */
import { AudienceQuestions } from './audiences.ts'
import type { SourceFile, SourceTree } from '../source/tree.ts'
import type { Gap } from '../finding/finding.ts'
import type { Node } from './ast.ts'
import type { Beside } from './models/beside.ts'
import { Branches } from './branches.ts'
import type { Context, Event, EventKind, EventOf, RouteFact, StoreRef, Trigger } from './events.ts'
import { type Declared, NOTHING_DECLARED } from './declared.ts'
import { FirstUses } from './first-uses.ts'
import { closedOver } from './given.ts'
import type { ClassObject, Site } from './heap.ts'
import { Cell, FunctionObject, HeapObject, LibraryObject, siteKey, storeId } from './heap.ts'
import { noteLeft, noteTouch, touchesSessions } from './logouts.ts'
import type { Module } from './modules.ts'
import { QuietFunctions } from './quiet.ts'
import type { Resolve } from './resolve.ts'
import type { Part } from './secrets.ts'
import type { Facts } from './state.ts'
import { State } from './state.ts'
import { LeftEarly } from './left-early.ts'
import { Summaries } from './summaries.ts'
import type { TimeSeen } from './wordings.ts'
import type { Value } from './value.ts'
import { strings } from './value.ts'

/** One way a function ends. */
export interface Exit {
  readonly state: State
  readonly value: Value
  /** Where the value that it returns stands. */
  readonly site?: Site
}

/** Where `break`, `continue` and `return` lead while a function runs. */
export interface Frame {
  readonly exits: Exit[]
  readonly jumps: Jump[]
  readonly self: Value | undefined
  /** What the function itself has made. */
  readonly made?: Set<HeapObject>
  /** What a generator hands out on its way, and how things stand there. */
  readonly yields?: Exit[]
  /** Where it only puts something in words: what it has compared for that (`wordings.ts`). */
  words?: Set<string> | undefined
}

/** What `break` and `continue` leave. */
interface Jump {
  readonly label: string | undefined
  readonly loop: boolean
  readonly states: State[]
  /** How often the body of a loop runs, where the source says it. */
  readonly rounds?: number | undefined
}

/** Code that runs later: a timer, a listener, a transport callback. */
export interface Deferred {
  readonly callee: Value
  readonly args: readonly Value[]
  readonly facts: Facts
  readonly context: Context
  /** Skipped when this transport lost its handler. */
  readonly unless?: LibraryObject
  /** What holds where it runs. */
  readonly known?: readonly string[]
}

/** A handler that a framework will call for requests. */
export interface Route extends RouteFact {
  readonly handlers: readonly Value[]
  readonly flavour: Flavour
  readonly facts: Facts
  readonly order: number
  /** Middleware of the app, to be followed by whatever is mounted after it. */
  readonly layer: boolean
}

/**
 * `fastify-socket`: hooks as of Fastify, and a handler that is given a socket first. `worker`: as `fetch`, with an
 * environment; `hono-mount`: that, behind middleware of Hono; `express-socket`: handlers that are given a socket first,
 * behind middleware of Express.
 */
export type Flavour =
  | 'express'
  | 'koa'
  | 'hono'
  | 'hono-mount'
  | 'fastify'
  | 'fastify-socket'
  | 'express-socket'
  | 'hapi'
  | 'elysia'
  | 'fresh'
  | 'h3'
  | 'node'
  | 'fetch'
  | 'action'
  | 'worker'
  | 'lambda'
  | 'socket'
  | 'socket-io'

/** Bounds: an audit must end, whatever it reads. */
export const LIMITS = {
  stepsPerRoot: 200_000,
  stepsPerModule: 300_000,
  /** Of all roots together, each time that requests are followed. */
  stepsPerPass: 2_000_000,
  /** Of one root, where those are spent. */
  stepsAfterwards: 1_000,
  depth: 24,
  recursion: 2,
} as const

/** What a call may use of what its caller has left, and what it may use at least: nothing starves what comes after it. */
const RATIONS = {
  /** Given the request, or what came with it; or at start-up, where everything is wired together. */
  ample: { share: 0.7, least: 40_000 },
  plain: { share: 0.1, least: 40_000 },
  /** What is done for one path only. */
  path: { share: 0.5, least: 20_000 },
} as const

/** What is read and written before the first request says nothing of requests. */
const PASSING_AT_START: ReadonlySet<EventKind> = new Set([
  'store-read',
  'store-write',
  'store-remove',
  'entry-write',
  'session-marked',
  'entry-close',
  'time-check',
  'dispatch',
  'shared-read',
  'shared-write',
  'shared-clear',
  'stale-write',
  'send-all',
  'handle-out',
])

const SERVING: ReadonlySet<EventKind> = new Set(['listen', 'route', 'transport', 'connect'])

const MOST_KINDS = 40

export class Machine {
  readonly modules = new Map<string, Module>()
  readonly events: Event[] = []
  /** The same thing seen again on an equal path is one event. */
  private readonly emitted = new Set<string>()
  private readonly signatures = new Signatures()
  /** Counts what was emitted, repetitions included. */
  eventCount = 0
  /** Counts what was seen for the first time. */
  news = 0
  private readonly put = new Set<string>()
  readonly quiet = new QuietFunctions()
  readonly summaries = new Summaries()
  /** Comparisons with the clock of which only a word was left, by the tag of that word. */
  readonly wordedTimes = new Map<string, TimeSeen>()
  readonly firstUses = new FirstUses()
  /** Counts writes that told an instance something new: a constructor that fills it is worth walking. */
  instanceNews = 0
  readonly gaps: Gap[] = []
  readonly routes: { readonly app: LibraryObject; readonly route: Route }[] = []
  /** Middleware by the app it was registered on, in order. */
  readonly layers = new Map<LibraryObject, Route[]>()
  readonly leftEarly = new LeftEarly()
  /** Objects that packages export, by import path. */
  readonly readyMade = new Map<string, LibraryObject>()
  /** `req.app` is one of them. */
  readonly expressApps = new Set<LibraryObject>()
  /** What runs where a part of a literal is read. */
  readonly getters = new Map<Cell, FunctionObject>()
  /** Plugins that work on the context of whoever registers them (`fastify-plugin`). */
  readonly openPlugins = new Set<HeapObject>()
  readonly reached = new Set<Node>()
  /** Functions that have run while a request was served. */
  readonly served = new Set<Node>()
  /** Functions that code has been given that we cannot see, and that may have called them. */
  readonly givenAway = new Set<Node>()
  /** Classes of transports that nobody here makes one of: whoever does may make one for each session. */
  readonly transportsLeft = new Set<Site>()
  /** Functions that start-up has made, the first of each place. */
  readonly functions = new Map<Node, FunctionObject>()
  readonly requiredEnv = new Set<string>()
  /** `unset`: what the environment does not insist on is not there. What it runs as (`NODE_ENV`) always is. */
  settings: 'any' | 'unset' = 'any'
  /** Addresses that a call to listen is given while nothing is set, by its place. */
  readonly defaultHosts = new Map<string, Value>()
  /** Keys of MACs that are made only to be compared with each other. */
  readonly blindedKeys = new Set<string>()
  /** By table, the columns that hold what is made here; by table and place, those that a row is looked up by. */
  readonly madeColumns = new Map<string, Set<string>>()
  readonly askedColumns = new Map<string, Set<string>>()
  /** Where the text stands that a setting falls back to, by the tag of its value. */
  readonly fallbacks = new Map<string, Site>()
  /** Where texts stand that a record of settings calls a credential. */
  readonly writtenTexts = new Map<string, Site>()
  /** Texts that start-up does not go on with, each with the settings that it is a default of. */
  readonly refusedTexts = new Set<string>()
  /** Settings whose default that is, by the tags of their values. */
  readonly refusedDefaults = new Set<string>()
  /** Origins that name sessions in this program, as seen in look-ups. */
  readonly handleTags = new Set<string>()
  /** Fields of web sessions, and for which requests they were read. */
  readonly sessionReads = new Map<string, Set<Context>>()
  /** Fields of owners that are compared with the caller only where they are set, as `store:field`. */
  readonly comparedWhereSet = new Map<string, Site>()
  /** Fields of records that something depends on, as `store:field`, by the activations that asked. */
  readonly askedFields = new Map<string, Set<number>>()
  /** Stores whose records are compared with those of another, by that other. */
  readonly comparedWith = new Map<string, Set<string>>()
  /** Where it is only asked whether a container has an entry: nobody is given it there. */
  readonly onlyAsked = new Set<string>()
  /** Containers of which an entry was held against who the caller is, each with the activation that did. */
  readonly comparedWithCaller = new Set<string>()
  /** There are agents that may end themselves: whether they do by the clock, the facts of a path say. */
  watchesAgents = false
  /** Places that facts of a path speak of. */
  readonly places = new Map<string, Site>()
  /** Methods in whose handlers it is asked who may have what. */
  readonly permissionAsked = new Set<string>()
  /** Activations that listen to what an emitter of all tells under a name that is written down. */
  readonly hearingAll = new Set<number>()
  /** Activations in which code ran that we cannot see and that may have ended something. */
  readonly mayHaveEnded = new Branches()
  /** How much had happened when the handler of a request was called. */
  readonly handlersBegan = new Map<number, number>()
  /** Counts how often something was done about sessions of a user. */
  touches = 0
  /** The last time that this was done in an activation. */
  readonly lastTouch = new Map<number, number>()
  /** Activations in which it is asked whether the caller may have what it wants. */
  readonly permitting = new Set<number>()
  /** Activations in which what a header says is called was held against what the body calls. */
  readonly namesCompared = new Set<number>()
  /** Containers that were held against the event that a request names last, each with its activation. */
  readonly resuming = new Set<string>()
  /** What was held against the session, each with its activation. */
  readonly replaysCompared = new Set<string>()
  /** Places that were counted up or down at once, as `place:up`. */
  readonly counted = new Set<string>()
  /** Fields in which verifiers hand on the token as it came. */
  readonly tokenFields = new Set<string>()
  /** Where it is asked whom a token is for. */
  readonly audiences = new AudienceQuestions()
  /** Variables and properties that requests write and that outlive them. */
  readonly sharedCells = new Set<Cell>()
  /** What requests have put in the place of functions of the platform, by its path. */
  readonly replaced = new Map<string, Cell>()
  /** Files that others import. */
  readonly imported = new Set<string>()
  /** Files that nobody imports, starts or exports, in a package that serves by others. */
  readonly leftBehind = new Set<string>()
  /** Whether some file finds others by where they lie, once that was asked. */
  loadsFolders: boolean | undefined
  /** A file of the program's own is imported that is not here. */
  lacksFiles = false
  /** Where such a file serves MCP. */
  readonly absentHandlers = new Set<string>()
  /** Entries of containers under keys that stand in the source. */
  readonly fixedEntries = new Map<string, Cell>()
  /** Made by a request for all that come after it: what a variable or field that outlives requests holds. */
  readonly singletons = new Set<HeapObject>()
  /** Places that requests write and that outlive them, whichever object holds them this time. */
  readonly sharedKeys = new Set<string>()
  /** Where each of them was read, by place and moment. */
  readonly readSites = new Map<string, Site>()
  deferred: Deferred[] = []
  /** What frameworks call beside handlers, by its place. */
  readonly beside = new Map<string, Beside>()
  /** Handlers of tools, resources and prompts, by their places and what they close over: each runs once. */
  readonly tools = new Map<string, Deferred>()
  /** The web session middleware that requests pass, if there is one. */
  webSession: { readonly store: StoreRef; readonly library: string } | undefined
  readonly webFields = new Set<string>()
  /** Fields of sessions whose timers are refreshed. */
  readonly refreshedTimers = new Set<string>()
  /** Apps and handlers that a host serves to the network, by the places where they are made. */
  readonly hosted = new Set<string>()
  /** Stands for apps whose making was not seen. */
  unseenApp: LibraryObject | undefined
  /** Handlers that no route leads to and that were put on that app. */
  readonly leftHandlers = new Set<Node>()
  /** Where serving begins, and the calls that lead there: each of several servers may use one function of another package. */
  readonly servers = new Map<string, Site>()
  /** By place: the parts of what may be written down, and what they came of. */
  readonly parts = new Map<string, Part>()
  /** Something here listens: whoever mounts its handlers is in the tree. */
  listens = false
  /** An MCP server is made somewhere, over whatever transport. */
  servesMcp = false
  /** Classes here say by their decorators which requests they answer. */
  hasControllers = false
  /** Classes of the kind that functions have made. */
  readonly madeControllers = new Set<ClassObject>()
  private readonly databases = new Map<string, Cell>()
  readonly toldLibraries = new Map<string, Cell>()
  private readonly listeners = new Map<string, Map<string, Value>>()
  /** Kinds of events that count now; all if undefined. */
  private recorded: ReadonlySet<EventKind> | undefined
  context: Context = { trigger: 'startup', activation: 0 }
  frame: Frame = { exits: [], jumps: [], self: undefined }
  /** Calls being followed, outermost first. */
  calls: Site[] = []
  /** The innermost call, or making of an instance, that has not ended. */
  private asked: Site | undefined
  private readonly makers = new Map<string, number>()
  /** The number of whoever asks now, once it was wanted. */
  private asker: number | undefined
  /** Paths on which middleware has called `next`. */
  passed: State[] = []
  /** Functions being executed, innermost last. */
  readonly stack: Node[] = []
  /** Two moments with different numbers may have other requests between them; the later has the greater number. */
  moment = 0
  private moments = 0
  locks = 0
  order = 0
  /** Steps of the root that runs now. */
  steps = 0
  /** Where the steps of what runs now end: at its ration, at the latest at the budget of its root. */
  private limit: number = LIMITS.stepsPerRoot
  private activations = 0
  exhausted = false
  /** Activations of which not all was read. */
  readonly cut = new Set<number>()
  /** Counts calls that may have ended what a caller had. */
  mayEnds = 0
  /** Steps that the roots of this pass have taken. */
  spent = 0
  /** Counts roots, to tell one from the next. */
  rootNumber = 0

  readonly tree: SourceTree
  readonly resolve: Resolve
  readonly declared: Declared
  constructor(tree: SourceTree, resolve: Resolve, declared: Declared = NOTHING_DECLARED) {
    this.tree = tree
    this.resolve = resolve
    this.declared = declared
  }

  site(file: SourceFile, node: { readonly start: number; readonly end: number }): Site {
    return { file, path: file.path, start: node.start, end: node.end }
  }

  emit<K extends EventKind>(
    kind: K,
    site: Site,
    state: State,
    data: Omit<EventOf<K>, 'kind' | 'site' | 'via' | 'calledFrom' | 'context' | 'facts' | 'moment' | 'alone'>,
  ): void {
    if (this.context.trigger === 'unreached' && kind !== 'listen' && kind !== 'route') return
    if (kind === 'listen') this.listens = true
    if (touchesSessions(kind, data)) noteTouch(this, state)
    if (kind === 'store-remove') noteLeft(state, data as unknown as Pick<EventOf<'store-remove'>, 'store' | 'key'>)
    if (this.recorded?.has(kind) === false) return
    if (this.context.trigger !== 'startup' || !PASSING_AT_START.has(kind)) this.eventCount += 1
    if (SERVING.has(kind))
      for (const place of [this.calls[0], site])
        if (place !== undefined) this.servers.set(`${place.path}#${place.start}`, place)
    const { activation, trigger, timer } = this.context
    const armed = timer === undefined ? '' : `${timer.site.start}.${String(timer.data['field'])}`
    // One call may connect a server found and another one made, or start one with TLS and one without, or use what it made and what another left, or set several columns, or two limits, or take out of one store and another of the same make, or send what two containers hold: they are two things.
    const {
      server,
      receiver,
      tls = '',
      field = '',
      limit = '',
      store = '',
      container,
    } = data as {
      readonly server?: HeapObject
      readonly receiver?: Value
      readonly tls?: boolean
      readonly field?: string
      readonly limit?: string
      readonly store?: StoreRef | HeapObject | string
      readonly container?: HeapObject
    }
    const kept = typeof store === 'string' ? instanceIn(store) : 'id' in store ? instanceIn(store.id) : ''
    const isOfOthers = receiver?.objects.some(({ born }) => born !== activation) ?? false
    // One list may hold several secrets.
    const texts = kind === 'secret-use' ? strings((data as unknown as EventOf<'secret-use'>).value).join() : ''
    const held = container === undefined ? '' : storeId(container)
    const of =
      server === undefined
        ? `${tls}${isOfOthers}${field}${limit}${texts}${held}`
        : `${siteKey(server.site)}#${server.born}`
    const key = `${kind}|${site.path}|${site.start}|${activation}|${trigger}|${armed}|${of}|${kept}|${this.signatures.of(state.facts)}`
    if (this.emitted.has(key)) return
    this.emitted.add(key)
    this.news += 1
    const via = this.calls[0]
    const calledFrom = this.calls.at(-1)
    this.events.push({
      kind,
      site,
      via,
      calledFrom,
      context: this.context,
      facts: state.facts,
      moment: this.moment,
      alone: this.locks > 0 || state.holds('locked'),
      ...data,
    } as unknown as Event)
  }

  /** Whether code that is being run already may not be entered once more. */
  isTooDeep(node: Node): boolean {
    const seen = this.stack.filter((item) => item === node).length
    return seen >= LIMITS.recursion || this.stack.length >= LIMITS.depth
  }

  /** A fault of the interpreter costs what it was reading, not the audit. */
  guarded(what: string, run: () => void, path = '.'): void {
    const depth = this.stack.length
    const { locks } = this
    try {
      run()
    } catch (error) {
      this.stack.length = depth
      this.locks = locks
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
      this.gaps.push({ path, reason: `Following ${what} of this server failed (${reason}).`, total: true })
    }
  }

  /** Something is awaited: other requests may run before what comes next. */
  wait(): void {
    this.moment = this.moments += 1
  }

  /** Runs code that waits by itself: whoever called it goes on at once, unless it awaits the outcome. */
  later<T>(run: () => T): T {
    const { moment } = this
    try {
      return run()
    } finally {
      this.moment = moment
    }
  }

  /** Runs with a part of the budget that is left, so that what comes after has the rest; says whether that was too little. */
  rationed(ration: keyof typeof RATIONS, run: () => void): boolean {
    const { limit } = this
    const { share, least } = RATIONS[ration]
    this.limit = Math.min(limit, this.steps + Math.max(least, Math.floor((limit - this.steps) * share)))
    try {
      run()
      return this.steps > this.limit && this.limit < limit
    } finally {
      this.limit = limit
    }
  }

  /** Says what was cut off, if the root that runs now was: nobody may take what was not read for kept. */
  noteCut(what: string, site: Site): void {
    if (!this.exhausted) return
    this.cut.add(this.context.activation)
    const location = site.file.locate(site.start, site.end)
    const reason = `The ${what} at line ${location.startLine} is too large to follow to its end.`
    this.gaps.push({ path: site.path, reason, total: true, location })
  }

  /** Runs code of which only some kinds of events matter. */
  recordOnly(kinds: ReadonlySet<EventKind>, run: () => void): void {
    const { recorded } = this
    this.recorded = kinds
    try {
      run()
    } finally {
      this.recorded = recorded
    }
  }

  /** Pieces of a server are run, of which only some kinds of events are recorded. */
  get inPieces(): boolean {
    return this.recorded !== undefined
  }

  /** Counts one step; false when the budget of what runs now is spent. */
  step(): boolean {
    this.steps += 1
    if (this.steps <= this.limit) return true
    this.exhausted = true
    return false
  }

  /** Runs a root with a fresh budget, frame and context. */
  root<T>(context: Context, run: () => T, budget: number = LIMITS.stepsPerRoot): T {
    const saved = {
      context: this.context,
      calls: this.calls,
      frame: this.frame,
      steps: this.steps,
      limit: this.limit,
      exhausted: this.exhausted,
    }
    this.context = context
    this.frame = { exits: [], jumps: [], self: undefined }
    this.passed = []
    this.calls = []
    this.steps = 0
    this.limit = this.spent < LIMITS.stepsPerPass ? budget : Math.min(budget, LIMITS.stepsAfterwards)
    this.exhausted = false
    this.rootNumber += 1
    try {
      return run()
    } finally {
      this.spent += this.steps
      this.context = saved.context
      this.frame = saved.frame
      this.calls = saved.calls
      this.steps = saved.steps
      this.limit = saved.limit
      this.exhausted = saved.exhausted
    }
  }

  /** Runs with another trigger, within the same activation. */
  within<T>(context: Context, run: () => T): T {
    const saved = this.context
    this.context = context
    try {
      return run()
    } finally {
      this.context = saved
    }
  }

  newActivation(): number {
    this.activations += 1
    return this.activations
  }

  triggered(trigger: Trigger): Context {
    return { ...this.context, trigger }
  }

  defer(callee: Value, args: readonly Value[], state: State, context: Context): void {
    if (this.deferred.length > 2_000) return
    this.noteDeferred(callee, context)
    this.deferred.push({ callee, args, facts: state.facts, context })
  }

  allocate(kind: HeapObject['kind'], site: Site): HeapObject {
    const made = new HeapObject(kind, site, this.context.activation)
    if (this.context.activation === 0 && this.asked !== undefined) made.maker = this.asker ??= this.makerOf(this.asked)
    this.frame.made?.add(made)
    return made
  }

  /** A number for whoever asks start-up code for what it makes. */
  private makerOf(asked: Site): number {
    const key = siteKey(asked)
    const known = this.makers.get(key) ?? this.makers.size + 1
    this.makers.set(key, known)
    return known
  }

  /** Runs what is asked for from a place: what start-up makes meanwhile is known by it. */
  askedFrom<T>(site: Site, run: () => T): T {
    const { asked, asker } = this
    this.asked = site
    this.asker = undefined
    try {
      return run()
    } finally {
      this.asked = asked
      this.asker = asker
    }
  }

  /** A function has put something with an origin where another one finds it: called again, it has to do so again. */
  noteLeft(value: Value): void {
    if (this.context.activation !== 0 && value.tags.length > 0) this.eventCount += 1
  }

  library(type: string, site: Site, data: Record<string, unknown> = {}): LibraryObject {
    return new LibraryObject(type, site, this.context.activation, data)
  }

  /** `transport.onclose = fn`. Dead code where `connect()` of this version overwrites what was set before it. */
  deferOnclose(callee: Value, transport: LibraryObject, state: State): void {
    const context = this.triggered('onclose')
    this.noteDeferred(callee, context)
    this.deferred.push({ callee, args: [], facts: state.facts, context, unless: transport })
  }

  deferTool(callee: Value, args: readonly Value[], state: State, known: readonly string[] = []): void {
    const [first] = callee.objects
    if (first === undefined || this.tools.size > 3_000) return
    const key = `${siteKey(first.site)}|${closedOver(first).join()}`
    if (!this.tools.has(key)) this.news += 1
    this.tools.set(key, {
      callee,
      args,
      facts: state.facts,
      context: this.context,
      known,
    })
  }

  /** No request is seen to lead there, be it that nobody calls it or that it was only handed to code that we cannot see. */
  isLeft(node: Node): boolean {
    return !this.served.has(node) && (!this.reached.has(node) || this.givenAway.has(node))
  }

  /** Start-up made it; nobody may ever be seen to call it. */
  noteFunction(fn: FunctionObject): void {
    if (this.context.activation === 0 && !this.functions.has(fn.node)) this.functions.set(fn.node, fn)
  }

  /** The same code put off again in the same activation is no news. */
  private noteDeferred(callee: Value, { trigger, activation, timer }: Context): void {
    const places = callee.objects.map(({ site }) => siteKey(site)).join()
    const key = `${places}|${trigger}|${activation}|${timer?.site.start}`
    if (this.put.has(key)) return
    this.put.add(key)
    this.news += 1
  }

  hasDatabase(id: string): boolean {
    return this.databases.has(id)
  }

  /** All that was put into a container, by what its keys begin with. */
  databasesIn(container: string): readonly string[] {
    return [...this.databases.keys()].filter((id) => id === container || id.startsWith(`${container}#`))
  }

  /** What a database holds under one kind of key. */
  databaseCell(id: string): Cell {
    let cell = this.databases.get(id)
    if (cell === undefined) {
      cell = new Cell(id, 0)
      this.databases.set(id, cell)
    }
    return cell
  }

  /** What a package is told by requests, which all of them share. */
  libraryCell(name: string): Cell {
    const cell = this.toldLibraries.get(name) ?? new Cell(name, 0)
    this.toldLibraries.set(name, cell)
    return cell
  }

  /** Somebody listens on a channel of a message broker: one listener per place. */
  listenTo(channel: string, listener: Value): void {
    const [first] = listener.objects
    if (first === undefined) return
    const known = this.listeners.get(channel) ?? new Map<string, Value>()
    known.set(`${first.site.path}#${first.site.start}`, listener)
    this.listeners.set(channel, known)
  }

  listenersOf(channel: string): readonly Value[] {
    return [...(this.listeners.get(channel)?.values() ?? [])]
  }

  markReached(fn: FunctionObject): void {
    fn.executed = true
    this.reached.add(fn.node)
    if (this.context.trigger === 'request') this.served.add(fn.node)
  }

  /** What the keys of a container begin with, of each kind of thing that was put there; nothing, where one begins with nothing known. */
  readonly keyKinds = new Map<string, Set<string>>()

  noteKind(store: string, tags: readonly string[]): void {
    const kinds = this.keyKinds.get(store) ?? new Set()
    if (kinds.size >= MOST_KINDS) return
    kinds.add(tags.filter((tag) => tag.startsWith('prefix:')).join())
    this.keyKinds.set(store, kinds)
  }

  /** Containers by identity, for entries that remember only where they came from. */
  readonly containers = new Map<string, HeapObject>()

  /** Whether a container outlives the request: a database does, an object made in the request does not. */
  isLasting(store: string): boolean {
    const container = this.containers.get(store)
    return (
      container === undefined ||
      container.born === 0 ||
      container.retained ||
      container.born !== this.context.activation
    )
  }
}

/** What tells a store from others that the same place has made. */
function instanceIn(store: string): string {
  return store.slice(store.indexOf('~') + 1 || store.length)
}

/**
 * Tells paths apart by what they know. Sets of facts are replaced, never changed, and what a path learns or notes replaces
 * one of the two: each is read once, and those that say the same have the same number.
 */
class Signatures {
  private readonly numbers = new Map<string, number>()
  private readonly must = new WeakMap<ReadonlySet<string>, number>()
  private readonly may = new WeakMap<ReadonlySet<string>, number>()

  of({ must, may }: Facts): string {
    return `${this.numberOf(must, this.must, () => true)};${this.numberOf(may, this.may, isLasting)}`
  }

  private numberOf(
    facts: ReadonlySet<string>,
    known: WeakMap<ReadonlySet<string>, number>,
    counts: (fact: string) => boolean,
  ): number {
    let number = known.get(facts)
    if (number !== undefined) return number
    const text = [...facts].filter(counts).toSorted().join(',')
    number = this.numbers.get(text) ?? this.numbers.size
    this.numbers.set(text, number)
    known.set(facts, number)
    return number
  }
}

/** What was checked when matters to the next write, not to what is recorded. */
function isLasting(fact: string): boolean {
  return !fact.startsWith('checked:') && !fact.startsWith('settled:')
}
