import type { StoreFact } from '../../facts/facts.ts'
import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { codeIn } from '../../fix/code.ts'
import { endOfLine } from '../../fix/lines.ts'
import { entryAt, removal, type Entry } from '../../fix/entries.ts'
import { placeAt, type Ground } from '../../fix/fix.ts'
import { heldBy, transportsMade, type Held } from '../../fix/transports.ts'
import type { FileSyntax, Span } from '../../syntax/syntax.ts'

/** Takes a session out of its store when its transport closes, and lets a client close it by DELETE. */
export function fix(finding: Finding, ground: Ground): Fix | undefined {
  const [kept] = finding.trace
  const store = ground.facts.stores.find(({ at }) => kept?.location && isSamePlace(at, kept.location))
  if (store === undefined || (store.holds !== 'streamable' && store.holds !== 'sse')) return undefined
  const cleanUp = store.removals.some(({ trigger, rightKey }) => trigger === 'close' && rightKey)
    ? []
    : cleanUpFor(store, ground)
  const route = store.holds === 'sse' ? [] : deleteRoute(store, ground)
  if (cleanUp === undefined || route === undefined || cleanUp.length + route.length === 0) return undefined
  const parts = [
    ...(cleanUp.length > 0 ? ['when its transport closes'] : []),
    ...(route.length > 0 ? ['on DELETE'] : []),
  ]
  return { title: `Remove a session ${parts.join(' and ')}`, kind: 'safe', edits: [...cleanUp, ...route] }
}

/** `transport.onclose`, set right after the transport is made. */
function cleanUpFor({ insertions }: StoreFact, { syntax }: Ground): readonly Edit[] | undefined {
  const [location] = insertions
  const place = location && placeAt(location, syntax)
  const entry = place && entryAt(place)
  if (place === undefined || entry === undefined) return undefined
  const { file, span } = place
  const transport = transportOf(file, span, entry)
  if (transport === undefined) return undefined
  const { name, statement } = transport
  if (file.assignments().some(({ target }) => file.textOf(target) === `${name}.onclose`)) return undefined
  const code = codeIn(file.style, file.indentAt(statement.start))
  const text = code`
${name}.onclose = () => {
  if (${name}.sessionId) ${removal(file, entry, `${name}.sessionId`)};
};`
  const end = endOfLine(file, statement.end)
  return [{ path: file.path, start: end, end, text }]
}

/** The transport whose session is stored: made around the place, or named by the key. */
function transportOf(file: FileSyntax, stored: Span, { key }: Entry): Held | undefined {
  const made = transportsMade(file)
  const around = made.find(({ start, end }) => start <= stored.start && end >= stored.end)
  if (around !== undefined) return isOwnParameter(file, stored, key) ? heldBy(file, around) : undefined
  const name = /^(\w+)\.sessionId!?$/.exec(file.textOf(key))?.[1]
  const own = made.filter((call) => isSameFunction(file, call, stored)).flatMap((call) => heldBy(file, call) ?? [])
  return own.find((each) => each.name === name)
}

/** `onsessioninitialized: (id) => … id …`: the ID of this very transport. */
function isOwnParameter(file: FileSyntax, stored: Span, key: Span): boolean {
  const [callback] = file.functionsAround(stored)
  return callback?.parameters[0]?.name === file.textOf(key)
}

function isSameFunction(file: FileSyntax, one: Span, other: Span): boolean {
  return file.functionsAround(one)[0]?.start === file.functionsAround(other)[0]?.start
}

/** Where GET has a route of its own whose handler has a name, DELETE gets the same; the transport knows what to do. */
function deleteRoute({ id }: StoreFact, { facts, syntax }: Ground): readonly Edit[] | undefined {
  const own = facts.dispatches.filter(({ store }) => store === id)
  if (own.some(({ verb }) => verb === 'DELETE' || verb === '*')) return []
  const route = own.find(({ verb, route: at }) => verb === 'GET' && at !== undefined)?.route
  const place = route && placeAt(route.at, syntax)
  const call =
    place && place.file.calls(place.span).find(({ start, end }) => start === place.span.start && end === place.span.end)
  const handler = call?.arguments.at(-1)
  if (place === undefined || call === undefined || handler === undefined || !call.callee.endsWith('.get'))
    return undefined
  const { file } = place
  const [path] = call.arguments
  const isTaken = file
    .calls()
    .some(
      (other) =>
        other.callee === call.callee.replace(/get$/, 'delete') &&
        path &&
        other.arguments[0] &&
        file.textOf(other.arguments[0]) === file.textOf(path),
    )
  if (isTaken) return []
  const statement = file.statementAround(call)
  if (file.shapeOf(handler)?.kind !== 'name' || statement?.start !== call.start) return undefined
  const given = file.text.slice(call.calleeSpan.end, statement.end)
  const text = `${file.style.newline}${file.indentAt(statement.start)}${call.callee.replace(/get$/, 'delete')}${given}`
  const end = endOfLine(file, statement.end)
  return [{ path: file.path, start: end, end, text }]
}
