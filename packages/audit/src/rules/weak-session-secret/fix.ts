import type { SecretFact } from '../../facts/facts.ts'
import type { Edit, Finding, Fix, Location } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { placeAt, type Ground, type Place } from '../../fix/fix.ts'
import { followed } from '../../fix/follow.ts'
import { soundGenerator } from '../../fix/generators.ts'
import { requireSetting } from '../../fix/settings.ts'
import type { FileSyntax, Shape, Syntax } from '../../syntax/syntax.ts'

/** A text in the source becomes a setting that must be there; a weak generator a strong one. */
export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const fact = facts.secrets.find(({ at, from }) => finding.location && isSamePlace(from ?? at, finding.location))
  if (fact === undefined) return undefined
  const location = fact.from ?? fact.at
  if (fact.source === 'short' || fact.source === 'guessable') return stronger(location, syntax)
  const edits = requiredInCompose(location, syntax) ?? requiredInSource(fact, placeAt(location, syntax))
  return edits && { title: 'Refuse to start without the secret', kind: 'unsafe', edits }
}

function stronger(location: Location, syntax: Syntax): Fix | undefined {
  const place = placeAt(location, syntax)
  const edits = place && soundGenerator([place])
  return edits && { title: 'Make the key of 32 random bytes', kind: 'safe', edits }
}

/** `${NAME:-text}` in a compose file: `${NAME:?…}` says that there is none. */
function requiredInCompose(location: Location, syntax: Syntax): readonly Edit[] | undefined {
  const file = syntax.deployment(location.path)
  if (file === undefined) return undefined
  const { start, end } = file.spanOf(location)
  const match = /\$\{(\w+):?-[^}\s]*\}/.exec(file.text.slice(start, end))
  if (match === null) return undefined
  const at = start + match.index
  return [{ path: file.path, start: at, end: at + match[0].length, text: `\${${match[1]}:?must be set}` }]
}

function requiredInSource(fact: SecretFact, place: Place | undefined): readonly Edit[] | undefined {
  if (place === undefined) return undefined
  const { file, span } = place
  return fact.source === 'fallback' ? withoutFallback(place) : file && written(fact, file, file.shapeOf(span))
}

/** `process.env.X ?? 'text'` and `z.string().default('text')`. */
function withoutFallback({ file, span }: Place): readonly Edit[] | undefined {
  const [own, around] = [file.shapeOf(span), file.expressionsAround(span)[0]]
  const choice = [own, around].find((shape) => shape?.kind === 'binary' && /^(?:\?\?|\|\|)$/.test(shape.operator))
  if (choice?.kind === 'binary') {
    const name = settingName(file, file.shapeOf(choice.left))
    return name === undefined ? undefined : requireSetting(file, choice, file.textOf(choice.left), name)
  }
  const callee = own?.kind === 'call' ? file.shapeOf(own.calleeSpan) : undefined
  if (own === undefined || callee?.kind !== 'member' || callee.name !== 'default') return undefined
  return [{ path: file.path, start: callee.object.end, end: own.end, text: '' }]
}

/** `process.env.X`, `env['X']`, `config.x`: what it is called to whoever sets it. */
function settingName(file: FileSyntax, shape: Shape | undefined): string | undefined {
  if (shape?.kind !== 'member' || shape.name === undefined) return undefined
  return /\benv$/.test(file.textOf(shape.object)) ? shape.name : file.textOf(shape)
}

/** A text as the secret itself: from now on the environment says it. */
function written(fact: SecretFact, file: FileSyntax, use: Shape | undefined): readonly Edit[] | undefined {
  const options = use?.kind === 'call' ? use.arguments.map((argument) => followed(file, argument)) : []
  const property = options
    .flatMap((shape) => (shape?.kind === 'object' ? shape.properties : []))
    .find(({ name, form }) => form === 'plain' && /^(?:secret|password)$/.test(name ?? ''))
  const text = property ? followed(file, property.value) : use && followed(file, use)
  if (text?.kind !== 'text') return undefined
  const name = /cookie|session/.test(fact.what)
    ? 'SESSION_SECRET'
    : /token/.test(fact.what)
      ? 'JWT_SECRET'
      : 'SECRET_KEY'
  return requireSetting(file, text, `process.env.${name}`, name)
}
