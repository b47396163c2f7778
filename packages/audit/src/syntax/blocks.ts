/** Statements, and the blocks that they stand in. */
import { isFunctionNode, type Node } from '../extract/ast.ts'
import { covers, type NodeIndex } from './nodes.ts'
import type { Block, Span, Statement } from './syntax.ts'

/** The innermost statement around a place that stands in a block. */
export function statementOf(span: Span, index: NodeIndex): Statement | undefined {
  const found = listAround(span, index)
  const node = found?.statements.find((statement) => covers(statement, span))
  return node && statementShape(node)
}

export function blockOf(span: Span, index: NodeIndex): Block | undefined {
  const found = listAround(span, index)
  if (found === undefined) return undefined
  const { owner, statements } = found
  const parent = index.parent(owner)
  const isBody = parent !== undefined && isFunctionNode(parent)
  return {
    statements: statements.map(statementShape),
    of: owner.type === 'Program' ? 'module' : isBody ? 'function' : 'statement',
  }
}

/** Whether a function is over where the block around a place is: it is its body, or the last thing in it that runs. */
export function endsFunction(span: Span, index: NodeIndex): boolean {
  let found = listAround(span, index)
  while (found !== undefined) {
    const parent = index.parent(found.owner)
    if (parent === undefined) return false
    if (isFunctionNode(parent)) return true
    if (parent.type !== 'IfStatement') return false
    const outer = listAround(parent, index)
    if (outer?.statements.at(-1) !== outermost(parent, index)) return false
    found = outer
  }
  return false
}

/** Of `if … else if …` the first one. */
function outermost(node: Node, index: NodeIndex): Node {
  const parent = index.parent(node)
  return parent?.type === 'IfStatement' && parent['alternate'] === node ? outermost(parent, index) : node
}

interface List {
  readonly owner: Node
  readonly statements: readonly Node[]
}

function listAround(span: Span, index: NodeIndex): List | undefined {
  for (const owner of index.around(span)) {
    const statements = statementsOf(owner)
    if (statements?.some((statement) => covers(statement, span))) return { owner, statements }
  }
  return undefined
}

/** What stands in a node, where that is a list of statements. */
export function statementsOf(node: Node): readonly Node[] | undefined {
  if (node.type === 'Program' || node.type === 'BlockStatement' || node.type === 'FunctionBody')
    return node['body'] as readonly Node[]
  if (node.type === 'SwitchCase') return node['consequent'] as readonly Node[]
  return undefined
}

const LEAVING = new Set(['ReturnStatement', 'ThrowStatement', 'BreakStatement', 'ContinueStatement'])

function statementShape(node: Node): Statement {
  return { start: node.start, end: node.end, kind: kindOf(node.type), leaves: leaves(node) }
}

/** `return` for a ReturnStatement, and so on. */
export function kindOf(type: string): string {
  return type
    .replace(/(?:Statement|Declaration)$/, '')
    .replace(/^Export(?:Named|Default|All)$/, 'export')
    .toLowerCase()
}

function leaves(node: Node): boolean {
  if (LEAVING.has(node.type)) return true
  if (node.type === 'BlockStatement') return (node['body'] as readonly Node[]).some(leaves)
  if (node.type !== 'IfStatement') return false
  const otherwise = node['alternate'] as Node | null
  return otherwise !== null && leaves(node['consequent'] as Node) && leaves(otherwise)
}
