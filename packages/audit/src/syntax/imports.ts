/** What a file imports, and where a first import belongs. */
import { staticKey, type Node } from '../extract/ast.ts'
import type { Import } from './syntax.ts'

/** The imports and requires at the top level of a file. */
export function importsIn(program: Node): readonly Import[] {
  return bodyOf(program).flatMap((statement) => importOf(statement) ?? requireOf(statement) ?? [])
}

/** By what the file says; by its name where it says nothing. */
export function isModule(program: Node, path: string): boolean {
  if (bodyOf(program).some(({ type }) => /^(?:Import|Export|TSImportEquals)/.test(type))) return true
  return !/\.c[jt]s$/.test(path) && !bodyOf(program).some((statement) => requireOf(statement) !== undefined)
}

/** After a byte order mark, a hashbang and directives. */
export function topOf(program: Node, text: string): number {
  const directives = bodyOf(program).filter((node) => typeof node['directive'] === 'string')
  const last = directives.at(-1) ?? (program['hashbang'] as Node | null | undefined)
  if (!last) return text.charCodeAt(0) === 0xfeff ? 1 : 0
  const lineBreak = text.indexOf('\n', last.end)
  return lineBreak === -1 ? text.length : lineBreak + 1
}

function bodyOf(program: Node): readonly Node[] {
  return program['body'] as readonly Node[]
}

function importOf(node: Node): Import | undefined {
  if (node.type !== 'ImportDeclaration') return undefined
  const specifiers = (node['specifiers'] ?? []) as readonly Node[]
  const localOf = (type: string): string | undefined =>
    specifiers.filter((specifier) => specifier.type === type).map((specifier) => nameOf(specifier['local'] as Node))[0]
  const named = specifiers.filter(({ type }) => type === 'ImportSpecifier')
  return {
    start: node.start,
    end: node.end,
    module: (node['source'] as Node)['value'] as string,
    form: 'import',
    isTypeOnly: node['importKind'] === 'type',
    whole: localOf('ImportDefaultSpecifier'),
    namespace: localOf('ImportNamespaceSpecifier'),
    names: named.map((specifier) => ({
      imported: nameOf(specifier['imported'] as Node),
      local: nameOf(specifier['local'] as Node),
      isType: specifier['importKind'] === 'type',
      span: { start: specifier.start, end: specifier.end },
    })),
    lastName: named.at(-1)?.end,
  }
}

/** `const x = require('m')` and `const { a } = require('m')`. */
function requireOf(node: Node): Import | undefined {
  const declarators = (node.type === 'VariableDeclaration' ? node['declarations'] : []) as readonly Node[]
  const [declarator] = declarators
  const module = declarators.length === 1 && declarator ? requiredBy(declarator['init'] as Node | null) : undefined
  if (declarator === undefined || module === undefined) return undefined
  const target = declarator['id'] as Node
  const properties = (target.type === 'ObjectPattern' ? target['properties'] : []) as readonly Node[]
  return {
    start: node.start,
    end: node.end,
    module,
    form: 'require',
    isTypeOnly: false,
    whole: target.type === 'Identifier' ? nameOf(target) : undefined,
    namespace: undefined,
    names: properties.flatMap((property) => {
      const imported = property.type === 'Property' ? staticKey(property) : undefined
      const local = property['value'] as Node | undefined
      return imported !== undefined && local?.type === 'Identifier'
        ? [{ imported, local: nameOf(local), isType: false, span: { start: property.start, end: property.end } }]
        : []
    }),
    lastName: properties.every(({ type }) => type === 'Property') ? properties.at(-1)?.end : undefined,
  }
}

function requiredBy(node: Node | null): string | undefined {
  const callee = node?.type === 'CallExpression' ? (node['callee'] as Node) : undefined
  const [argument] = (node?.type === 'CallExpression' ? node['arguments'] : []) as readonly Node[]
  const isRequire = callee?.type === 'Identifier' && callee['name'] === 'require'
  return isRequire && typeof argument?.['value'] === 'string' ? argument['value'] : undefined
}

function nameOf(node: Node): string {
  return (node['name'] ?? node['value']) as string
}
