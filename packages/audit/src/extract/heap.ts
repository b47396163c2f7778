/** Objects the program creates, one per place of creation and activation. */
import type { SourceFile } from '../source/tree.ts'
import type { Node } from './ast.ts'
import type { Value } from './value.ts'
import { NEVER, join, object } from './value.ts'

/** A place in source, before it is turned into a Location. */
export interface Site {
  readonly file: SourceFile
  readonly path: string
  readonly start: number
  readonly end: number
}

export function isWithin(inner: Site, outer: Site): boolean {
  return inner.path === outer.path && outer.start <= inner.start && inner.end <= outer.end
}

/** How a site is written. */
export function textOf({ file, start, end }: Pick<Site, 'file' | 'start' | 'end'>): string {
  return file.text.slice(start, end)
}

export function siteKey(site: Site): string {
  return `${site.path}:${site.start}`
}

/** A variable or property. `value` is everything ever written to it, in any order. */
export class Cell {
  declare value: Value
  /** How many calls deep it was declared: a caller keeps no path-wise view of variables that its callees had. */
  declare level: number
  declare readonly name: string
  /** Activation in which it came into being; 0 is start-up, so the cell outlives every request. */
  declare readonly born: number
  declare readonly site: Site | undefined
  /** The way on which a part of an object first came into being: on others, the object is without it. */
  declare madeOn: object | undefined
  constructor(name: string, born: number, site?: Site) {
    this.value = NEVER
    this.madeOn = undefined
    this.level = 0
    this.name = name
    this.born = born
    this.site = site
  }
  write(value: Value): void {
    this.madeOn = undefined
    this.value = join(this.value, value)
  }
}

/** Stands where nothing has been written yet. */
export const UNMADE = {}

export type HeapKind = 'object' | 'array' | 'map' | 'set' | 'instance' | 'function' | 'class' | 'library' | 'external'

/** `[...list, item]`, `{ ...record, [id]: item }`, `list.filter(…)`: a container with something added or left out. */
export interface Copy {
  readonly of: HeapObject
  readonly added: readonly { readonly key: Value; readonly value: Value }[]
  readonly leftOut: Value | undefined
}

const NO_PROPERTIES: ReadonlyMap<string, Cell> = new Map()

/**
 * Most objects never hold anything, and there are many: what they could hold is made when needed. Fields are declared and set
 * by the constructor, which costs less than to define each by itself.
 */
export class HeapObject {
  declare private named: Map<string, Cell> | undefined
  declare private listed: Cell | undefined
  declare private keyed: Cell | undefined
  /** The name it was bound to first, for messages. */
  declare name: string | undefined
  /** Something put it where later requests find it (a variable or property that outlives the request). */
  declare retained: boolean
  /** The container whose items a list shows; the list is no store of its own. */
  declare origin: HeapObject | undefined
  /** What it has that the container it was copied from has not, and what was left out of that. */
  declare copy: Copy | undefined
  /** A list of key-value pairs made for one loop: its items are not entries. */
  declare transient: boolean
  /** Holds more than is written down: something unknown was spread into it. */
  declare partial: boolean
  /** Parts of a request that were spread into it: whatever it does not name itself is theirs. */
  declare spreads: readonly HeapObject[] | undefined
  /** Which of several that the same place has made, by who asked for it; 0 where nobody is known to have. */
  declare maker: number
  declare readonly kind: HeapKind
  declare readonly site: Site
  declare readonly born: number
  constructor(kind: HeapKind, site: Site, born: number) {
    this.named = undefined
    this.listed = undefined
    this.keyed = undefined
    this.name = undefined
    this.retained = false
    this.origin = undefined
    this.copy = undefined
    this.transient = false
    this.partial = false
    this.spreads = undefined
    this.maker = 0
    this.kind = kind
    this.site = site
    this.born = born
  }
  get properties(): ReadonlyMap<string, Cell> {
    return this.named ?? NO_PROPERTIES
  }
  /** Everything stored under keys that are not written down: `map.set(id, …)`, `record[id] = …`, array items. */
  get elements(): Cell {
    this.listed ??= new Cell('[]', this.born)
    return this.listed
  }
  /** Keys it has been filled under. */
  get keys(): Cell {
    this.keyed ??= new Cell('[key]', this.born)
    return this.keyed
  }
  get item(): Value {
    return this.listed?.value ?? NEVER
  }
  get key(): Value {
    return this.keyed?.value ?? NEVER
  }
  property(name: string): Cell {
    let cell = this.named?.get(name)
    if (cell === undefined) {
      cell = new Cell(name, this.born)
      if (this.born === 0 && this.kind === 'object') cell.madeOn = UNMADE
      this.define(name, cell)
    }
    return cell
  }
  define(name: string, cell: Cell): void {
    this.named ??= new Map()
    this.named.set(name, cell)
  }
  undefine(name: string): void {
    this.named?.delete(name)
  }
}

/** One of the language's own. */
export function isContainer({ kind }: HeapObject): boolean {
  return kind === 'map' || kind === 'set' || kind === 'array'
}

/** A function with the environment it closes over. */
export class FunctionObject extends HeapObject {
  declare executed: boolean
  declare readonly node: Node
  declare readonly env: Environment
  /** `this` of an arrow function or bound method. */
  declare readonly boundThis: Value | undefined
  /** A method of an instance: what it is called on says more of `this` than where it was found. */
  declare isMethod: boolean
  declare readonly home: ClassObject | undefined
  /** What stands for all that `new F()` makes, where that is not seen. */
  declare shared: HeapObject | undefined
  constructor(node: Node, env: Environment, site: Site, born: number, boundThis?: Value, home?: ClassObject) {
    super('function', site, born)
    this.executed = false
    this.isMethod = false
    this.node = node
    this.env = env
    this.boundThis = boundThis
    this.home = home
    this.shared = undefined
  }

  /** `F.prototype`, made by whoever asks for it first: what `new F()` finds where it has nothing of its own. */
  get prototypes(): readonly HeapObject[] {
    const cell = this.property('prototype')
    if (cell.value === NEVER) cell.write(object(new HeapObject('object', this.site, this.born)))
    return cell.value.objects
  }
}

/** What stands in the named parts of an object. */
export function valuesIn({ properties }: Pick<HeapObject, 'properties'>): readonly Value[] {
  return [...properties.values()].map(({ value }) => value)
}

/** Whether a value is, or may be, a function of the program. */
export function isFunction({ objects }: Value): boolean {
  return objects.some((item) => item instanceof FunctionObject)
}

export class ClassObject extends HeapObject {
  readonly node: Node
  readonly env: Environment
  readonly parent: Value
  constructor(node: Node, env: Environment, site: Site, born: number, parent: Value) {
    super('class', site, born)
    this.node = node
    this.env = env
    this.parent = parent
  }
  /** The instance that stands for all whose creation was not seen. */
  shared: InstanceObject | undefined
  /** The one instance that start-up has made; `null` where it has made several. */
  made: InstanceObject | null | undefined
  readonly methods = new Map<string, Node>()
}

export class InstanceObject extends HeapObject {
  /** The library object it extends, where its class does. */
  base: LibraryObject | undefined
  /** The container that it is itself: its class extends one of the language's. */
  container: HeapObject | undefined
  readonly of: ClassObject
  constructor(of: ClassObject, site: Site, born: number) {
    super('instance', site, born)
    this.of = of
  }
}

/** An object of a library we know: an app, a transport, a request. `type` picks its model. */
export class LibraryObject extends HeapObject {
  readonly type: string
  /** What its model remembers about it. */
  readonly data: Record<string, unknown> = {}
  constructor(type: string, site: Site, born: number, data: Record<string, unknown> = {}) {
    super('library', site, born)
    this.type = type
    this.data = data
  }
}

/** Something imported from a package: `express`, `node:crypto#randomUUID`. */
export class ExternalObject extends HeapObject {
  readonly path: string
  constructor(path: string, site: Site) {
    super('external', site, 0)
    this.path = path
  }
}

/** Names to cells, inside out. */
export class Environment {
  declare private cells: Map<string, Cell> | undefined
  declare readonly parent: Environment | undefined
  declare readonly file: SourceFile
  /** `this` here, when a function or class body sets it. */
  declare readonly self: Value | undefined
  constructor(parent: Environment | undefined, file: SourceFile, self?: Value) {
    this.cells = undefined
    this.parent = parent
    this.file = file
    this.self = self
  }
  declare(name: string, cell: Cell): Cell {
    this.cells ??= new Map()
    this.cells.set(name, cell)
    return cell
  }
  own(name: string): Cell | undefined {
    return this.cells?.get(name)
  }
  ownCells(): Iterable<Cell> {
    return this.cells?.values() ?? []
  }
  find(name: string): Cell | undefined {
    let cell = this.cells?.get(name)
    for (let outer = this.parent; cell === undefined && outer !== undefined; outer = outer.parent)
      cell = outer.cells?.get(name)
    return cell
  }
  findSelf(): Value | undefined {
    return this.self ?? this.parent?.findSelf()
  }
}

/** A class or factory of stores makes one for sessions and another for something else: each has a name of its own. */
export function storeId({ site, maker }: HeapObject): string {
  return maker === 0 ? `${site.path}#${site.start}` : `${site.path}#${site.start}~${maker}`
}
