import type { Finding, Fix } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { appAt, guarded, type App } from '../../fix/apps.ts'
import { quoted } from '../../fix/code.ts'
import { placeAt, placeOf, type Ground, type Place } from '../../fix/fix.ts'
import { objectIn } from '../../fix/objects.ts'
import type { Span } from '../../syntax/syntax.ts'

/** Answers 426 to whatever did not come over TLS: of that the proxy in front tells. */
export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const place = placeOf(finding, syntax)
  const listener = facts.listeners.find(({ at }) => finding.location && isSamePlace(at, finding.location))
  const made = listener?.app && placeAt(listener.app, syntax)
  const app = (made && appBehind(made, 2)) ?? (place && listeningApp(place))
  const edits =
    app &&
    guarded(app, {
      setting: '',
      comment: 'TLS ends at the proxy in front, which says so; what comes without it is refused.',
      refuses: ({ header }) => `${header('x-forwarded-proto')} !== ${quoted('https', app.file.style)}`,
      status: 426,
      says: ['Upgrade', 'TLS/1.2'],
    })
  return edits && { title: 'Answer 426 to requests that did not come over TLS', kind: 'unsafe', edits }
}

/** The app whose `listen` is called, or that is given to a server which listens. */
function listeningApp({ file, span }: Place): App | undefined {
  const call = file.shapeOf(span)
  if (call?.kind !== 'call') return undefined
  const callee = file.shapeOf(call.calleeSpan)
  if (callee?.kind === 'member' && callee.name === 'listen') return appBehind({ file, span: callee.object }, 2)
  const [options] = call.arguments.map((argument) => file.shapeOf(argument))
  const fetch = options?.kind === 'object' ? options.properties.find(({ name }) => name === 'fetch') : undefined
  const handler = fetch && !objectIn(file, fetch) ? file.shapeOf(fetch.value) : undefined
  return handler?.kind === 'member' && handler.name === 'fetch'
    ? appBehind({ file, span: handler.object }, 1)
    : undefined
}

/** From a name to the app that it holds, through a server that was given it. */
function appBehind({ file, span }: Place, depth: number): App | undefined {
  const shape = file.shapeOf(span)
  if (shape?.kind === 'name') {
    const initial = file.declarationOf(shape.name, span)?.initial
    return initial && appBehind({ file, span: initial }, depth)
  }
  const own = appAt({ file, span })
  if (own !== undefined || shape?.kind !== 'call' || depth === 0) return own
  const given: Span | undefined = shape.callee.endsWith('createServer') ? shape.arguments.at(-1) : undefined
  return given && appBehind({ file, span: given }, depth - 1)
}
