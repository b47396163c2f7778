/** What stands in a place, one level deep. */
import { bare, isFunctionNode, staticKey, type Node } from '../extract/ast.ts'
import { statementsOf } from './blocks.ts'
import { isExpression, type NodeIndex } from './nodes.ts'
import type {
  Assignment,
  Binary,
  Call,
  ClassMember,
  ClassShape,
  FunctionShape,
  Member,
  ObjectLiteral,
  Parameter,
  Shape,
  Span,
} from './syntax.ts'

export function shapeOf(span: Span, index: NodeIndex): Shape | undefined {
  const node = index.expressionAt(span)
  return node && shapeOfNode(node, index)
}

/** The expressions around a place, the innermost first, as far as the innermost function or statement. */
export function expressionsAround(span: Span, index: NodeIndex): readonly Shape[] {
  const around = index.around(span).filter(({ start, end }) => start !== span.start || end !== span.end)
  const limit = around.findIndex((node) => isFunctionNode(node) || /Statement$|Declaration$/.test(node.type))
  return around
    .slice(0, limit === -1 ? around.length : limit)
    .filter((node) => isExpression(node) && node === bare(node))
    .map((node) => shapeOfNode(node, index))
}

function shapeOfNode(node: Node, index: NodeIndex): Shape {
  return (
    callShape(node, index) ??
    memberShape(node) ??
    functionShape(node, index) ??
    objectShape(node) ??
    binaryShape(node) ??
    plainShape(node)
  )
}

export function callShape(node: Node, index: NodeIndex): Call | undefined {
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return undefined
  const callee = node['callee'] as Node
  return {
    ...spanOf(node),
    kind: 'call',
    isNew: node.type === 'NewExpression',
    callee: index.text.slice(callee.start, callee.end),
    calleeSpan: spanOf(callee),
    arguments: (node['arguments'] as readonly Node[]).map(spanOf),
  }
}

export function memberShape(node: Node): Member | undefined {
  if (node.type !== 'MemberExpression') return undefined
  return {
    ...spanOf(node),
    kind: 'member',
    object: spanOf(node['object'] as Node),
    name: staticKey(node),
    isOptional: node['optional'] === true,
  }
}

export function functionShape(node: Node, index: NodeIndex): FunctionShape | undefined {
  if (!isFunctionNode(node) || !node['body']) return undefined
  const body = node['body'] as Node
  return {
    ...spanOf(node),
    kind: 'function',
    name: nameOf(node, index),
    isArrow: node.type === 'ArrowFunctionExpression',
    isAsync: node['async'] === true,
    isGenerator: node['generator'] === true,
    parameters: parametersOf(node).map(parameterShape),
    body: spanOf(body),
    isExpression: body.type !== 'BlockStatement' && body.type !== 'FunctionBody',
  }
}

export function assignmentShape(node: Node): Assignment | undefined {
  if (node.type !== 'AssignmentExpression') return undefined
  return {
    ...spanOf(node),
    operator: node['operator'] as string,
    target: spanOf(node['left'] as Node),
    value: spanOf(node['right'] as Node),
  }
}

export function objectShape(node: Node): ObjectLiteral | undefined {
  if (node.type !== 'ObjectExpression') return undefined
  const members = node['properties'] as readonly Node[]
  const properties = members.filter(({ type }) => type === 'Property')
  return {
    ...spanOf(node),
    kind: 'object',
    properties: properties.map((property) => ({
      ...spanOf(property),
      name: staticKey(property),
      form:
        property['method'] === true || property['kind'] !== 'init'
          ? 'method'
          : property['shorthand'] === true
            ? 'shorthand'
            : 'plain',
      value: spanOf(property['value'] as Node),
    })),
    isOpen: properties.length < members.length || properties.some((property) => staticKey(property) === undefined),
    lastEnd: members.at(-1)?.end ?? node.start,
  }
}

/** The class that `this` is an object of in a place. */
export function classAround(span: Span, index: NodeIndex): ClassShape | undefined {
  const whose = index.around(span).find(bindsThis)
  const member = whose && (MEMBERS.test(whose.type) ? whose : index.parent(whose))
  const body = member && index.parent(member)
  const own = body && index.parent(body)
  if (own === undefined || body?.type !== 'ClassBody' || member?.['static'] === true) return undefined
  return {
    ...spanOf(own),
    isDerived: Boolean(own['superClass']),
    members: (body['body'] as readonly Node[]).map((each) => memberOf(each, index)),
  }
}

const MEMBERS = /^(?:PropertyDefinition|AccessorProperty|MethodDefinition)$/

/** Arrow functions have the `this` of what is around them. */
function bindsThis(node: Node): boolean {
  return (
    (isFunctionNode(node) && node.type !== 'ArrowFunctionExpression') ||
    MEMBERS.test(node.type) ||
    node.type === 'StaticBlock'
  )
}

function memberOf(node: Node, { text }: NodeIndex): ClassMember {
  const key = node['key'] as Node | undefined
  const value = (node['value'] ?? undefined) as Node | undefined
  const kind = node['kind'] === 'constructor' ? 'constructor' : (MEMBER_KINDS[node.type] ?? 'other')
  const body = kind === 'field' ? undefined : ((value?.['body'] ?? undefined) as Node | undefined)
  return {
    ...spanOf(node),
    kind,
    name: key === undefined || node['computed'] === true ? undefined : text.slice(key.start, key.end),
    isStatic: node['static'] === true,
    value: kind === 'field' ? value && spanOf(value) : body && spanOf(body),
    lastEnd: body && (statementsOf(body)?.at(-1)?.end ?? body.start + 1),
  }
}

const MEMBER_KINDS: Readonly<Record<string, ClassMember['kind']>> = {
  PropertyDefinition: 'field',
  AccessorProperty: 'field',
  MethodDefinition: 'method',
}

function binaryShape(node: Node): Binary | undefined {
  if (node.type !== 'BinaryExpression' && node.type !== 'LogicalExpression') return undefined
  return {
    ...spanOf(node),
    kind: 'binary',
    operator: node['operator'] as string,
    left: spanOf(node['left'] as Node),
    right: spanOf(node['right'] as Node),
  }
}

function plainShape(node: Node): Shape {
  if (node.type === 'Identifier') return { ...spanOf(node), kind: 'name', name: node['name'] as string }
  if (node.type === 'Literal' && typeof node['value'] === 'string')
    return { ...spanOf(node), kind: 'text', value: node['value'] }
  if (node.type !== 'TemplateLiteral') return { ...spanOf(node), kind: 'other' }
  const [first] = node['quasis'] as readonly Node[]
  const parts = node['expressions'] as readonly Node[]
  const cooked = (first?.['value'] as { readonly cooked?: string } | undefined)?.cooked
  return parts.length === 0 && cooked !== undefined
    ? { ...spanOf(node), kind: 'text', value: cooked }
    : { ...spanOf(node), kind: 'template', parts: parts.map(spanOf) }
}

/** Its own, or that of the variable or property that holds it. */
function nameOf(node: Node, index: NodeIndex): string | undefined {
  const own = node['id'] as Node | null
  if (own) return own['name'] as string
  const parent = index.parent(node)
  if (parent?.type === 'VariableDeclarator' && (parent['id'] as Node).type === 'Identifier')
    return (parent['id'] as Node)['name'] as string
  return parent?.type === 'Property' || parent?.type === 'MethodDefinition' ? staticKey(parent) : undefined
}

/** In some trees the parameters lie one level deeper. */
function parametersOf(node: Node): readonly Node[] {
  const params = node['params'] as readonly Node[] | { readonly items?: readonly Node[] }
  return Array.isArray(params) ? (params as readonly Node[]) : ((params as { items?: readonly Node[] }).items ?? [])
}

function parameterShape(node: Node): Parameter {
  const target = node.type === 'AssignmentPattern' ? (node['left'] as Node) : node
  return {
    ...spanOf(node),
    name: target.type === 'Identifier' ? (target['name'] as string) : undefined,
    isTyped: Boolean(target['typeAnnotation']),
  }
}

function spanOf({ start, end }: Span): Span {
  return { start, end }
}
