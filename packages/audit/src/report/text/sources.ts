/** Source texts as lines, split when first asked for. */
import { printable } from './printable.ts'

export interface Sources {
  /** Line `number` (1-based) of a file whose path is already printable; undefined where it is not known. */
  lineOf(path: string, number: number): string | undefined
}

const LINE_BREAK = /\r\n|\n|\r/
const BYTE_ORDER_MARK = /^\ufeff/

export function createSources(texts: ReadonlyMap<string, string>, unicode: boolean): Sources {
  const byShownPath = new Map(Array.from(texts, ([path, text]) => [printable(path, unicode), text]))
  const lines = new Map<string, readonly string[]>()
  return {
    lineOf(path, number) {
      const known = lines.get(path) ?? linesOf(byShownPath.get(path))
      lines.set(path, known)
      return known[number - 1]
    },
  }
}

function linesOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.replace(BYTE_ORDER_MARK, '').split(LINE_BREAK)
}
