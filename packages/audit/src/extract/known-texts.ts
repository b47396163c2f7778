/** Text that is put together where a setting is missing, of nothing that is a secret. */
import type { Node } from './ast.ts'
import { bare, staticKey } from './ast.ts'
import type { Environment } from './heap.ts'
import type { Machine } from './machine.ts'
import type { Value } from './value.ts'

/** What a program, its machine or its owner is called: told in addresses, logs and answers. */
const TOLD =
  /(?:^|[a-z_])(?:node|name|host|hostname|domain|port|version|env|environment|mode|stage|region|project|app|slug|namespace|instance|workspace|tenant|email|username)(?:_?id)?$/i
const MAY_BE_SECRET = /secret|passw|passphrase|token|credential|private|salt|seed|nonce|rand|uuid|(?:^|[a-z_])key/i

/**
 * `process.env.SECRET || 'app-' + (config.node || 'local')`: what stands there is known to whoever knows what the program is
 * called. The value that the setting falls back to, with what is known of it.
 */
export function fallenBackTo(machine: Machine, setting: Value, value: Value, node: Node, env: Environment): Value {
  const isSetting = setting.tags.some((tag) => tag.startsWith('env:') || tag.startsWith('opt:'))
  if (!isSetting || value.entropy !== undefined || !isComposed(node) || !partsOf(node).every(isToldOrWritten))
    return value
  const site = machine.site(env.file, node)
  return value.with({ entropy: { sources: [{ kind: 'process', label: 'names that others know', bits: 0, site }] } })
}

/** Text with text of the source in it. */
function isComposed(node: Node): boolean {
  const inner = bare(node)
  return partsOf(inner).length > 1 && partsOf(inner).some(isWritten)
}

function partsOf(node: Node): readonly Node[] {
  const inner = bare(node)
  if (inner.type === 'TemplateLiteral') return [...(inner['quasis'] as Node[]), ...(inner['expressions'] as Node[])]
  if (inner.type !== 'BinaryExpression' || inner['operator'] !== '+') return [inner]
  return [...partsOf(inner['left'] as Node), ...partsOf(inner['right'] as Node)]
}

/** Of a template, a piece; empty ones stand between its values. */
function isWritten(node: Node): boolean {
  if (node.type === 'TemplateElement') return /\w/.test((node['value'] as { readonly raw: string }).raw)
  return node.type === 'Literal'
}

function isToldOrWritten(part: Node): boolean {
  const node = bare(part)
  if (node.type === 'Literal' || node.type === 'TemplateElement') return true
  if (node.type === 'LogicalExpression')
    return node['operator'] !== '&&' && isNoSecret(node['left'] as Node) && isToldOrWritten(node['right'] as Node)
  const name = nameOf(node)
  return name !== undefined && TOLD.test(name) && !MAY_BE_SECRET.test(name)
}

/** What has text of the source in its place where it is missing: any name but that of a secret. */
function isNoSecret(part: Node): boolean {
  const node = bare(part)
  if (node.type === 'LogicalExpression') return isNoSecret(node['left'] as Node) && isNoSecret(node['right'] as Node)
  const name = nameOf(node)
  return name !== undefined && !MAY_BE_SECRET.test(name)
}

function nameOf(node: Node): string | undefined {
  if (node.type === 'Identifier') return String(node['name'])
  return node.type === 'MemberExpression' ? staticKey(node) : undefined
}
