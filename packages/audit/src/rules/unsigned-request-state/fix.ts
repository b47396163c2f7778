/** Has what goes to the client sealed by the codec of the SDK, and nothing else taken back. */
import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { codeIn } from '../../fix/code.ts'
import { isTraced, type Ground } from '../../fix/fix.ts'
import { callsOf } from '../../fix/follow.ts'
import { bring } from '../../fix/imports.ts'
import { declaredBefore } from '../../fix/lines.ts'
import { freeName } from '../../fix/names.ts'
import { setProperties } from '../../fix/objects.ts'
import { CODEC, partsOfBinding, redeemedOnce, sealedType } from '../../fix/request-states.ts'
import type { Call, FileSyntax, ObjectLiteral, Span } from '../../syntax/syntax.ts'

const SDK = '@modelcontextprotocol/server'

export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const state = facts.requestStates.find(({ at }) => isTraced(finding, at))
  const file = state && syntax.file(state.at.path)
  const context = file && contextOf(file, file.spanOf(state.at))
  const binding = file && partsOfBinding('ctx', state!.callers, syntax, file.style)
  if (file === undefined || context === undefined || binding === undefined) return undefined
  const codec = freeName(file, 'requestStates')
  const wired = wiredIn(file, codec)
  const minted = mintedIn(file, context, codec)
  if (wired === undefined || minted === undefined) return undefined
  const edits = [...madeFor(file, codec, binding), ...wired, ...minted]
  return { title: 'Seal each requestState, and take back nothing else', kind: 'unsafe', edits }
}

/** `ctx` of `ctx.mcpReq.requestState()` */
function contextOf(file: FileSyntax, span: Span): string | undefined {
  const call = file.shapeOf(span)
  return call?.kind === 'call' ? /^(\w+)\.mcpReq\.requestState$/.exec(call.callee)?.[1] : undefined
}

/** `new McpServer(info, { requestState: { verify } })`, of the one server that the file makes. */
function wiredIn(file: FileSyntax, codec: string): readonly Edit[] | undefined {
  const [server, ...others] = serversIn(file)
  if (server === undefined || others.length > 0) return undefined
  const [info, options] = server.arguments
  const requestState = `{ verify: ${codec}.verify }`
  if (info && options === undefined)
    return [{ path: file.path, start: info.end, end: info.end, text: `, { requestState: ${requestState} }` }]
  const shape = options && file.shapeOf(options)
  if (shape?.kind !== 'object' || shape.properties.some(({ name }) => name === 'requestState')) return undefined
  return setProperties(file, shape, { requestState })
}

function serversIn(file: FileSyntax): readonly Call[] {
  return file.calls().filter(({ callee, isNew }) => isNew && (callee === 'McpServer' || callee === 'Server'))
}

/** Everything that is given out as state. */
function mintedIn(file: FileSyntax, context: string, codec: string): readonly Edit[] | undefined {
  const given = file
    .objects()
    .filter((object) => isAsking(file, object))
    .flatMap((asked) => stateIn(asked) ?? [])
  const sealed = given.flatMap((value) => sources(file, value)).map((value) => sealedAt(file, value, context, codec))
  return sealed.length > 0 && sealed.every((edit) => edit !== undefined) ? sealed : undefined
}

interface Given extends Span {
  /** `{ requestState }`: the name is the value. */
  readonly isShorthand: boolean
}

/** `inputRequired({ … })`, or what it would make. */
function isAsking(file: FileSyntax, object: ObjectLiteral): boolean {
  return (
    object.properties.some(({ name }) => name === 'inputRequests') ||
    file.callAround(object)?.callee === 'inputRequired'
  )
}

function stateIn({ properties }: ObjectLiteral): Given | undefined {
  const property = properties.find(({ name }) => name === 'requestState')
  return property && { ...property.value, isShorthand: property.form === 'shorthand' }
}

/** What a function is given as a parameter is sealed where it is called. */
function sources(file: FileSyntax, value: Given): readonly Given[] {
  const name = file.textOf(value)
  const [maker] = file.functionsAround(value)
  const index = maker?.parameters.findIndex((parameter) => parameter.name === name) ?? -1
  if (maker?.name === undefined || index < 0) return [value]
  const calls = callsOf(file, maker)
  return calls.flatMap((call) => call.arguments[index] ?? []).map((span) => ({ ...span, isShorthand: false }))
}

function sealedAt(file: FileSyntax, value: Given, context: string, codec: string): Edit | undefined {
  const [inside] = file.functionsAround(value)
  const declaration = file.declarationOf(context, value)
  if (inside?.isAsync !== true || declaration?.kind !== 'parameter') return undefined
  const text = `await ${codec}.mint(${file.textOf(value)}, ${context})`
  const { path } = file
  return { path, start: value.start, end: value.end, text: value.isShorthand ? `requestState: ${text}` : text }
}

/** Before the statement that makes the server. */
function madeFor(file: FileSyntax, codec: string, binding: readonly string[]): readonly Edit[] {
  const [server] = serversIn(file)
  const sealed = freeName(file, 'sealed', 'sealedStates')
  const names = { sealed, codec, redeemed: freeName(file, 'redeemed'), type: 'string' }
  const own = bring(file, SDK, [CODEC], [server!])
  const crypto = bring(file, 'node:crypto', ['randomBytes', 'randomUUID'], [server!])
  const code = codeIn(file.style)
  const parts = binding.join(code`,\n      `)
  const text = code`

/** State that a client carries, for its caller and its request. Several instances of this server need one key. */
const ${sealed} = ${own.as[0]!}${sealedType(file, 'string')}({
  key: ${crypto.as[0]!}(32),
  bind: (ctx) =>
    JSON.stringify([
      ${parts},
    ]),
});${redeemedOnce(file, names, crypto.as[1]!, '600_000')}`
  return [...own.edits, ...crypto.edits, declaredBefore(file, server!, text)]
}
