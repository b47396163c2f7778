import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import type { LoginFact } from '../../facts/facts.ts'
import { codeIn } from '../../fix/code.ts'
import { placeAt, placeOf, type Ground, type Place } from '../../fix/fix.ts'
import { followed } from '../../fix/follow.ts'
import { freeName } from '../../fix/names.ts'
import { setProperties } from '../../fix/objects.ts'
import { isBelow } from '../../source/version.ts'
import type { Block, FileSyntax, FunctionShape, Parameter, Span, Statement, Syntax } from '../../syntax/syntax.ts'

/** Regenerates the session before the login writes into it, and keeps what others have written into it before. */
export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const fact = facts.logins.find(({ at }) => finding.location && isSamePlace(at, finding.location))
  const place = placeOf(finding, syntax)
  if (fact?.how !== 'web-session' || fact.session === undefined || place === undefined) return undefined
  const login = loginAt(place, syntax)
  const library = libraryAt(fact, syntax)
  const edits = login && library && regenerated(place.file, login, library)
  if (edits === undefined) return undefined
  return {
    title: 'Regenerate the session before the login is written into it',
    kind: 'safe',
    edits: [...edits, ...withoutEmptySessions(fact, syntax)],
  }
}

type Library = 'express-session' | '@fastify/session'

function libraryAt({ session }: LoginFact, syntax: Syntax): Library | undefined {
  const modules = session && syntax.file(session.path)?.imports.map(({ module }) => module)
  return (['express-session', '@fastify/session'] as const).find((library) => modules?.includes(library))
}

/** A login: from the first statement of its block that writes into the session. */
interface Login {
  /** `req.session` */
  readonly session: string
  readonly block: Block
  readonly from: number
  readonly within: FunctionShape
  /** Something catches them, or Express 5 hands them on; before it nobody hears of them, and the process may end. */
  readonly rejectionsAreHandled: boolean
}

function loginAt({ file, span }: Place, syntax: Syntax): Login | undefined {
  const target = file.shapeOf(span)
  const block = file.blockAround(span)
  const [within] = file.functionsAround(span)
  if (target?.kind !== 'member' || block === undefined || within === undefined) return undefined
  const session = file.textOf(target.object)
  const from = block.statements.findIndex((statement) => writesInto(file, session, statement))
  if (from === -1 || !session.endsWith('.session')) return undefined
  const version = syntax.versionOf('express', file.path)
  const isCaught = file.isCaught(block.statements[from]!)
  const rejectionsAreHandled = isCaught || (version !== undefined && !isBelow(version, '5'))
  return { session, block, from, within, rejectionsAreHandled }
}

function writesInto(file: FileSyntax, session: string, statement: Statement): boolean {
  return (
    statement.kind === 'expression' &&
    file
      .assignments(statement)
      .some(({ start, target }) => start === statement.start && objectOf(file, target) === session)
  )
}

function objectOf(file: FileSyntax, span: Span): string | undefined {
  const shape = file.shapeOf(span)
  return shape?.kind === 'member' ? file.textOf(shape.object) : undefined
}

function regenerated(file: FileSyntax, login: Login, library: Library): readonly Edit[] | undefined {
  const { within, block, from } = login
  if (within.isGenerator) return undefined
  const first = block.statements[from]!
  const code = codeIn(file.style, file.indentAt(first.start))
  if (!within.isAsync) return library === 'express-session' ? calledBack(file, login) : undefined
  const kept = keptFields(file, login)
  const [before, after] =
    kept === undefined
      ? ['', '']
      : [code`const ${kept.name} = ${kept.value};\n`, code`Object.assign(${login.session}, ${kept.name});\n`]
  const steps = `${before}${regeneration(file, login, library)}${after}`
  const known = conditionalBefore(file, login)
  return [
    known
      ? { path: file.path, ...known, text: steps.trimEnd() }
      : { path: file.path, start: first.start, end: first.start, text: steps },
  ]
}

/** Awaited, with the line break. */
function regeneration(file: FileSyntax, login: Login, library: Library): string {
  const { session, block, from, within } = login
  const first = block.statements[from]!
  const code = codeIn(file.style, file.indentAt(first.start))
  if (library === '@fastify/session') return code`await ${session}.regenerate();\n`
  const answer = login.rejectionsAreHandled ? undefined : failureIn(file, within)
  if (answer !== undefined) {
    const unknown = file.isTypeScript ? '<unknown>' : ''
    return code`const ${answer.error} = await new Promise${unknown}((resolve) => {
  ${session}.regenerate(resolve);
});
if (${answer.error}) return ${answer.isVoid ? '' : 'void '}${answer.code};
`
  }
  const type = file.isTypeScript ? '<void>' : ''
  return code`await new Promise${type}((resolve, reject) => {
  ${session}.regenerate((error) => (error ? reject(error) : resolve()));
});
`
}

/** `if (…) await req.session.regenerate()`: the same, whatever is asked there. */
function conditionalBefore(file: FileSyntax, { session, block, from }: Login): Span | undefined {
  const known = block.statements
    .slice(0, from)
    .find(
      (statement) =>
        statement.kind === 'if' && file.calls(statement).some(({ callee }) => callee === `${session}.regenerate`),
    )
  return known && { start: known.start, end: known.end }
}

/** What others than the login write into the session, which the login would otherwise lose. */
function keptFields(
  file: FileSyntax,
  { session, within, block, from }: Login,
): { readonly name: string; readonly value: string } | undefined {
  const own = file.textOf({ start: block.statements[from]!.start, end: block.statements.at(-1)!.end })
  const fields = file.assignments().flatMap(({ operator, target, start }) => {
    const shape = file.shapeOf(target)
    const isElsewhere = start < within.start || start > within.end
    const isField =
      shape?.kind === 'member' && shape.name !== undefined && file.textOf(shape.object).endsWith('.session')
    return operator === '=' && isElsewhere && isField && !own.includes(`${session}.${shape.name}`) ? [shape.name!] : []
  })
  const list = [...new Set(fields)]
    .filter((field) => field !== 'cookie')
    .map((field) => `${field}: ${session}.${field}`)
  return list.length === 0 ? undefined : { name: freeName(file, 'kept', 'keptData'), value: `{ ${list.join(', ')} }` }
}

/** The rest of the block goes into the callback, if nothing else comes after it. */
function calledBack(file: FileSyntax, login: Login): readonly Edit[] | undefined {
  const { session, block, from, within } = login
  const moved = block.statements.slice(from)
  const span = { start: moved[0]!.start, end: moved.at(-1)!.end }
  const leaves = moved.some((statement) => statement.leaves)
  const failure = failureIn(file, within, span)
  if (failure === undefined || !isMovable(file, span, moved) || !(leaves || file.endsFunction(block.statements[from]!)))
    return undefined
  const kept = keptFields(file, login)
  const code = codeIn(file.style, file.indentAt(span.start))
  const [before, after] =
    kept === undefined
      ? ['', '']
      : [code`const ${kept.name} = ${kept.value};\n`, code`\n  Object.assign(${session}, ${kept.name});`]
  const end = leaves && block.of !== 'function' ? code`\nreturn;` : ''
  const text = code`${before}${session}.regenerate((${failure.error}) => {
  if (${failure.error}) return ${failure.code};${after}
  ${file.indented(span)}
})`
  return [{ path: file.path, ...span, text: `${text}${file.style.semicolons ? ';' : ''}${end}` }]
}

/** How a handler says that something went wrong. */
interface Failure {
  /** A name for what went wrong that means nothing else there. */
  readonly error: string
  readonly code: string
  readonly isVoid: boolean
}

/** Undefined where the function is not seen to be a handler: its second parameter may be anything. */
function failureIn(file: FileSyntax, { parameters, body }: FunctionShape, span: Span = body): Failure | undefined {
  const text = file.textOf(span)
  const error = ['error', 'failure', 'problem'].find((name) => !new RegExp(`\\b${name}\\b`).test(text))
  const [, response, next] = parameters
  if (error === undefined || response?.name === undefined || !isResponse(file, response, body)) return undefined
  if (next?.name !== undefined) return { error, code: `${next.name}(${error})`, isVoid: true }
  return { error, code: `${response.name}.status(500).end()`, isVoid: false }
}

/** Its type says so, or it is answered by. */
function isResponse(file: FileSyntax, parameter: Parameter, body: Span): boolean {
  const answers = new RegExp(`^${parameter.name}\\.(?:status|json|send|end|redirect|render|sendStatus|cookie)\\b`)
  return /\bResponse\b/.test(file.textOf(parameter)) || file.calls(body).some(({ callee }) => answers.test(callee))
}

function isMovable(file: FileSyntax, span: Span, moved: readonly Statement[]): boolean {
  return !file.holds(span, ['break', 'continue']) && !moved.some(({ kind }) => kind === 'function' || kind === 'class')
}

/** An empty session need not be kept, and then there is none to be planted. Whoever reads its ID relies on it being kept. */
function withoutEmptySessions({ session }: LoginFact, syntax: Syntax): readonly Edit[] {
  const place = session && placeAt(session, syntax)
  const call = place?.file.shapeOf(place.span)
  if (place === undefined || call?.kind !== 'call' || /\bsessionID\b|\bsession\.id\b/.test(place.file.text)) return []
  const options = call.arguments
    .map((argument) => followed(place.file, argument))
    .find((shape) => shape?.kind === 'object')
  if (options?.kind !== 'object' || options.isOpen) return []
  const value = options.properties.find(({ name }) => name === 'saveUninitialized')?.value
  const isOff = value !== undefined && place.file.textOf(value) !== 'true'
  return isOff ? [] : setProperties(place.file, options, { saveUninitialized: 'false' })
}
