/** The nodes of one file, found by place. */
import { bare, children, isFunctionNode, type Node } from '../extract/ast.ts'
import type { Span } from './syntax.ts'

export class NodeIndex {
  readonly program: Node
  readonly text: string
  /** Every node before those within it. */
  readonly all: readonly Node[]
  readonly #parents = new Map<Node, Node>()

  constructor(program: Node, text: string) {
    this.program = program
    this.text = text
    const all: Node[] = []
    const pending = [program]
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      all.push(node)
      for (const child of [...children(node)].toReversed()) {
        // A shorthand property lists one node twice.
        if (!this.#parents.has(child)) this.#parents.set(child, node)
        pending.push(child)
      }
    }
    this.all = all
  }

  parent(node: Node): Node | undefined {
    return this.#parents.get(node)
  }

  /** Nodes that lie in a span, those that fill it included. */
  inside(span: Span | undefined): readonly Node[] {
    return span === undefined ? this.all : this.all.filter(({ start, end }) => start >= span.start && end <= span.end)
  }

  /** Nodes that hold a span, the innermost first. */
  around(span: Span): readonly Node[] {
    return this.all
      .filter(({ start, end }) => start <= span.start && end >= span.end)
      .toSorted((a, b) => a.end - a.start - (b.end - b.start))
  }

  /** The outermost expression that fills a span, type assertions removed. */
  expressionAt(span: Span): Node | undefined {
    const exact = this.all.filter(({ start, end }) => start === span.start && end === span.end)
    return exact.map(bare).find(isExpression)
  }
}

export function isExpression({ type }: Node): boolean {
  return EXPRESSION.test(type)
}

const EXPRESSION =
  /Expression$|Literal$|^(?:Identifier|Class|FunctionDeclaration|ClassDeclaration|TemplateLiteral|MetaProperty)/

/** Nodes in a span, functions within it aside. */
export function withinFunction(span: Span, index: NodeIndex): readonly Node[] {
  const inside = index.inside(span)
  const functions = inside.filter(isFunctionNode)
  return inside.filter((node) => !functions.some((inner) => inner !== node && covers(inner, node)))
}

/** Whether the innermost function around a place has a `try` with a `catch` around it. */
export function isCaught(span: Span, index: NodeIndex): boolean {
  for (const node of index.around(span)) {
    if (isFunctionNode(node)) return false
    if (node.type === 'TryStatement' && node['handler'] && covers(node['block'] as Node, span)) return true
  }
  return false
}

export function covers(outer: Span, inner: Span): boolean {
  return outer.start <= inner.start && outer.end >= inner.end
}
