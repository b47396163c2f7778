/** Sets properties of an object literal, in the manner in which it is written. */
import type { Edit } from '../finding/finding.ts'
import type { FileSyntax, ObjectLiteral, Property } from '../syntax/syntax.ts'

/** The edits after which an object literal has these properties: by name, the code of their values. */
export function setProperties(
  file: FileSyntax,
  object: ObjectLiteral,
  values: Readonly<Record<string, string>>,
): readonly Edit[] {
  const present = new Map(object.properties.map((property) => [property.name, property]))
  const entries = Object.entries(values)
  const changed = entries.flatMap(([name, value]) => {
    const property = present.get(name)
    return property ? replaced(file, property, value) : []
  })
  const missing = entries.filter(([name]) => !present.has(name)).map(([name, value]) => `${name}: ${value}`)
  return missing.length === 0 ? changed : [...changed, ...added(file, object, missing)]
}

/** The object literal that a property holds, or undefined. */
export function objectIn(file: FileSyntax, property: Property | undefined): ObjectLiteral | undefined {
  const shape = property && file.shapeOf(property.value)
  return shape?.kind === 'object' ? shape : undefined
}

/** What is said behind a value, on its line, is said of that value: it would not be true of another. */
function replaced({ path, text }: FileSyntax, property: Property, code: string): readonly Edit[] {
  const { name, form, value, start, end } = property
  const edit = form === 'plain' ? { path, ...value, text: code } : { path, start, end, text: `${name}: ${code}` }
  const [, before = '', comment] =
    /^(\s*,)?([^\S\n]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*\*\/)(?=[^\S\n]*\r?\n))?/.exec(text.slice(end)) ?? []
  const from = end + before.length
  return comment === undefined ? [edit] : [edit, { path, start: from, end: from + comment.length, text: '' }]
}

function added(file: FileSyntax, object: ObjectLiteral, list: readonly string[]): readonly Edit[] {
  const { path, text, style } = file
  const inner = text.slice(object.start + 1, object.end - 1)
  if (inner.trim() === '') return [{ path, start: object.start, end: object.end, text: `{ ${list.join(', ')} }` }]
  const end = object.lastEnd
  const isTall =
    text.slice(object.start, object.end).includes('\n') && /^\s*,?[^\n]*\n/.test(text.slice(end, object.end))
  if (!isTall) return [{ path, start: end, end, text: list.map((each) => `, ${each}`).join('') }]
  // What follows the last property on its line, such as a comment, belongs to it and stays there.
  const [rest = '', comma] = /^[^\S\n]*(,)?[^\r\n]*/.exec(text.slice(end, object.end)) ?? []
  const lines = list.map((each) => `${style.newline}${file.indentAt(end)}${each}`).join(',')
  const at = end + rest.length
  const after = { path, start: at, end: at, text: comma ? `${lines},` : lines }
  return comma
    ? [after]
    : rest === ''
      ? [{ ...after, text: `,${lines}` }]
      : [{ path, start: end, end, text: ',' }, after]
}
