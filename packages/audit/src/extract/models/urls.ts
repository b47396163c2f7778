/** URLs: those that requests come by, and those that are put together to be sent. */
import type { LibraryObject } from '../heap.ts'
import { LibraryObject as Library } from '../heap.ts'
import type { Value } from '../value.ts'
import { NEVER, UNKNOWN, derived, hasTag, join, object, tagged, withTags } from '../value.ts'
import { contentOfForm } from './forms.ts'
import type { ExternalHandler, MethodHandler, Model, PropertyHandler } from './model.ts'
import { keep } from './requests.ts'

const url: ExternalHandler = (machine, call) =>
  object(machine.library('url', call.site, { source: call.args[0] ?? UNKNOWN, base: call.args[1] }))

const read: PropertyHandler = (machine, target, name, _key, site) => {
  const source = sourceOf(target)
  const isOfRequest = source.tags.includes('url')
  if (name === 'searchParams' || name === 'query')
    return isOfRequest
      ? object(machine.library('bag', site, { origin: 'query' }))
      : keep(target, 'params', () => machine.library('form', site))
  if (isOfRequest) return HOST.has(name ?? '') && namesHost(target) ? tagged('header:host', 'host') : tagged('url')
  if (name === 'protocol') return withTags(UNKNOWN, ['proto'])
  return name === 'href' ? textOf(target) : source
}

const HOST: ReadonlySet<string> = new Set(['host', 'hostname', 'origin'])

/** Of a request whose address is whole, or is completed by the host that it names. */
function namesHost({ data }: LibraryObject): boolean {
  const base = data['base'] as Value | undefined
  return base === undefined || hasTag(base, 'host')
}

const write: MethodHandler = (_machine, target) => textOf(target)

function sourceOf(target: LibraryObject): Value {
  return derived(target.data['source'] as Value)
}

/** What stands in it: the address it was made of, the query that was added, and the parts that were put in afterwards. */
function textOf(target: LibraryObject): Value {
  const params = (target.properties.get('.params')?.value ?? NEVER).objects.filter((item) => item instanceof Library)
  const parts = PARTS.flatMap((name) => target.properties.get(name)?.value ?? [])
  return derived(sourceOf(target), ...params.map(contentOfForm), ...parts.map(asAddress))
}

const PARTS = ['search', 'pathname', 'href'] as const

/** A value as it is written into text: a URL as its address, a form as its query. */
export function asAddress(value: Value): Value {
  const texts = value.objects.flatMap((item) => (item instanceof Library ? (textIn(item) ?? []) : []))
  if (texts.length === 0) return value
  return texts.reduce(join, texts.length < value.objects.length ? value : NEVER)
}

function textIn(item: LibraryObject): Value | undefined {
  if (item.type === 'url') return textOf(item)
  return item.type === 'form' ? contentOfForm(item) : undefined
}

export const urls: Model = {
  constructors: { 'global:URL': url, 'node:url#URL': url },
  methods: { url: { toString: write, toJSON: write, '*': () => UNKNOWN } },
  properties: { url: read },
}
