import type { EndpointFact } from '../../facts/facts.ts'
import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { appAt, guarded, onceMade, type App } from '../../fix/apps.ts'
import { codeIn } from '../../fix/code.ts'
import { isTraced, placeAt, placeOf, type Ground, type Place } from '../../fix/fix.ts'
import { followed } from '../../fix/follow.ts'
import { bring } from '../../fix/imports.ts'
import { freeName } from '../../fix/names.ts'
import { setProperties } from '../../fix/objects.ts'
import { transportsMade } from '../../fix/transports.ts'
import { isBelow } from '../../source/version.ts'
import type { FileSyntax, ObjectLiteral, Syntax } from '../../syntax/syntax.ts'

const SDK = '@modelcontextprotocol/sdk'
const TITLE = 'Refuse pages of origins that ALLOWED_ORIGINS does not list'

/** Refuses foreign pages where requests enter: by the name of the host on loopback, else by a list of origins. */
export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const generous = facts.cors.find(({ at }) => finding.location && isSamePlace(at, finding.location))
  if (generous !== undefined) return listed(finding, syntax)
  // What a connection is refused by depends on what accepts it.
  if (facts.sockets.some(({ accepted }) => finding.location && isSamePlace(accepted, finding.location)))
    return undefined
  const [first] = finding.trace
  const endpoint = facts.endpoints.find(
    ({ app }) =>
      app && first?.location && app.path === first.location.path && app.startLine === first.location.startLine,
  )
  const place = endpoint?.app && placeAt(endpoint.app, syntax)
  const app = place && appAt(place)
  if (app === undefined)
    return (place && ofSdkApp(place)) ?? onTransports(endpointsOf(finding, facts.endpoints), syntax)
  const isLocal = facts.listeners.length > 0 && facts.listeners.every(({ reach }) => reach === 'loopback')
  const version = syntax.versionOf(SDK, app.file.path)
  if (isLocal && app.framework === 'express' && version !== undefined && !isBelow(version, '1.24.0'))
    return { title: 'Answer to the names of this machine only', kind: 'unsafe', edits: hostChecked(app) }
  const edits = originChecked(app)
  return edits && { title: TITLE, kind: 'unsafe', edits }
}

/** `createMcpExpressApp({ host: '0.0.0.0' })`, which checks nothing unless it is told which names are its own. */
function ofSdkApp({ file, span }: Place): Fix | undefined {
  const call = file.shapeOf(span)
  if (call?.kind !== 'call' || !SDK_APPS.test(call.callee)) return undefined
  const options = call.arguments[0] && followed(file, call.arguments[0])
  if (options?.kind !== 'object' || options.isOpen) return undefined
  const isV2 = file.imports.some(
    ({ module, names }) => names.some(({ local }) => local === call.callee) && !module.startsWith(SDK),
  )
  const allowedHosts = listOf('ALLOWED_HOSTS', file)
  const lists = isV2 ? { allowedHosts, allowedOrigins: listOf('ALLOWED_ORIGINS', file) } : { allowedHosts }
  return {
    title: 'Answer to the names that ALLOWED_HOSTS lists, and no others',
    kind: 'unsafe',
    edits: setProperties(file, options, lists),
  }
}

const SDK_APPS = /^createMcp(?:Express|Hono)App$/

/** The endpoints that the finding is about: it names where each is served. */
function endpointsOf(finding: Finding, endpoints: readonly EndpointFact[]): readonly EndpointFact[] {
  return endpoints.filter(({ at }) => isTraced(finding, at))
}

/** Where the app is nothing that a check could stand before, the transports of the SDK check for themselves. */
function onTransports(endpoints: readonly EndpointFact[], syntax: Syntax): Fix | undefined {
  const paths = [...new Set(endpoints.map(({ at }) => at.path))]
  const edits = paths.map((path) => checkedTransports(syntax.file(path), syntax))
  if (edits.length === 0 || !edits.every((each) => each !== undefined)) return undefined
  return { title: TITLE, kind: 'unsafe', edits: edits.flat() }
}

/** From this version on its transports have the option. */
const HAS_PROTECTION = '1.13.0'

function checkedTransports(file: FileSyntax | undefined, syntax: Syntax): readonly Edit[] | undefined {
  const version = file && syntax.versionOf(SDK, file.path)
  if (file === undefined || (version !== undefined && isBelow(version, HAS_PROTECTION))) return undefined
  const made = transportsMade(file).filter(({ callee }) => callee.endsWith('HTTPServerTransport'))
  const options = made.map(({ arguments: [first] }) => first && file.shapeOf(first))
  const properties = { enableDnsRebindingProtection: 'true', allowedOrigins: listOf('ALLOWED_ORIGINS', file) }
  return made.length > 0 && options.every((shape) => shape?.kind === 'object')
    ? options.flatMap((shape) => setProperties(file, shape as ObjectLiteral, properties))
    : undefined
}

/** `cors({ origin: … })` with a list. */
function listed(finding: Finding, syntax: Syntax): Fix | undefined {
  const place = placeOf(finding, syntax)
  const call = place?.file.shapeOf(place.span)
  const options = call?.kind === 'call' && call.arguments[0] ? followed(place!.file, call.arguments[0]) : undefined
  if (place === undefined || options?.kind !== 'object') return undefined
  const origin = listOf('ALLOWED_ORIGINS', place.file)
  return {
    title: 'Let in the origins that ALLOWED_ORIGINS lists, and no others',
    kind: 'unsafe',
    edits: setProperties(place.file, options, { origin }),
  }
}

/** With the middleware of the SDK, which has one from 1.24 on. */
function hostChecked(app: App): readonly Edit[] {
  const { file, name, statement } = app
  const { as, edits } = bring(
    file,
    `${SDK}/server/middleware/hostHeaderValidation.js`,
    ['localhostHostValidation'],
    [statement],
  )
  const check = onceMade(
    app,
    (code) => code`
// A page whose name was rebound to this machine says that name in Host.
${name}.use(${as[0]!}());`,
  )
  return [...edits, check]
}

function originChecked(app: App): readonly Edit[] | undefined {
  const { file } = app
  const allowed = freeName(file, 'allowedOrigins', 'permittedOrigins')
  return guarded(app, {
    setting: codeIn(file.style)`const ${allowed} = ${listOf('ALLOWED_ORIGINS', file)};`,
    comment: 'Browsers say which page a request comes from; other clients send no Origin.',
    refuses: ({ header, sent }) => `${header('origin')} && !${allowed}.includes(${sent('origin')})`,
    status: 403,
  })
}

function listOf(setting: string, { style }: FileSyntax): string {
  return codeIn(style)`(process.env.${setting} ?? '').split(',')`
}
