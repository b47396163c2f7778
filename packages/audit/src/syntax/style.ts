/** How a file is written, by what most of it does. */
import type { Node } from '../extract/ast.ts'
import { indentAt } from './lines.ts'
import type { NodeIndex } from './nodes.ts'
import type { Style } from './syntax.ts'

export function styleOf(index: NodeIndex): Style {
  const { text } = index
  return {
    indent: indentStepOf(index),
    newline: text.split('\r\n').length * 2 > text.split('\n').length ? '\r\n' : '\n',
    quote: quoteOf(index),
    semicolons: mostly(
      ended(index).map((node) => text[node.end - 1] === ';'),
      true,
    ),
    trailingCommas: mostly(
      tall(index).map((node) => endsWithComma(node, text)),
      false,
    ),
  }
}

/** The step that most statements of blocks take; two spaces where there is none. */
function indentStepOf(index: NodeIndex): string {
  const steps = new Map<string, number>()
  for (const block of index.all) {
    if (block.type !== 'BlockStatement' && block.type !== 'FunctionBody' && block.type !== 'ObjectExpression') continue
    const [first] = (block['body'] ?? block['properties']) as readonly Node[]
    const outer = indentAt(block.start, index.text)
    const inner = first && indentAt(first.start, index.text)
    if (inner === undefined || inner.length <= outer.length || !inner.startsWith(outer)) continue
    const step = inner.slice(outer.length)
    steps.set(step, (steps.get(step) ?? 0) + 1)
  }
  const [most] = [...steps].toSorted(([, a], [, b]) => b - a)
  return most?.[0] ?? '  '
}

function quoteOf(index: NodeIndex): Style['quote'] {
  const literals = index.all.filter((node) => node.type === 'Literal' && typeof node['value'] === 'string')
  return mostly(
    literals.map(({ start }) => index.text[start] === '"'),
    false,
  )
    ? '"'
    : "'"
}

/** Statements that could end with a semicolon. */
function ended(index: NodeIndex): readonly Node[] {
  return index.all.filter(
    ({ type }) => type === 'ExpressionStatement' || type === 'ReturnStatement' || type === 'ImportDeclaration',
  )
}

/** Lists over several lines. */
function tall(index: NodeIndex): readonly Node[] {
  return index.all.filter((node) => {
    if (node.type !== 'ObjectExpression' && node.type !== 'ArrayExpression') return false
    const last = lastOf(node)
    return last !== undefined && index.text.slice(last.end, node.end).includes('\n')
  })
}

function endsWithComma(node: Node, text: string): boolean {
  return text
    .slice(lastOf(node)?.end ?? node.end, node.end)
    .trimStart()
    .startsWith(',')
}

function lastOf(node: Node): Node | undefined {
  const items = (node['properties'] ?? node['elements']) as readonly (Node | null)[]
  return items.at(-1) ?? undefined
}

/** Whether more are so than not; what is said last where nothing decides. */
function mostly(votes: readonly boolean[], otherwise: boolean): boolean {
  const yes = votes.filter(Boolean).length
  return yes * 2 === votes.length ? otherwise : yes * 2 > votes.length
}
