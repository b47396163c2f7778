/** Methods of MCP that say whose something is, or that it is nobody's: known on a path as `rpc:<method>`. */
import type { Call } from './calls.ts'
import type { HeapObject } from './heap.ts'
import { ExternalObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Primitive, Value } from './value.ts'
import { UNKNOWN, hasTag, onlyString, strings } from './value.ts'
import { wordsOf } from './made-secrets.ts'

const METHOD_BY_SCHEMA = new Map([
  ['SubscribeRequestSchema', 'resources/subscribe'],
  ['UnsubscribeRequestSchema', 'resources/unsubscribe'],
  ['ReadResourceRequestSchema', 'resources/read'],
  ['ListResourcesRequestSchema', 'resources/list'],
  ['GetTaskRequestSchema', 'tasks/get'],
  ['GetTaskPayloadRequestSchema', 'tasks/result'],
  ['CancelTaskRequestSchema', 'tasks/cancel'],
  ['SetLevelRequestSchema', 'logging/setLevel'],
])
/** Of the modern protocol: a stream of what the client names. */
export const LISTEN = 'subscriptions/listen'
const METHODS: ReadonlySet<unknown> = new Set([...METHOD_BY_SCHEMA.values(), 'tasks/update', LISTEN])
const READS_RESOURCE = /^(?:registerR|r)esource$/

/** What is known where a handler that is registered by this call runs. */
export function protocolFacts(name: string, call: Call): readonly string[] {
  if (READS_RESOURCE.test(name)) return ['rpc:resources/read']
  const [what] = call.args
  if (what === undefined) return []
  if (name !== 'setRequestHandler') return namedLogin(onlyString(what))
  const schemas = what.objects.flatMap((item) =>
    item instanceof ExternalObject ? [item.path.split(/[#.]/).at(-1)] : [],
  )
  const methods = [...strings(what), ...schemas.map((schema) => METHOD_BY_SCHEMA.get(schema ?? ''))]
  return methods.flatMap((method) => methodFacts(method))
}

/** What a body teaches that calls this method. */
export function methodFacts(method: Primitive): readonly string[] {
  return METHODS.has(method) ? named(method) : namedLogin(method)
}

const UPDATED = 'notifications/resources/updated'
/** A text in which the news of a resource is written down. */
const NEWS = 'resource-news'

/** What the text of a record says that is news of a resource. */
export function newsIn({ objects }: Value): readonly string[] {
  return objects.some(isNews) ? [NEWS] : []
}

function isNews({ properties }: HeapObject): boolean {
  return properties.get('method')?.value.primitives.includes(UPDATED) === true
}

/** News of a resource, written by hand to whoever is kept somewhere. */
export function noteUpdateWritten(machine: Machine, { self, args, site }: Call, state: State): void {
  if (!hasTag(self, 'entry') || !args.some((arg) => hasTag(arg, NEWS) || arg.objects.some(isNews))) return
  machine.emit('update-sent', site, state, { receiver: self, topic: UNKNOWN, handler: undefined })
}

/** Known where the tool or method that a caller asks for is called a login. */
export const NAMED_LOGIN = 'named-login'

function namedLogin(name: Primitive): readonly string[] {
  return typeof name === 'string' && isLoginName(name) ? [NAMED_LOGIN] : []
}

/** Whether an address, a tool or a method says that callers log in there. */
export function isLoginName(name: string): boolean {
  if (name.length > LONGEST_NAME) return false
  const words = wordsOf(name).join(' ')
  return LOGIN.test(words) && !LEAVES.test(words)
}

const LONGEST_NAME = 200
const LOGIN = /\b(?:log ?in|log ?on|sign ?in|authenticate|auth|callback|sso)\b/
const LEAVES = /\b(?:log ?out|log ?off|sign ?out)\b/

/** `'tasks/get': async (params) => …`: what a table of methods calls so answers that one. */
export function tableFacts(name: string | undefined): readonly string[] {
  return METHODS.has(name) ? named(name) : []
}

/** Those that name a task have this in common, which is left where several are answered at once. */
const OF_TASKS = 'tasks/'

/** `method.startsWith('tasks/')` */
export function groupFacts(text: string | undefined): readonly string[] {
  return text === OF_TASKS ? [`rpc:${OF_TASKS}`] : []
}

function named(method: Primitive): readonly string[] {
  const name = String(method)
  return name.startsWith(OF_TASKS) ? [`rpc:${name}`, `rpc:${OF_TASKS}`] : [`rpc:${name}`]
}

/** The methods that a path is known to answer. */
export function methodsOf(state: Pick<State, 'facts'>): readonly string[] {
  return [...state.facts.must].filter((fact) => fact.startsWith('rpc:')).map((fact) => fact.slice('rpc:'.length))
}
