/**
 * The syntax tree as the interpreter walks it: ESTree with TypeScript nodes, as the parser gives it.
 * One loose type on purpose. The interpreter is one switch over `type`, must step around anything it does not
 * know (hostile or future syntax), and reads only fields it has checked; a full union would only add casts.
 */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  // oxlint-disable-next-line typescript/no-explicit-any -- see above
  readonly [field: string]: any
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}

/** Strips wrappers that do not change a value: parentheses, `as T`, `satisfies T`, `!`, type arguments. */
export function bare(node: Node): Node {
  let inner = node
  while (WRAPPERS.has(inner.type)) inner = inner['expression'] as Node
  return inner
}

const WRAPPERS = new Set([
  'ParenthesizedExpression',
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
])

/** The name of a property key or member, when it is written down. */
export function staticKey(node: Node): string | undefined {
  const key = (node['key'] ?? node['property']) as Node | undefined
  if (key === undefined) return undefined
  if (node['computed'] !== true && key.type === 'Identifier') return key['name'] as string
  if (key.type === 'PrivateIdentifier') return `#${key['name'] as string}`
  if (key.type === 'Literal' && typeof key['value'] !== 'object') return String(key['value'])
  return isIteratorSymbol(key) ? ITERATOR : undefined
}

/** What a class calls the method that `for (… of …)` and spreading ask. */
export const ITERATOR = '@@iterator'

/** `Symbol.iterator`, `Symbol.asyncIterator` */
function isIteratorSymbol(key: Node): boolean {
  if (key.type !== 'MemberExpression' || key['computed'] === true) return false
  const [of, name] = [key['object'] as Node, key['property'] as Node]
  return of['name'] === 'Symbol' && /^(?:asyncI|i)terator$/.test(String(name['name']))
}

/** Of two nodes of one file. */
export function isInside(inner: Node, outer: Node): boolean {
  return outer.start <= inner.start && inner.end <= outer.end
}

/** The child nodes of a node, in source order as far as the parser lists them so. */
export function children(node: Node): readonly Node[] {
  const found: Node[] = []
  for (const field in node) {
    const value = node[field] as unknown
    if (typeof value !== 'object' || value === null || field === 'parent') continue
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) found.push(item)
    } else if (isNode(value)) found.push(value)
  }
  return found
}

export function isFunctionNode(node: Node): boolean {
  return (
    node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression'
  )
}
