/** Literals of objects and arrays, and what spreading puts into them. */
import { noteMadeOf } from './filled-lists.ts'
import type { Node } from './ast.ts'
import { ITERATOR, bare, isNode, staticKey } from './ast.ts'
import { callMethod } from './calls.ts'

import { nameIn, noteAdded, noteSpread } from './copies.ts'
import type { Environment, HeapObject, Site } from './heap.ts'
import { Cell, FunctionObject, InstanceObject, LibraryObject, storeId } from './heap.ts'
import type { Machine } from './machine.ts'
import { isDrawnByte } from './models/typed-arrays.ts'
import { leaveOpen, stepTags, takeIn } from './properties.ts'
import { noteStateOut } from './request-state.ts'
import { notePart } from './secrets.ts'
import type { State } from './state.ts'
import { noteMade } from './made-secrets.ts'
import type { Value } from './value.ts'
import { NEVER, UNKNOWN, derived, join, object, tagged, withTags } from './value.ts'
import { evaluate } from './expressions.ts'
import { createFunction } from './classes.ts'

export function evaluateObject(machine: Machine, node: Node, state: State, env: Environment): Value {
  const site = machine.site(env.file, node)
  const target = machine.allocate('object', site)
  const self = object(target)
  let tags = NEVER
  for (const item of node['properties'] as Node[]) {
    if (item.type === 'SpreadElement') {
      const source = evaluate(machine, item['argument'] as Node, state, env)
      spread(target, source)
      noteSpread(target, source)
      tags = join(tags, derived(source).with({ open: false }))
      continue
    }
    const name = staticKey(item)
    const isMethod = item['method'] === true || item['kind'] === 'get' || item['kind'] === 'set'
    const value = isMethod
      ? object(createFunction(machine, item['value'] as Node, env, name, undefined))
      : evaluate(machine, item['value'] as Node, state, env)
    if (name === undefined) {
      const key = evaluate(machine, item['key'] as Node, state, env)
      target.elements.write(value)
      target.keys.write(key)
      noteAdded(target, key, value)
    } else {
      if (!isMethod) notePart(machine, env, item['value'] as Node, value)
      for (const inner of value.objects) {
        inner.name ??= name
        if (inner instanceof LibraryObject && inner.type === 'timer') inner.data['field'] ??= name
      }
      noteWritten(machine, name, item['value'] as Node, env)
      target.undefine(name)
      maybes.get(target)?.delete(name)
      const made = noteMade(machine, name, value, machine.site(env.file, item['value'] as Node), state)
      if (item['kind'] === 'get') noteGetter(machine, target.property(name), value)
      else target.property(name).write(made)
    }
  }
  noteStateOut(machine, target.properties.get('requestState')?.value, site, state)
  return self
}

/** `{ get journal() { … } }`: it runs where it is read. */
function noteGetter(machine: Machine, cell: Cell, { objects: [fn] }: Value): void {
  cell.write(UNKNOWN)
  if (fn instanceof FunctionObject) machine.getters.set(cell, fn)
}

/** `{ sessionSecret: 'secret' }`, `const SECRET = 'secret'`: where the text stands, for whoever finds it used elsewhere. */
export function noteWritten(machine: Machine, name: string, given: Node, env: Environment): void {
  const node = bare(given)
  if (node.type !== 'Literal' || typeof node['value'] !== 'string' || !NAMES_SECRET.test(name)) return
  if (!machine.writtenTexts.has(node['value'])) machine.writtenTexts.set(node['value'], machine.site(env.file, node))
}

const NAMES_SECRET = /secret|passw(?:or)?d|passphrase|token|key$/i

function spread(target: HeapObject, source: Value): void {
  if (source.open) {
    target.partial = true
    leaveOpen(target)
  }
  if (source.objects.length > 1 || source.primitives.length > 0) noteMaybe(target, source)
  const taken = new Set<string>()
  for (const from of source.objects) {
    if (from.partial || from.kind === 'library') target.partial = true
    takeIn(target, from)
    for (const [name, cell] of from.properties) {
      const own = target.property(name)
      own.madeOn = undefined
      if (from.kind === 'library') continue
      const copied = withTags(cell.value, stepTags(source.tags, name))
      const stays = taken.has(name) || !bringsAlways(source, name)
      own.value = stays ? join(own.value, copied) : withoutUndefined(own.value, copied)
      taken.add(name)
    }
    target.elements.write(from.item)
    target.keys.write(from.key)
  }
}

/** Whichever of several it is that is spread, it has that part. */
function bringsAlways({ objects, primitives }: Value, name: string): boolean {
  return primitives.length === 0 && objects.every(({ properties }) => properties.has(name))
}

/** Parts that an object has only where this one of several was spread into it. */
const maybes = new WeakMap<HeapObject, Set<string>>()

function noteMaybe(target: HeapObject, source: Value): void {
  const known = maybes.get(target) ?? new Set()
  const isAlways = (name: string): boolean => target.properties.has(name) || bringsAlways(source, name)
  for (const { properties } of source.objects)
    for (const name of properties.keys()) if (!isAlways(name)) known.add(name)
  if (known.size > 0) maybes.set(target, known)
}

/** `{ ...(certificate ? { https } : {}) }` may be without it. */
export function mayLack(target: HeapObject, name: string): boolean {
  return maybes.get(target)?.has(name) === true
}

/** A later spread wins unless it may be undefined. */
function withoutUndefined(before: Value, after: Value): Value {
  return after.primitives.includes(undefined) || after.open ? join(after, before) : after
}

export function evaluateArray(machine: Machine, node: Node, state: State, env: Environment): Value {
  const target = machine.allocate('array', machine.site(env.file, node))
  ;(node['elements'] as (Node | null)[]).forEach((item, index) => {
    if (!isNode(item)) return
    const value = evaluate(machine, item, state, env)
    if (item.type === 'SpreadElement') {
      for (const from of iterated(machine, value, target.site, state, env).objects) spreadInto(machine, target, from)
      if (value.entropy !== undefined) target.elements.write(value)
      noteSpread(target, value)
      noteMadeOf(target, value)
      return
    }
    noteAdded(target, nameIn(value), value)
    const cell = new Cell(String(index), target.born, machine.site(env.file, item))
    cell.write(value)
    target.define(String(index), cell)
    target.elements.write(value)
  })
  return object(target)
}

/** What an object of a class gives to whoever walks through it, by a method of its own; what has none is as it is. */
export function iterated(machine: Machine, value: Value, site: Site, state: State, env: Environment): Value {
  const own = value.objects.filter((item) => item instanceof InstanceObject && item.of.methods.has(ITERATOR))
  if (own.length === 0) return value
  const call = { site, args: [], argSites: [], self: value, env }
  const given = callMethod(machine, value.with({ objects: own }), ITERATOR, call, state)
  const others = value.objects.filter((item) => !own.includes(item))
  return others.length === 0 ? given : join(given, value.with({ objects: others }))
}

/** A map is spread into pairs of key and value, in which its entries are still found. */
function spreadInto(machine: Machine, list: HeapObject, from: HeapObject): void {
  if (from.kind !== 'map') return list.elements.write(from.item)
  list.elements.write(object(entryPair(machine, from, list.site)))
  list.origin = from
  list.transient = true
}

/** The items of an iterable, tagged as entries of their container. */
export function elementsOf(machine: Machine, source: Value, site: Site): Value {
  let items: Value = derived(source)
  for (const target of source.objects) {
    if (target.kind === 'map') items = join(items, object(entryPair(machine, target, site)))
    else if (target instanceof LibraryObject && target.type === 'request') items = join(items, tagged('body'))
    else if (target instanceof LibraryObject && target.type === 'sql-result')
      items = join(items, target.data['row'] as Value)
    else items = join(items, itemValue(machine, target))
  }
  return items
}

export function itemValue(machine: Machine, target: HeapObject): Value {
  const value = target.item === NEVER ? UNKNOWN : target.item
  const origin = target.origin ?? target
  // What a package lists is written in it, for everybody to read: nothing is kept there.
  if (target.transient || origin.kind === 'external' || isDrawnByte(value)) return value
  machine.containers.set(storeId(origin), origin)
  return withTags(value, [`entry:${storeId(origin)}`])
}

function entryPair(machine: Machine, target: HeapObject, site: Site): HeapObject {
  const pair = machine.allocate('array', site)
  pair
    .property('0')
    .write(withTags(target.key === NEVER ? UNKNOWN : target.key.with({ open: true }), [`key:${storeId(target)}`]))
  pair.property('1').write(itemValue(machine, target))
  pair.elements.write(itemValue(machine, target))
  return pair
}
