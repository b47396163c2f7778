/** Has the codec of the SDK seal each state for its caller and its request. */
import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { isTraced, type Ground } from '../../fix/fix.ts'
import { setProperties } from '../../fix/objects.ts'
import { codecsIn, partsOfBinding } from '../../fix/request-states.ts'
import type { FileSyntax, Property } from '../../syntax/syntax.ts'

export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const state = facts.requestStates.find(({ at }) => isTraced(finding, at))
  const file = state && syntax.file(state.at.path)
  const [codec, ...others] = file ? codecsIn(file) : []
  const options = file && codec?.arguments[0] && file.shapeOf(codec.arguments[0])
  if (state === undefined || file === undefined || options?.kind !== 'object' || others.length > 0) return undefined
  const bound = options.properties.find(({ name }) => name === 'bind')
  const said = bound && whatIsBound(file, bound)
  const parts = partsOfBinding(said?.context ?? 'ctx', state.callers, syntax, file.style)
  if (parts === undefined || (bound !== undefined && said === undefined)) return undefined
  const list = [...(said ? [said.code] : []), ...parts.filter((part) => !said?.code.includes(part))].join(', ')
  const edits: readonly Edit[] = setProperties(file, options, {
    bind: `(${said?.context ?? 'ctx'}) => JSON.stringify([${list}])`,
  })
  return { title: 'Seal each requestState for its caller and its request', kind: 'unsafe', edits }
}

/** What `bind` gives already: that stays. */
function whatIsBound(
  file: FileSyntax,
  { value }: Property,
): { readonly context: string; readonly code: string } | undefined {
  const shape = file.shapeOf(value)
  if (shape?.kind === 'name') return { context: 'ctx', code: `${shape.name}(ctx)` }
  const context = shape?.kind === 'function' ? shape.parameters[0]?.name : undefined
  if (shape?.kind !== 'function' || !shape.isExpression || context === undefined) return undefined
  return { context, code: file.textOf(shape.body) }
}
