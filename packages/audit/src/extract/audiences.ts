/** Whom a token is for: which code asks a foreign issuer about one, and whether its answer is held against anything. */
import type { Call } from './calls.ts'
import type { Site } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { hasTag } from './value.ts'

/** What a token says of whom it is for. */
export const AUDIENCE_CLAIM = 'audience-claim'

/** A path on which an issuer was asked about a token. */
export const ASKED_ISSUER = 'asked-issuer'

/** Claims that say whom a token is for. */
const CLAIMS: ReadonlySet<string> = new Set(['aud', 'audience', 'resource', 'azp'])

/** `payload.aud` of what a token says of itself, or what its issuer says of it. */
export function isAudienceClaim(target: Value, name: string): boolean {
  return CLAIMS.has(name) && (hasTag(target, 'principal') || hasTag(target, 'cred'))
}

/** The claim is compared or looked for. Where it is only written down, logged or handed on, nothing is asked. */
export function noteAudienceAsked(machine: Machine, ...values: readonly Value[]): void {
  if (values.some((value) => hasTag(value, AUDIENCE_CLAIM))) machine.audienceAsked = true
}

/** Code that we cannot see is given the claim, or everything that a token says and by its name a question. */
export function noteAudienceGiven(machine: Machine, { args, site }: Call): void {
  if (machine.audienceAsked || args.length === 0) return
  const { file, start } = site
  if (args.some(holdsClaim)) machine.audienceAsked = true
  else if (args.some((arg) => hasTag(arg, 'principal')) && ASKS_BY_NAME.test(file.text.slice(start, start + 80)))
    machine.audienceAsked = true
}

const ASKS_BY_NAME = /^[\w.]*(?:check|assert|ensure|require|validat|verif|match|aud|claim)\w*\s?\(/i

/** As it is, or named in options: `checkResourceAllowed({ requestedResource: payload.aud })`. */
function holdsClaim(value: Value): boolean {
  if (hasTag(value, AUDIENCE_CLAIM)) return true
  return value.objects.some(
    ({ kind, properties }) =>
      kind === 'object' && [...properties.values()].some((cell) => hasTag(cell.value, AUDIENCE_CLAIM)),
  )
}

/** Methods that look for something in a text or a container. */
export const ASKS_BY_METHOD: ReadonlySet<string> = new Set([
  'includes',
  'indexOf',
  'has',
  'get',
  'equals',
  'startsWith',
  'endsWith',
  'test',
  'match',
  'localeCompare',
])

/** A foreign issuer is asked about the credential that a header brought (introspection, userinfo): its answer holds whoever the token was meant for. */
export function noteIssuerAsked(machine: Machine, presented: readonly Value[], call: Call, state: State): void {
  if (!presented.some(isBroughtByHeader)) return
  const { file, start, end } = call.site
  const urls = call.args.flatMap(({ primitives }) => primitives.filter((item) => typeof item === 'string'))
  if (![file.text.slice(start, Math.min(end, start + 400)), ...urls].some((text) => ASKS_ISSUER.test(text))) return
  state.note(ASKED_ISSUER)
  machine.emit('audience', call.site, state, { named: false, asked: true })
}

/** `answer.exp` of what an issuer says of a token: it ends by itself, and the program knows when. */
export function noteIssuerSaysEnd(machine: Machine, target: Value, name: string, site: Site, state: State): void {
  if (!ENDS.has(name) || !state.facts.may.has(ASKED_ISSUER)) return
  if (!hasTag(target, 'verdict') || !hasTag(target, 'cred')) return
  state.learn(['auth:expiring'])
  machine.emit('expiring-auth', site, state, {})
}

const ENDS: ReadonlySet<string> = new Set(['exp', 'expires_at', 'expires_in', 'expiresAt'])

/** `fetch(api, { headers: { authorization } })`: the token of the caller, as it came, lets this server in elsewhere. */
export function notePassedThrough(machine: Machine, { args, site }: Call, state: State): void {
  if (args.some(forwardsToken)) machine.emit('token-passed', site, state, {})
}

function forwardsToken({ objects }: Value): boolean {
  return objects.some((item) =>
    (item.properties.get('headers')?.value.objects ?? []).some((headers) =>
      [...headers.properties].some(
        ([name, { value }]) =>
          /^authorization$/i.test(name) && value.tags.includes('header:authorization') && !hasTag(value, 'entry'),
      ),
    ),
  )
}

/** `userinfo`, `introspection_endpoint`, `tokeninfo`, as OpenID Connect and RFC 7662 call it. */
export const ASKS_ISSUER = /(?:\b|_|[a-z](?=[A-Z]))(?:introspect\w{0,40}|user_?info|token_?info)/i

/** A token that the program has fetched for itself comes from no header. */
function isBroughtByHeader(value: Value): boolean {
  return value.tags.some((tag) => tag.startsWith('header:')) && !hasTag(value, 'verdict')
}
