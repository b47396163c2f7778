import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { appAt, guarded, type App } from '../../fix/apps.ts'
import { codeIn } from '../../fix/code.ts'
import { isSamePlace, placeAt, placeOf, type Ground } from '../../fix/fix.ts'
import { followed } from '../../fix/follow.ts'
import { bring } from '../../fix/imports.ts'
import { endOfLine } from '../../fix/lines.ts'
import { freeName } from '../../fix/names.ts'
import { setProperties } from '../../fix/objects.ts'
import { isAtLeast } from '../../fix/versions.ts'
import type { Syntax } from '../../syntax/syntax.ts'

const SDK = '@modelcontextprotocol/sdk'

/** Refuses foreign pages where requests enter: by the name of the host on loopback, else by a list of origins. */
export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const generous = facts.cors.find(({ at }) => finding.location && isSamePlace(at, finding.location))
  if (generous !== undefined) return listed(finding, syntax)
  const [first] = finding.trace
  const endpoint = facts.endpoints.find(
    ({ app }) =>
      app && first?.location && app.path === first.location.path && app.startLine === first.location.startLine,
  )
  const place = endpoint?.app && placeAt(endpoint.app, syntax)
  const app = place && appAt(place)
  if (app === undefined) return undefined
  const isLocal = facts.listeners.length > 0 && facts.listeners.every(({ reach }) => reach === 'loopback')
  const version = syntax.versionOf(SDK, app.file.path)
  if (isLocal && app.framework === 'express' && version !== undefined && isAtLeast(version, '1.24.0'))
    return { title: 'Answer to the names of this machine only', kind: 'unsafe', edits: hostChecked(app) }
  const edits = originChecked(app)
  return edits && { title: 'Refuse pages of origins that ALLOWED_ORIGINS does not list', kind: 'unsafe', edits }
}

/** `cors({ origin: … })` with a list. */
function listed(finding: Finding, syntax: Syntax): Fix | undefined {
  const place = placeOf(finding, syntax)
  const call = place?.file.shapeOf(place.span)
  const options = call?.kind === 'call' && call.arguments[0] ? followed(place!.file, call.arguments[0]) : undefined
  if (place === undefined || options?.kind !== 'object') return undefined
  const origin = codeIn(place.file.style)`(process.env.ALLOWED_ORIGINS ?? '').split(',')`
  return {
    title: 'Let in the origins that ALLOWED_ORIGINS lists, and no others',
    kind: 'unsafe',
    edits: setProperties(place.file, options, { origin }),
  }
}

/** With the middleware of the SDK, which has one from 1.24 on. */
function hostChecked({ file, name, statement }: App): readonly Edit[] {
  const { as, edits } = bring(
    file,
    `${SDK}/server/middleware/hostHeaderValidation.js`,
    ['localhostHostValidation'],
    [statement],
  )
  const code = codeIn(file.style, file.indentAt(statement.start))
  const text = code`
// A page whose name was rebound to this machine says that name in Host.
${name}.use(${as[0]!}());`
  const end = endOfLine(file, statement.end)
  return [...edits, { path: file.path, start: end, end, text }]
}

function originChecked(app: App): readonly Edit[] | undefined {
  const { file, statement } = app
  const allowed = freeName(file, 'allowedOrigins', 'permittedOrigins')
  const code = codeIn(file.style, file.indentAt(statement.start))
  return guarded(app, {
    setting: code`\nconst ${allowed} = (process.env.ALLOWED_ORIGINS ?? '').split(',');`,
    comment: 'Browsers say which page a request comes from; other clients send no Origin.',
    refuses: ({ header }) => `${header('origin')} && !${allowed}.includes(${header('origin')})`,
    status: 403,
  })
}
