/** What a test says of the variables in it: an ID that was looked up and found names a session there is. */
import type { Node } from './ast.ts'
import { bare, children, isFunctionNode } from './ast.ts'
import { isPresentedHandle, requestTags } from './conditions.ts'
import type { Environment } from './heap.ts'
import type { State } from './state.ts'
import { withTags } from './value.ts'

const LOOK_UPS = new Set(['get', 'has', 'exists'])

/** Variables used as keys in `test` name an entry of the store that this path has newly found them in. */
export function narrow(test: Node, state: State, before: ReadonlySet<string>, env: Environment): void {
  const found = [...state.facts.must].filter((fact) => fact.startsWith('exists:') && !before.has(fact))
  if (found.length === 0) return
  for (const name of keysIn(test)) {
    const cell = env.find(name)
    if (cell === undefined) continue
    const value = state.read(cell)
    if (value.objects.length > 0 || !isPresentedHandle(value)) continue
    const presented = requestTags(value)
    const kept = value.with({ primitives: [], tags: value.tags.filter((tag) => !presented.includes(tag)) })
    state.write(cell, withTags(kept, ['held', ...found.map((fact) => `key:${fact.slice('exists:'.length)}`)]))
  }
}

/** Variables that look something up: `all[id]`, `all.get(id)`, `id in all`. */
function keysIn(test: Node): ReadonlySet<string> {
  const names = new Set<string>()
  const pending: Node[] = [test]
  while (pending.length > 0) {
    const node = pending.pop()!
    for (const part of partsOf(keyOf(node))) if (part.type === 'Identifier') names.add(String(part['name']))
    if (!isFunctionNode(node)) for (const child of children(node)) pending.push(child)
  }
  return names
}

/** What a key is made of: ``all.get(`session:${id}`)``, `all.get(keyOf(id))`. */
function partsOf(key: Node | undefined): readonly Node[] {
  if (key?.type === 'TemplateLiteral') return key['expressions'] as Node[]
  if (key?.type === 'CallExpression') return key['arguments'] as Node[]
  if (key?.type === 'BinaryExpression') return [key['left'], key['right']] as Node[]
  return key === undefined ? [] : [key]
}

function keyOf(node: Node): Node | undefined {
  if (node.type === 'MemberExpression' && node['computed'] === true) return bare(node['property'] as Node)
  if (node.type === 'BinaryExpression' && node['operator'] === 'in') return bare(node['left'] as Node)
  if (node.type !== 'CallExpression') return undefined
  const callee = bare(node['callee'] as Node)
  const [first] = node['arguments'] as Node[]
  const isLookUp = callee.type === 'MemberExpression' && LOOK_UPS.has(String(callee['property']?.name))
  return isLookUp && first !== undefined ? bare(first) : undefined
}
