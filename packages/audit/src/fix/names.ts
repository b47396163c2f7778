/** Names that mean what they say, wherever they are put. */
import type { FileSyntax } from '../syntax/syntax.ts'

/** The first of some names that nothing in the file has, numbered if all are taken. */
export function freeName(file: FileSyntax, ...wanted: readonly [string, ...string[]]): string {
  return freeNameIn([file], ...wanted)
}

/** The same for a name that several files are to have. */
export function freeNameIn(files: readonly FileSyntax[], ...wanted: readonly [string, ...string[]]): string {
  const isFreeHere = (name: string): boolean => files.every((file) => isFree(file, name))
  const found = wanted.find(isFreeHere)
  if (found !== undefined) return found
  for (let number = 2; ; number++) if (isFreeHere(`${wanted[0]}${number}`)) return `${wanted[0]}${number}`
}

/** Whether nothing in the file declares or uses a name: whoever declares it there hides nothing and is hidden by nothing. */
export function isFree(file: FileSyntax, name: string): boolean {
  return file.mentions(name).length === 0
}
