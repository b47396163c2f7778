/** Forms and query strings: those that a request brings, and those that are put together to be sent. */
import type { Call } from '../calls.ts'
import type { HeapObject, LibraryObject } from '../heap.ts'
import { LibraryObject as Library } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNDEFINED, UNKNOWN, derived, hasTag, object, onlyString } from '../value.ts'
import { noteCookieHeaders, noteCookieText } from './cookies.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag, namedPart } from './requests.ts'
import { optionOf } from './routing.ts'
import { inQuery } from '../secrets.ts'

/** `new URLSearchParams(text)`: of a request's body or its query; of an object, a form of our own. */
const searchParams: ExternalHandler = (machine, call, state) => {
  const [source = UNDEFINED] = call.args
  const given = bagsIn(source)
  if (given.length > 0) return object(...given)
  if (hasTag(source, 'body')) return bag(machine, 'body', call.site)
  const records = source.objects.filter(isRecord)
  const isEmpty = call.args.length === 0
  if (records.length > 0 || isEmpty) return formOf(machine, records, call, state)
  return isOfAddress(source) ? bag(machine, 'query', call.site) : derived(source)
}

/** The query that a request came by, and not a text that is written like one, such as what another server answered. */
function isOfAddress(source: Value): boolean {
  return hasTag(source, 'url') || source.tags.includes('query:*')
}

const form: ExternalHandler = (machine, call, state) => formOf(machine, [], call, state)

const headers: ExternalHandler = (machine, call, state) => {
  const [source = UNDEFINED] = call.args
  const given = bagsIn(source)
  if (given.length > 0) return object(...given)
  noteCookieHeaders(machine, source, call, state)
  const made = machine.library('plain-headers', call.site)
  for (const record of source.objects.filter(isRecord)) fill(machine, made, record, call, state)
  for (const list of source.objects.filter(({ kind }) => kind === 'array'))
    for (const pair of list.item.objects) made.elements.write(pair.properties.get('1')?.value ?? UNKNOWN)
  return object(made)
}

/** `new Request(url, { headers })`: with the headers of a request it is that request, handed on. */
const request: ExternalHandler = (machine, call) => {
  const [source = UNDEFINED, init = UNDEFINED] = call.args
  const given = optionOf(init, 'headers') ?? UNDEFINED
  const isHandedOn =
    source.objects.some((item) => item instanceof Library && item.type === 'fetch-request') ||
    bagsIn(given).length > 0 ||
    given.objects.some(({ item }) => hasTag(item, 'header:*'))
  return isHandedOn ? object(machine.library('fetch-request', call.site)) : derived(...call.args)
}

/** `querystring.parse(text)`. */
const parse: ExternalHandler = (machine, call) =>
  bag(machine, hasTag(call.args[0] ?? UNKNOWN, 'body') ? 'body' : 'query', call.site)

function formOf(machine: Machine, records: readonly HeapObject[], call: Call, state: State): Value {
  const made = machine.library('form', call.site)
  for (const record of records) fill(machine, made, record, call, state)
  return object(made)
}

function fill(machine: Machine, made: LibraryObject, record: HeapObject, call: Call, state: State): void {
  for (const [name, cell] of record.properties)
    made.property(name).write(inQuery(machine, name, cell.value, cell.site ?? call.site, state))
}

function isRecord(item: HeapObject): boolean {
  return item.kind === 'object' || (item instanceof Library && OWN.has(item.type))
}

const OWN: ReadonlySet<string> = new Set(['form', 'plain-headers'])

/** The parts of requests among what a value may be. */
export function bagsIn(value: Value): readonly LibraryObject[] {
  return value.objects.filter((item): item is LibraryObject => item instanceof Library && item.type === 'bag')
}

const write: MethodHandler = (machine, target, call, state) => {
  const name = onlyString(call.args[0] ?? UNKNOWN)
  if (name === undefined) target.elements.write(call.args[1] ?? UNKNOWN)
  else target.property(name).write(inQuery(machine, name, call.args[1] ?? UNKNOWN, call.site, state))
  return UNDEFINED
}

/** `headers.append('Set-Cookie', …)`, for an answer. */
const writeHeader: MethodHandler = (machine, target, call, state, method) => {
  const [name = UNKNOWN, value = UNKNOWN] = call.args
  if (onlyString(name)?.toLowerCase() === 'set-cookie') noteCookieText(machine, value, call.site, state)
  return write(machine, target, call, state, method)
}

const read: MethodHandler = (_machine, target, call) => {
  const name = onlyString(call.args[0] ?? UNKNOWN)
  if (name === undefined) return UNKNOWN
  const own = target.properties.get(name)?.value
  return own ?? (target.item === NEVER ? UNKNOWN : namedPart(target.item, name))
}

const asText: MethodHandler = (_machine, target) => contentOfForm(target)

/** As text it is made of all that is in it. */
export function contentOfForm(made: LibraryObject): Value {
  return derived(made.item, ...[...made.properties.values()].map((cell) => cell.value))
}

const methods: Readonly<Record<string, MethodHandler>> = {
  set: write,
  append: write,
  get: read,
  has: () => UNKNOWN,
  delete: () => UNDEFINED,
  toString: asText,
  entries: (_machine, target) => object(target),
  '*': asText,
}

export const forms: Model = {
  constructors: {
    'global:URLSearchParams': searchParams,
    'node:url#URLSearchParams': searchParams,
    'global:FormData': form,
    'global:Headers': headers,
    'global:Request': request,
  },
  calls: {
    'node:querystring#parse': parse,
    'node:querystring#default.parse': parse,
    'qs#parse': parse,
    'qs#default.parse': parse,
  },
  methods: {
    form: methods,
    'plain-headers': { ...methods, set: writeHeader, append: writeHeader },
    'fetch-request': { formData: (machine, _target, call) => bag(machine, 'body', call.site) },
    'hono-request': { formData: (machine, _target, call) => bag(machine, 'body', call.site) },
  },
}
