/** Where a container of sessions is kept, and where code that belongs to it can stand. */
import type { Edit } from '../finding/finding.ts'
import type { ClassMember, ClassShape, Declaration, FileSyntax, Span } from '../syntax/syntax.ts'
import { codeIn } from './code.ts'
import { declaredBefore, endOfLine, isSetApart } from './lines.ts'

/** A variable, or the field of a class, that a container is or is a part of. */
export type Home =
  | { readonly kind: 'variable'; readonly declaration: Declaration }
  | { readonly kind: 'field'; readonly of: ClassShape }

/** Undefined where it is neither, or its class has no place for code that runs when an object of it is made. */
export function homeOf(file: FileSyntax, container: Span): Home | undefined {
  const [, root = '', field] = /^(\w+)((?:\.#?\w+)*)$/.exec(file.textOf(container)) ?? []
  if (root !== 'this') {
    const declaration = file.declarationOf(root, container)
    return declaration?.kind === 'const' || declaration?.kind === 'let' ? { kind: 'variable', declaration } : undefined
  }
  const own = file.classAround(container)
  return own && isFilled(file, own, field?.split('.')[1] ?? '') && hasPlace(own)
    ? { kind: 'field', of: own }
    : undefined
}

/** Whether every object of a class has something in a field from the beginning. */
function isFilled(file: FileSyntax, { members }: ClassShape, name: string): boolean {
  const maker = constructorOf(members)
  return (
    members.some((each) => each.kind === 'field' && each.name === name && !each.isStatic && each.value !== undefined) ||
    (maker?.value !== undefined &&
      file.assignments(maker.value).some(({ target }) => file.textOf(target) === `this.${name}`))
  )
}

/** The one that has a body. */
function constructorOf(members: readonly ClassMember[]): ClassMember | undefined {
  return members.find(({ kind, value }) => kind === 'constructor' && value !== undefined)
}

/** A constructor, or a place for one: what a class that extends another has to hand on is not ours to say. */
export function hasPlace({ isDerived, members }: ClassShape): boolean {
  return constructorOf(members) !== undefined || (!isDerived && members.some(({ kind }) => kind === 'field'))
}

type Code = ReturnType<typeof codeIn>

/** Code for a container, written for where it will stand. */
export interface Belonging {
  /** Declarations, one a line, at the place that `indent` is of. */
  readonly declared: (code: Code) => string
  /** A comment on them, where they stand on their own. */
  readonly what: string
  /** A comment on what runs. */
  readonly comment: string
  /** What runs once for each container. */
  readonly run: (code: Code) => string
}

/** Below the variable; for a field the declarations before the class, and the rest at the end of its constructor. */
export function belonging(file: FileSyntax, home: Home, belongs: Belonging): readonly Edit[] {
  if (home.kind === 'variable') return [belowVariable(file, home.declaration, belongs)]
  const code = codeIn(file.style)
  const declared = belongs.declared(code)
  return [
    ...(declared === '' ? [] : [declaredBefore(file, home.of, code`\n\n// ${belongs.what}${declared}`)]),
    inConstructor(file, home.of, (within) => within`\n// ${belongs.comment}${belongs.run(within)}`, 'last'),
  ]
}

function belowVariable(file: FileSyntax, { whole }: Declaration, { declared, comment, run }: Belonging): Edit {
  const { path, style } = file
  const end = endOfLine(file, whole.end)
  const code = codeIn(style, file.indentAt(whole.start))
  const text = code`\n\n// ${comment}${declared(code)}${run(code)}`
  return { path, start: end, end, text: isSetApart(file, end) ? text : text + style.newline }
}

/** The code for the constructor of a class, below its indentation, and where in it that stands. */
export function inConstructor(
  file: FileSyntax,
  { members }: ClassShape,
  write: (code: Code) => string,
  where: 'first' | 'last',
): Edit {
  const { path, style } = file
  const maker = constructorOf(members)
  const indent = file.indentAt(members[0]!.start)
  const text = write(codeIn(style, indent + style.indent))
  const own = codeIn(style, indent)
  if (maker?.value === undefined) {
    const end = endOfLine(file, lastOfFields(members).end)
    const made = `${own`\n\nconstructor() {`}${text}${own`\n}`}`
    return { path, start: end, end, text: isSetApart(file, end) ? made : made + style.newline }
  }
  const start = where === 'last' ? endOfLine(file, maker.lastEnd ?? maker.value.end) : beginning(file, maker.value)
  const rest = /^[ \t]*(?=\})/.exec(file.text.slice(start))?.[0]
  return rest === undefined
    ? { path, start, end: start, text }
    : { path, start, end: start + rest.length, text: text + own`\n` }
}

/** Of a body, or where the class that is extended has made its part. */
function beginning(file: FileSyntax, body: Span): number {
  const made = file.calls(body).find(({ callee }) => callee === 'super')
  return made === undefined ? body.start + 1 : endOfLine(file, file.statementAround(made)?.end ?? made.end)
}

/** Of those that stand together at the beginning; else the first there is. */
function lastOfFields(members: readonly ClassMember[]): ClassMember {
  const fields = members.findIndex(({ kind }) => kind !== 'field')
  return members[fields - 1] ?? (fields === -1 ? members.at(-1)! : members.find(({ kind }) => kind === 'field')!)
}
