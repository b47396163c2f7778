/** Which declaration a name means. */
import { children, isFunctionNode, type Node } from '../extract/ast.ts'
import type { NodeIndex } from './nodes.ts'
import type { Declaration, Span } from './syntax.ts'

/** The declaration that a name at a place refers to; undefined for a global. */
export function declarationOf(name: string, at: Span, index: NodeIndex): Declaration | undefined {
  for (const scope of index.around(at)) {
    const found = declarationsIn(scope).find((declared) => declared.name['name'] === name)
    if (found) return shapeOf(found, scope)
  }
  return undefined
}

/** Places where a name is used or declared. Property names are not, unless they stand for a variable too. */
export function mentionsOf(name: string, index: NodeIndex): readonly Span[] {
  return index.all
    .filter((node) => node.type === 'Identifier' && node['name'] === name && !isPropertyName(node, index))
    .map(({ start, end }) => ({ start, end }))
}

function isPropertyName(node: Node, index: NodeIndex): boolean {
  const parent = index.parent(node)
  if (parent === undefined || parent['computed'] === true) return false
  if (parent.type === 'MemberExpression') return parent['property'] === node
  if (/^(?:Property|PropertyDefinition|MethodDefinition)$/.test(parent.type))
    return parent['key'] === node && parent['shorthand'] !== true
  if (parent.type === 'ImportSpecifier') return parent['imported'] === node && parent['local'] !== node
  return /^TS(?:PropertySignature|MethodSignature|QualifiedName)$/.test(parent.type) && parent['key'] === node
}

interface Declared {
  readonly kind: Declaration['kind']
  readonly name: Node
  readonly whole: Node
  readonly initial?: Node | undefined
}

function shapeOf({ kind, name, whole, initial }: Declared, scope: Node): Declaration {
  return {
    kind,
    span: { start: name.start, end: name.end },
    whole: { start: whole.start, end: whole.end },
    initial: initial && { start: initial.start, end: initial.end },
    isTopLevel: scope.type === 'Program',
  }
}

const cache = new WeakMap<Node, readonly Declared[]>()

function declarationsIn(scope: Node): readonly Declared[] {
  const known = cache.get(scope)
  if (known) return known
  const found = [...declaredBy(scope)]
  cache.set(scope, found)
  return found
}

function* declaredBy(scope: Node): Generator<Declared> {
  if (isFunctionNode(scope)) {
    for (const parameter of scope['params'] as readonly Node[])
      for (const name of namesIn(parameter)) yield { kind: 'parameter', name, whole: parameter }
    yield* hoistedIn(scope)
    if (scope.type === 'FunctionExpression' && scope['id'])
      yield { kind: 'function', name: scope['id'] as Node, whole: scope }
  } else if (scope.type === 'Program') {
    for (const statement of scope['body'] as readonly Node[]) yield* declaredByStatement(statement)
    yield* hoistedIn(scope)
  } else if (scope.type === 'BlockStatement' || scope.type === 'FunctionBody' || scope.type === 'StaticBlock')
    for (const statement of scope['body'] as readonly Node[]) yield* declaredByStatement(statement)
  else if (scope.type === 'SwitchStatement')
    for (const branch of scope['cases'] as readonly Node[])
      for (const statement of branch['consequent'] as readonly Node[]) yield* declaredByStatement(statement)
  else if (/^For(?:In|Of)?Statement$/.test(scope.type)) {
    const head = (scope['init'] ?? scope['left']) as Node | null
    if (head?.type === 'VariableDeclaration') yield* declaredByStatement(head)
  } else if (scope.type === 'CatchClause' && scope['param'])
    for (const name of namesIn(scope['param'] as Node)) yield { kind: 'other', name, whole: scope }
}

function* declaredByStatement(statement: Node): Generator<Declared> {
  const inner = /^Export(?:Named|Default)Declaration$/.test(statement.type)
    ? (statement['declaration'] as Node | null)
    : statement
  if (!inner) return
  if (inner.type === 'VariableDeclaration') yield* declaredByVariables(inner, statement)
  else if (inner.type === 'ImportDeclaration')
    for (const specifier of (inner['specifiers'] ?? []) as readonly Node[])
      yield { kind: 'import', name: specifier['local'] as Node, whole: inner }
  else if (inner['id'] && (inner['id'] as Node).type === 'Identifier')
    yield {
      kind: inner.type === 'FunctionDeclaration' ? 'function' : inner.type === 'ClassDeclaration' ? 'class' : 'other',
      name: inner['id'] as Node,
      whole: statement,
    }
}

function* declaredByVariables(declaration: Node, whole: Node): Generator<Declared> {
  const kind = declaration['kind'] as string
  for (const declarator of declaration['declarations'] as readonly Node[]) {
    const target = declarator['id'] as Node
    const initial = target.type === 'Identifier' ? ((declarator['init'] ?? undefined) as Node | undefined) : undefined
    for (const name of namesIn(target))
      yield { kind: kind === 'const' || kind === 'let' || kind === 'var' ? kind : 'other', name, whole, initial }
  }
}

/** `var` belongs to the function, however deep it stands. */
function* hoistedIn(scope: Node): Generator<Declared> {
  const pending = [...children(scope)]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (isFunctionNode(node)) continue
    if (node.type === 'VariableDeclaration' && node['kind'] === 'var') yield* declaredByVariables(node, node)
    pending.push(...children(node))
  }
}

/** The names that a pattern declares. */
function* namesIn(pattern: Node): Generator<Node> {
  if (pattern.type === 'Identifier') yield pattern
  else if (pattern.type === 'AssignmentPattern') yield* namesIn(pattern['left'] as Node)
  else if (pattern.type === 'RestElement') yield* namesIn(pattern['argument'] as Node)
  else if (pattern.type === 'TSParameterProperty') yield* namesIn(pattern['parameter'] as Node)
  else if (pattern.type === 'ArrayPattern')
    for (const element of pattern['elements'] as readonly (Node | null)[]) yield* element ? namesIn(element) : []
  else if (pattern.type === 'ObjectPattern')
    for (const property of pattern['properties'] as readonly Node[])
      yield* namesIn(property.type === 'RestElement' ? property : (property['value'] as Node))
}
