/** Reads that ask only whether something is there: what it is does not matter to them. */
import type { Node } from './ast.ts'
import { bare, children } from './ast.ts'
import type { Site } from './heap.ts'

/** Whether what stands at a place is held against nothing (`server !== null`, `!server`, `if (server)`) and never used. */
export const asksOnlyWhetherThere = once((above) => {
  let inner = above.pop()
  for (let outer = above.pop(); inner !== undefined && outer !== undefined; outer = above.pop()) {
    const answer = bare(outer) === outer ? isAsked(outer, inner) : undefined
    if (answer !== undefined) return answer
    inner = outer
  }
  return false
})

/** `id !== current`, `current?.id === id`: what is there, or a field of it, is held against something. */
export const isHeldAgainst = once((above) => {
  let inner = above.pop()
  for (let outer = above.pop(); inner !== undefined && outer !== undefined; outer = above.pop()) {
    if (outer.type === 'BinaryExpression') return /^[!=]==?$/.test(String(outer['operator']))
    const isPart = outer.type === 'ChainExpression' || (outer.type === 'MemberExpression' && outer['object'] === inner)
    if (!isPart && bare(outer) === outer) return false
    inner = outer
  }
  return false
})

/** A place is asked about for each write that it may read. */
function once(answer: (above: Node[]) => boolean): (program: Node, site: Site) => boolean {
  const programs = new WeakMap<Node, Map<string, boolean>>()
  return (program, site) => {
    const places = programs.get(program) ?? new Map<string, boolean>()
    programs.set(program, places)
    const key = `${site.start}-${site.end}`
    const known = places.get(key) ?? answer(nodesAround(program, site))
    places.set(key, known)
    return known
  }
}

/** The nodes that a place lies in, and last the one that stands there. */
export function nodesAround(program: Node, { start, end }: Site): Node[] {
  const around: Node[] = []
  for (let next: Node | undefined = program; next !== undefined;) {
    around.push(next)
    if (next.start === start && next.end === end && next !== program) break
    next = children(next).find((child) => child.start <= start && end <= child.end)
  }
  return around
}

/** Whether the outer asks only for the truth of the inner; undefined where that is up to what the outer stands in. */
function isAsked(outer: Node, inner: Node): boolean | undefined {
  switch (outer.type) {
    case 'ChainExpression':
      return undefined
    case 'UnaryExpression':
      return outer['operator'] === '!' || outer['operator'] === 'typeof'
    case 'BinaryExpression':
      return (
        /^[!=]==?$/.test(String(outer['operator'])) &&
        isNothing(outer['left'] === inner ? outer['right'] : outer['left'])
      )
    case 'CallExpression':
      return outer['arguments'][0] === inner && outer['callee']['name'] === 'Boolean'
    case 'LogicalExpression':
      // An object on the left of `&&` is never what comes of it.
      return outer['operator'] === '&&' && outer['left'] === inner ? true : undefined
    case 'IfStatement':
    case 'ConditionalExpression':
      return outer['test'] === inner ? true : outer.type === 'ConditionalExpression' ? undefined : false
    default:
      return false
  }
}

function isNothing(given: Node): boolean {
  const node = bare(given)
  return (node.type === 'Literal' && node['value'] === null) || node['name'] === 'undefined'
}
