/** The app that requests enter by, whatever framework it is of, and code that runs before all of its handlers. */
import type { Edit } from '../finding/finding.ts'
import type { Call, ClassShape, FileSyntax, FunctionShape, Span, Statement } from '../syntax/syntax.ts'
import { codeIn, quoted } from './code.ts'
import type { Place } from './fix.ts'
import { hasPlace, inConstructor } from './homes.ts'
import { bring } from './imports.ts'
import { endOfLine } from './lines.ts'

export type Framework = 'express' | 'fastify' | 'hono' | 'koa' | 'nest' | 'node'

export interface App {
  readonly file: FileSyntax
  readonly framework: Framework
  /** `app`, `this.app`; of node:http there is none. */
  readonly name: string
  /** In which it is made; of a field the class. */
  readonly statement: Statement
  /** The class that keeps it in a field which is filled before its constructor runs. */
  readonly fieldOf: ClassShape | undefined
  /** Of node:http: what answers requests. */
  readonly handler: FunctionShape | undefined
}

const MODULES: Readonly<Record<string, Framework>> = {
  express: 'express',
  fastify: 'fastify',
  hono: 'hono',
  koa: 'koa',
  '@nestjs/core': 'nest',
  http: 'node',
  'node:http': 'node',
}

/** The app that is made in a place; undefined where it is not of a kind that is known, or not held by a name. */
export function appAt({ file, span }: Place): App | undefined {
  const call = file.shapeOf(span)
  const statement = file.statementAround(span)
  if (call?.kind !== 'call' || statement === undefined) return undefined
  const framework = frameworkOf(file, call)
  if (framework === undefined) return undefined
  const fieldOf = file.classAround(span)
  const field = fieldOf?.members.find(
    ({ kind, value }) => kind === 'field' && value?.start === span.start && value.end === span.end,
  )
  if (fieldOf !== undefined && field?.name !== undefined && framework !== 'node')
    return hasPlace(fieldOf)
      ? { file, framework, name: `this.${field.name}`, statement, fieldOf, handler: undefined }
      : undefined
  const [handler] = framework === 'node' ? call.arguments.slice(-1) : []
  const before = file.text.slice(statement.start, span.start)
  const name = /^(?:export\s+)?(?:(?:const|let|var)\s+)?([\w.#]+)\s*(?::[^=]*)?=\s*(?:await\s+)?$/.exec(before)?.[1]
  const app = { file, framework, statement, fieldOf: undefined }
  if (framework !== 'node')
    return name === undefined || !isAllOf(file, span, statement) ? undefined : { ...app, name, handler: undefined }
  const answering = handler && functionAt(file, handler)
  return answering && { ...app, name: name ?? '', handler: answering }
}

/** `express().use(…).listen(…)` is no app any more. */
function isAllOf(file: FileSyntax, { end }: Span, statement: Statement): boolean {
  return /^(?:\s+as\s+[\w.]+)?\s*;?\s*$/.test(file.text.slice(end, statement.end))
}

function frameworkOf(file: FileSyntax, call: Call): Framework | undefined {
  const { callee } = call
  const [root = ''] = callee.split('.')
  const known = file.imports.find(
    ({ whole, namespace, names }) => whole === root || namespace === root || names.some(({ local }) => local === root),
  )
  const framework = known && MODULES[known.module]
  if (framework === 'node') return /(?:^|\.)createServer$/.test(callee) ? framework : undefined
  if (framework === 'nest') return callee === 'NestFactory.create' ? framework : undefined
  return callee === root ? framework : undefined
}

/** A function that stands in a place, or is named there and declared in this file. */
function functionAt(file: FileSyntax, span: Span): FunctionShape | undefined {
  const shape = file.shapeOf(span)
  if (shape?.kind === 'function') return shape
  if (shape?.kind !== 'name' || file.mentions(shape.name).length !== 2) return undefined
  return file.functions().find(({ name }) => name === shape.name)
}

/** A check of every request, written once for each framework: what it needs to know, when to refuse, and how. */
export interface Check {
  /** A statement that comes before it; or none. */
  readonly setting: string
  readonly comment: string
  /** When a request is refused. */
  readonly refuses: (request: Request) => string
  readonly status: number
  /** A header of the answer. */
  readonly says?: readonly [name: string, value: string]
}

export interface Request {
  readonly header: (name: string) => string
  /** A header of which has been asked already whether it is there, as a text to the compiler too. */
  readonly sent: (name: string) => string
}

/** The edits that put a check before all handlers of an app; undefined where it has no place. */
export function guarded(app: App, check: Check): readonly Edit[] | undefined {
  return app.framework === 'node' ? guardedHandler(app, check) : guardedApp(app, check)
}

function guardedApp(app: App, check: Check): readonly Edit[] {
  const { file, statement } = app
  const typed = app.framework === 'nest' && file.isTypeScript
  const types = typed ? bring(file, 'node:http', ['IncomingMessage', 'ServerResponse'], [statement]) : undefined
  const write = (code: Code): string =>
    `${check.setting === '' ? '' : code`\n${check.setting}`}${code`\n// ${check.comment}`}${middleware(app, check, code, types?.as)}`
  return [...(types?.edits ?? []), onceMade(app, write)]
}

/** Code that runs right after an app was made. */
export function onceMade({ file, statement, fieldOf }: App, write: (code: Code) => string): Edit {
  if (fieldOf !== undefined) return inConstructor(file, fieldOf, write, 'first')
  const end = endOfLine(file, statement.end)
  return { path: file.path, start: end, end, text: write(codeIn(file.style, file.indentAt(statement.start))) }
}

type Code = ReturnType<typeof codeIn>

function middleware(
  { framework, file, name }: App,
  { refuses, status, says }: Check,
  code: Code,
  types: readonly string[] | undefined,
): string {
  const plain = codeIn(file.style)
  const answer = String(status)
  const [field = '', value = ''] = says ?? []
  if (framework === 'express') {
    const header = says ? plain`.set('${field}', '${value}')` : ''
    return code`
${name}.use((req, res, next) => {
  if (${refuses(headersOf('req.headers', file))}) res.status(${answer})${header}.end();
  else next();
});`
  }
  if (framework === 'fastify') {
    const header = says ? plain`.header('${field}', '${value}')` : ''
    return code`
${name}.addHook('onRequest', (request, reply, done) => {
  if (${refuses(headersOf('request.headers', file))}) reply.code(${answer})${header}.send();
  else done();
});`
  }
  if (framework === 'hono') {
    const header = says ? plain`, { ${field}: '${value}' }` : ''
    return code`
${name}.use(async (c, next) => {
  if (${refuses(honoHeaders(plain))}) return c.body(null, ${answer}${header});
  return next();
});`
  }
  if (framework === 'nest') {
    const header = says ? plain`, { ${field}: '${value}' }` : ''
    const parameters = types ? `req: ${types[0]}, res: ${types[1]}, next: () => void` : 'req, res, next'
    // What Node itself has for requests and answers goes with every platform of NestJS.
    return code`
${name}.use((${parameters}) => {
  if (${refuses(headersOf('req.headers', file))}) res.writeHead(${answer}${header}).end();
  else next();
});`
  }
  const header = says ? code`\n  ctx.set('${field}', '${value}');` : ''
  return code`
${name}.use(async (ctx, next) => {
  if (!(${refuses(headersOf('ctx.headers', file))})) return next();
  ctx.status = ${answer};${header}
});`
}

function headersOf(object: string, file: FileSyntax): Request {
  const header = (name: string): string => member(object, name, file)
  return { header, sent: header }
}

/** Two calls may give two answers, says the compiler. */
function honoHeaders(code: ReturnType<typeof codeIn>): Request {
  return { header: (name) => code`c.req.header('${name}')`, sent: (name) => code`c.req.header('${name}') ?? ''` }
}

function member(object: string, name: string, { style }: FileSyntax): string {
  return /^\w+$/.test(name) ? `${object}.${name}` : `${object}[${quoted(name, style)}]`
}

/** At the beginning of the one function that answers. */
function guardedHandler({ file, handler, statement }: App, check: Check): readonly Edit[] | undefined {
  const [request, response] = handler?.parameters.map(({ name }) => name) ?? []
  if (handler === undefined || request === undefined || response === undefined) return undefined
  const { path } = file
  const indent = file.indentAt(handler.start) + file.style.indent
  const code = codeIn(file.style, indent)
  const refuses = check.refuses(headersOf(`${request}.headers`, file))
  const [field = '', value = ''] = check.says ?? []
  const says = check.says ? codeIn(file.style)`, { ${field}: '${value}' }` : ''
  const guard = code`
// ${check.comment}
if (${refuses}) {
  ${response}.writeHead(${String(check.status)}${says}).end();
  return;
}`
  const start = handler.isExpression ? handler.body.start : handler.body.start + 1
  const body = handler.isExpression
    ? {
        path,
        ...handler.body,
        text: `{${guard}${code`\n${file.textOf(handler.body)};`}${codeIn(file.style, file.indentAt(handler.start))`\n}`}`,
      }
    : { path, start, end: start, text: guard }
  if (check.setting === '') return [body]
  const text = check.setting + file.style.newline + file.indentAt(statement.start)
  return [{ path, start: statement.start, end: statement.start, text }, body]
}
