/** Where a line stands: the innermost function or class around it, named so that it can be found again in another version. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'

/** A function or class body by its lines, inclusive. */
interface Span {
  readonly name: string
  readonly start: number
  readonly end: number
}

type Node = Record<string, unknown> & { type: string; start: number; end: number }

/** Code lines and enclosing functions of one checkout; each file is parsed at most once. */
export class Places {
  readonly #spans = new Map<string, readonly Span[]>()
  readonly #lines = new Map<string, readonly string[]>()
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  /** The text of a line, 1-based; empty where the file or the line is not there. */
  line(path: string, line: number): string {
    return this.#linesOf(path)[line - 1] ?? ''
  }

  /** Name of the innermost function or class around a line; `<module>` outside of any. */
  enclosing(path: string, line: number): string {
    const around = this.#spansOf(path).filter((span) => span.start <= line && line <= span.end)
    return around.toSorted((a, b) => a.end - a.start - (b.end - b.start))[0]?.name ?? '<module>'
  }

  #linesOf(path: string): readonly string[] {
    const known = this.#lines.get(path)
    if (known) return known
    const lines = textOf(join(this.#root, path)).split('\n')
    this.#lines.set(path, lines)
    return lines
  }

  #spansOf(path: string): readonly Span[] {
    const known = this.#spans.get(path)
    if (known) return known
    const spans = spansIn(path, textOf(join(this.#root, path)))
    this.#spans.set(path, spans)
    return spans
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function spansIn(path: string, text: string): readonly Span[] {
  const lineOf = lineFinder(text)
  const spans: Span[] = []
  const taken = new Map<string, number>()
  const unique = (name: string): string => {
    const count = (taken.get(name) ?? 0) + 1
    taken.set(name, count)
    return count === 1 ? name : `${name}#${count}`
  }
  const visit = (node: Node, parent: Node | undefined, around: string): void => {
    let inside = around
    if (isNamedScope(node)) {
      inside = unique(around === '' ? nameOf(node, parent) : `${around} / ${nameOf(node, parent)}`)
      const from = parent?.type === 'MethodDefinition' ? parent.start : node.start
      spans.push({ name: inside, start: lineOf(from), end: lineOf(node.end) })
    }
    for (const child of childrenOf(node)) visit(child, node, inside)
  }
  visit(parseSync(path, text).program as unknown as Node, undefined, '')
  return spans
}

function isNamedScope(node: Node): boolean {
  return /^(ArrowFunctionExpression|Function(Declaration|Expression)|Class(Declaration|Expression))$/.test(node.type)
}

function childrenOf(node: Node): Node[] {
  return Object.values(node)
    .flat()
    .filter((value): value is Node => typeof (value as Node | null)?.type === 'string')
}

/** A name that survives moved lines: its own, that of what holds it, or of the call that receives it. */
function nameOf(node: Node, parent: Node | undefined): string {
  const own = textOfName(node['id'])
  if (own) return own
  if (parent?.type === 'CallExpression' || parent?.type === 'NewExpression') return callName(parent)
  return textOfName(parent?.['key'] ?? parent?.['id'] ?? parent?.['left']) || 'anonymous'
}

function callName(call: Node): string {
  const literal = (call['arguments'] as Node[]).find((argument) => argument.type === 'Literal')
  return `${textOfName(call['callee'])}(${literal ? String(literal['value']) : ''})`
}

function textOfName(node: unknown): string {
  const { type, name, value, object, property } = (node ?? {}) as Node
  if (type === 'Identifier' || type === 'PrivateIdentifier') return String(name)
  if (type === 'Literal') return String(value)
  if (type === 'ThisExpression') return 'this'
  return type === 'MemberExpression' ? `${textOfName(object)}.${textOfName(property)}` : ''
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}
