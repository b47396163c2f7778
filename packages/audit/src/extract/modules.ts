/** Modules: what a file exports, and how imports and `require` find it. ESM and CommonJS. */
import type { SourceFile } from '../source/tree.ts'
import type { Node } from './ast.ts'
import { Cell, Environment, HeapObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { isDeclared } from './declared.ts'
import type { Tree } from './parse.ts'
import { externalValue, isModelled } from './models/index.ts'
import type { Value } from './value.ts'
import { NEVER, UNKNOWN, join, object } from './value.ts'

export interface Module {
  readonly file: SourceFile
  readonly tree: Tree
  /** Made when it is first read: many files are never run. */
  readonly program: Node
  readonly env: Environment
  /** Exported name to the cell it shows. */
  readonly exports: Map<string, Cell>
  /** `export * from` targets. */
  readonly stars: string[]
  /** `export { name } from`, by exported name. */
  readonly reexports: Map<string, { readonly specifier: string; readonly name: string }>
  /** CommonJS `module.exports`. */
  readonly commonjs: HeapObject
  readonly commonjsCell: Cell
  linked: boolean
  started: boolean
  /** What it imports, in order. */
  readonly imports: Set<Module>
}

export function createModule(machine: Machine, file: SourceFile, tree: Tree): Module {
  const site = machine.site(file, { start: 0, end: 0 })
  const env = new Environment(undefined, file)
  const commonjs = new HeapObject('object', site, 0)
  const commonjsCell = new Cell('exports', 0, site)
  commonjsCell.write(object(commonjs))
  const moduleObject = new HeapObject('object', site, 0)
  moduleObject.define('exports', commonjsCell)
  bind(env, 'module', object(moduleObject))
  bind(env, 'exports', object(commonjs))
  return {
    file,
    tree,
    get program() {
      return tree.program as unknown as Node
    },
    env,
    exports: new Map(),
    stars: [],
    reexports: new Map(),
    commonjs,
    commonjsCell,
    linked: false,
    started: false,
    imports: new Set(),
  }
}

function bind(env: Environment, name: string, value: Value): void {
  env.declare(name, new Cell(name, 0)).write(value)
}

/** Everything a specifier gives to an importing file, as one object value. */
export function importNamespace(machine: Machine, specifier: string, from: SourceFile, run: RunModule): Value {
  const target = machine.resolve(specifier, from.path)
  if (target.kind === 'package') return object(external(machine, from, packagePath(target.name, target.subpath)))
  if (target.kind === 'missing') return UNKNOWN
  const owner = modelledPackage(machine, target.path, specifier)
  if (owner !== undefined) return object(external(machine, from, owner))
  const module = machine.modules.get(target.path)
  if (module === undefined) return UNKNOWN
  run(module)
  return object(namespaceOf(machine, module))
}

export function importName(
  machine: Machine,
  specifier: string,
  name: string,
  from: SourceFile,
  run: RunModule,
  seen: Set<Module> = new Set(),
): Cell {
  const target = machine.resolve(specifier, from.path)
  const unknown = new Cell(name, 0)
  if (target.kind === 'package') {
    const base = packagePath(target.name, target.subpath)
    unknown.write(object(external(machine, from, name === 'default' ? base : aliasOf(`${base}#${name}`))))
    return unknown
  }
  const known = target.kind === 'file' ? knownName(machine, target.path, specifier, name) : undefined
  if (known !== undefined) {
    unknown.write(object(external(machine, from, known)))
    return unknown
  }
  const module = target.kind === 'file' ? machine.modules.get(target.path) : undefined
  if (module === undefined) {
    if (specifier.startsWith('.')) machine.lacksFiles = true
    unknown.write(UNKNOWN)
    return unknown
  }
  run(module)
  return exportedCell(machine, module, name, run, seen) ?? unknownCell(name)
}

/** The name under which more is known of an export of the tree than its source says. */
function knownName(machine: Machine, path: string, specifier: string, name: string): string | undefined {
  const own = name === 'default' ? path : `${path}#${name}`
  return isDeclared(machine.declared, own) ? own : modelledName(machine, path, specifier, name)
}

/** In a checkout of the SDK itself, or a copy of its sources, these stand behind its names; what is known of the library still holds. */
function modelledName(machine: Machine, path: string, specifier: string, name: string): string | undefined {
  const owner = sdkAround(machine, path)
  return owner !== undefined && (isPackage(specifier) || isModelled(`sdk#${name}`)) ? `${owner}#${name}` : undefined
}

/** `await import('@modelcontextprotocol/client')`, `import * as sdk`, `require`: in that checkout the same package that named imports are of. */
function modelledPackage(machine: Machine, path: string, specifier: string): string | undefined {
  return isPackage(specifier) ? sdkAround(machine, path) : undefined
}

function isPackage(specifier: string): boolean {
  return !specifier.startsWith('.') && !specifier.startsWith('#')
}

/** The package of the SDK that a file belongs to, or is a copy of. */
function sdkAround(machine: Machine, path: string): string | undefined {
  const named = machine.tree.packageOf(path)?.name
  return named?.startsWith('@modelcontextprotocol/') === true ? named : copiedFrom(machine, path)
}

/** A copy without its manifest is told by how the SDK lays out its sources. */
function copiedFrom({ tree }: Machine, path: string): string | undefined {
  const root = /^(.*?)(?:server|shared|client)\/(?:[^/]+\/)*[^/]+$/.exec(path)?.[1]
  if (root === undefined) return undefined
  const extension = path.slice(path.lastIndexOf('.'))
  const isCopy = SDK_SOURCES.every((name) => tree.file(`${root}${name}${extension}`) !== undefined)
  return isCopy ? '@modelcontextprotocol/sdk' : undefined
}

const SDK_SOURCES = ['server/mcp', 'server/streamableHttp', 'server/index', 'server/sse']

export type RunModule = (module: Module) => void

function unknownCell(name: string): Cell {
  const cell = new Cell(name, 0)
  cell.write(UNKNOWN)
  return cell
}

function exportedCell(
  machine: Machine,
  module: Module,
  name: string,
  run: RunModule,
  seen: Set<Module>,
): Cell | undefined {
  if (seen.has(module)) return undefined
  seen.add(module)
  const own = module.exports.get(name)
  if (own !== undefined) return own
  const passed = module.reexports.get(name)
  if (passed !== undefined) return importName(machine, passed.specifier, passed.name, module.file, run, seen)
  for (const specifier of module.stars) {
    const target = machine.resolve(specifier, module.file.path)
    if (target.kind === 'package') return importName(machine, specifier, name, module.file, run)
    const next = target.kind === 'file' ? machine.modules.get(target.path) : undefined
    if (next === undefined) continue
    run(next)
    const found = exportedCell(machine, next, name, run, seen)
    if (found !== undefined) return found
  }
  return commonjsExport(module, name)
}

function commonjsExport(module: Module, name: string): Cell | undefined {
  if (name === 'default') return module.commonjsCell
  for (const target of module.commonjsCell.value.objects) {
    const cell = target.properties.get(name)
    if (cell !== undefined) return cell
  }
  return undefined
}

/** What a module shows to others, by `export` or by `module.exports`. */
export function exportedCells({ exports, commonjsCell }: Module): ReadonlySet<Cell> {
  const required = commonjsCell.value.objects.flatMap((item) =>
    item.kind === 'object' ? [...item.properties.values()] : [],
  )
  return new Set([...exports.values(), commonjsCell, ...required])
}

function namespaceOf(machine: Machine, module: Module): HeapObject {
  const namespace = new HeapObject('object', machine.site(module.file, { start: 0, end: 0 }), 0)
  for (const [name, cell] of module.exports) namespace.define(name, cell)
  for (const specifier of module.stars) {
    const target = machine.resolve(specifier, module.file.path)
    const next = target.kind === 'file' ? machine.modules.get(target.path) : undefined
    for (const [name, cell] of next?.exports ?? []) if (!namespace.properties.has(name)) namespace.define(name, cell)
  }
  for (const target of module.commonjsCell.value.objects) {
    for (const [name, cell] of target.properties) if (!namespace.properties.has(name)) namespace.define(name, cell)
  }
  return namespace
}

/** What `require('./x')` evaluates to. */
export function requireModule(machine: Machine, specifier: string, from: SourceFile, run: RunModule): Value {
  const target = machine.resolve(specifier, from.path)
  if (target.kind === 'package') return object(external(machine, from, packagePath(target.name, target.subpath)))
  const owner = target.kind === 'file' ? modelledPackage(machine, target.path, specifier) : undefined
  if (owner !== undefined) return object(external(machine, from, owner))
  const module = target.kind === 'file' ? machine.modules.get(target.path) : undefined
  if (module === undefined) return UNKNOWN
  run(module)
  const namespace = module.exports.size > 0 ? object(namespaceOf(machine, module)) : NEVER
  return join(module.commonjsCell.value, namespace)
}

/** Globals that modules of the platform export as well. */
const ALIASES = new Map([
  ['node:process#env', 'global:process#env'],
  ['cloudflare:workers#env', 'global:process#env'],
  ['node:crypto#webcrypto', 'node:crypto'],
])

function aliasOf(path: string): string {
  return ALIASES.get(path) ?? path
}

export function external(machine: Machine, from: SourceFile, path: string): HeapObject {
  return externalValue(machine, path, machine.site(from, { start: 0, end: 0 }))
}

/** One spelling for an import path: no `.js`, SDK build folders folded away. */
function packagePath(name: string, subpath: string): string {
  const inner = subpath
    .replace(/^\.\//, '')
    .replace(/\.(?:[mc]?js|ts)$/, '')
    .replace(/^dist\/(?:esm|cjs)\//, '')
    .replace(/\/index$/, '')
  return inner === '' || inner === 'index' ? name : `${name}/${inner}`
}
