/** Functions of a whole server that nobody names any more: they stand in a file that is used for something else. */
import type { SourceFile } from '../source/tree.ts'
import { FunctionObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { Module } from './modules.ts'

/** How many functions may name each other without any of them being named from elsewhere. */
const DEEPEST = 3

/** Where something listens, and files are found by their names alone: whether no code gets to this function. */
export function isForgotten(machine: Machine, fn: FunctionObject, module: Module, depth = DEEPEST): boolean {
  const { name, site } = fn
  if (!machine.listens || machine.loadsFolders !== false || name === undefined || depth === 0) return false
  if (!machine.imported.has(site.path) || !/^[A-Za-z_]\w*$/.test(name)) return false
  const mention = new RegExp(String.raw`\b${name}\b`)
  for (const { file } of machine.modules.values())
    if (file !== site.file && (mention.test(file.text) || handsOn(file))) return false
  return placesOf(name, site.file).every(
    (at) => (site.start <= at && at < site.end) || isWithinForgotten(machine, at, fn, module, depth),
  )
}

function isWithinForgotten(machine: Machine, at: number, fn: FunctionObject, module: Module, depth: number): boolean {
  const around = [...module.env.ownCells()]
    .flatMap(({ value }) => value.objects)
    .find((item) => item instanceof FunctionObject && item !== fn && item.site.start <= at && at < item.site.end)
  if (!(around instanceof FunctionObject) || machine.reached.has(around.node)) return false
  return isForgotten(machine, around, module, depth - 1)
}

/** `export * from './auth.js'`: who uses what is there may be elsewhere. */
function handsOn({ text }: SourceFile): boolean {
  return /\bexport\s{1,9}\*/.test(text)
}

/** Where a name stands but for what declares it or lists it among the exports, and comments. */
function placesOf(name: string, { text }: SourceFile): readonly number[] {
  const blank = (found: string): string => ' '.repeat(found.length)
  const code = text
    .replaceAll(/\/\*[^]{0,4000}?\*\/|(?<=^|\s)\/\/[^\n]*/g, blank)
    .replaceAll(/\b(?:export|exports\s{0,9}=)\s{0,9}\{[^{}]{0,4000}\}/g, blank)
    .replaceAll(new RegExp(String.raw`\b(?:function\s{1,9}|(?:const|let|var)\s{1,9}|exports\.)${name}\b`, 'g'), blank)
  return [...code.matchAll(new RegExp(String.raw`\b${name}\b`, 'g'))].map(({ index }) => index)
}
