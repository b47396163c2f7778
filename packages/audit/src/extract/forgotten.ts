/** Functions of a whole server that nobody names any more: they stand in a file that is used for something else. */
import type { SourceFile } from '../source/tree.ts'
import { FunctionObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { Module } from './modules.ts'

/** How many functions may name each other without any of them being named from elsewhere. */
const DEEPEST = 3

/** Where something listens, and files are found by their names alone: whether no code gets to this function. */
export function isForgotten(machine: Machine, fn: FunctionObject, module: Module): boolean {
  if (!machine.listens || machine.loadsFolders !== false || !machine.imported.has(fn.site.path)) return false
  return isNamedByForgotten({ machine, module, proven: new Map() }, fn, DEEPEST)
}

interface Search {
  readonly machine: Machine
  readonly module: Module
  /** Functions that are forgotten, and how many steps it took to see that. */
  readonly proven: Map<FunctionObject, number>
}

function isNamedByForgotten(search: Search, fn: FunctionObject, depth: number): boolean {
  const { name, site } = fn
  if (name === undefined || depth === 0 || !/^[A-Za-z_]\w*$/.test(name)) return false
  if ((search.proven.get(fn) ?? DEEPEST + 1) <= depth) return true
  if (isNamedElsewhere(search.machine, name, site.file)) return false
  let end = 0
  for (const at of placesOf(name, site.file)) {
    if (at < end || (site.start <= at && at < site.end)) continue
    const around = functionAround(at, fn, search.module)
    if (around === undefined || search.machine.reached.has(around.node)) return false
    if (!isNamedByForgotten(search, around, depth - 1)) return false
    end = around.site.end
  }
  search.proven.set(fn, depth)
  return true
}

function isNamedElsewhere({ modules }: Machine, name: string, own: SourceFile): boolean {
  for (const { file } of modules.values())
    if (file !== own && (namesIn(file).words.has(name) || namesIn(file).handsOn)) return true
  return false
}

function functionAround(at: number, fn: FunctionObject, { env }: Module): FunctionObject | undefined {
  return [...env.ownCells()]
    .flatMap(({ value }) => value.objects)
    .filter((item) => item instanceof FunctionObject)
    .find((item) => item !== fn && item.site.path === fn.site.path && item.site.start <= at && at < item.site.end)
}

interface Names {
  readonly words: ReadonlySet<string>
  /** `export * from './auth.js'`: who uses what is there may be elsewhere. */
  readonly handsOn: boolean
}

const names = new WeakMap<SourceFile, Names>()

/** Read once: every function of every file is looked for in all the others. */
function namesIn(file: SourceFile): Names {
  const known = names.get(file)
  if (known !== undefined) return known
  const { text } = file
  const found = { words: new Set(text.match(/\w+/g)), handsOn: /\bexport\s{1,9}\*/.test(text) }
  names.set(file, found)
  return found
}

/** Where a name stands but for what declares it or lists it among the exports, and comments. */
function placesOf(name: string, file: SourceFile): readonly number[] {
  const { code, places } = codeOf(file)
  return (places.get(name) ?? []).filter((at) => !DECLARES.test(code.slice(Math.max(0, at - 20), at)))
}

const DECLARES = /\b(?:function\s{1,9}|(?:const|let|var)\s{1,9}|exports\.)$/

interface Code {
  readonly code: string
  readonly places: ReadonlyMap<string, readonly number[]>
}

const codes = new WeakMap<SourceFile, Code>()

function codeOf(file: SourceFile): Code {
  const known = codes.get(file)
  if (known !== undefined) return known
  const code = withoutComments(file.text).replaceAll(/\b(?:export|exports\s{0,9}=)\s{0,9}\{[^{}]{0,4000}\}/g, (list) =>
    ' '.repeat(list.length),
  )
  const places = new Map<string, number[]>()
  for (const { 0: word, index } of code.matchAll(/\w+/g)) {
    const found = places.get(word)
    if (found === undefined) places.set(word, [index])
    else found.push(index)
  }
  codes.set(file, { code, places })
  return { code, places }
}

/** What opens a comment and is far from what closes one is part of a text: `'src/**'`. */
const LONGEST_COMMENT = 4000

/** Blanks in place of comments. What closes the next one is looked for once, however often one is opened before it. */
function withoutComments(text: string): string {
  const opening = /\/\*|(?<=^|\s)\/\/[^\n]*/g
  let code = ''
  let closing = 0
  for (let found = opening.exec(text); found !== null; found = opening.exec(text)) {
    const start = found.index
    const isLine = found[0] !== '/*'
    if (!isLine && closing < start + 2) closing = endOf(text, start + 2)
    const end = isLine ? opening.lastIndex : closing + 2
    if (end - start > LONGEST_COMMENT + 4 && !isLine) continue
    code += text.slice(code.length, start) + ' '.repeat(end - start)
    opening.lastIndex = end
  }
  return code + text.slice(code.length)
}

function endOf(text: string, from: number): number {
  const at = text.indexOf('*/', from)
  return at < 0 ? Number.POSITIVE_INFINITY : at
}
