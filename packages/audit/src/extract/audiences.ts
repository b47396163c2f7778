/** Whom a token is for: which code asks a foreign issuer about one, and whether its answer is held against anything. */
import type { SourceFile } from '../source/tree.ts'
import type { Call } from './calls.ts'
import { importsOf } from './imports.ts'
import { type HeapObject, LibraryObject, type Site, siteKey, textOf } from './heap.ts'
import type { Machine } from './machine.ts'
import type { Facts, State } from './state.ts'
import type { Value } from './value.ts'
import { UNKNOWN, hasTag, tagged, withTags } from './value.ts'
import { fieldsWithin } from './within.ts'

/** What a token says of whom it is for. */
const AUDIENCE_CLAIM = 'audience-claim'

/** A path on which an issuer was asked about a token. */
export const ASKED_ISSUER = 'asked-issuer'

/** Claims that say whom a token is for. */
const CLAIMS: ReadonlySet<string> = new Set(['aud', 'audience', 'resource', 'azp'])

/** `payload.aud` of what a token says of itself, or what its issuer says of it. */
export function isAudienceClaim(target: Value, name: string): boolean {
  return CLAIMS.has(name) && (hasTag(target, 'principal') || hasTag(target, 'cred'))
}

/**
 * Where the claim was read, and which of those readings are held against anything. One that is answers for what was verified
 * on its path, before it or after; one on whose path nothing was, for all that is verified: the claim has come another way.
 * Read off a token of the same request that nobody has verified, it has not.
 */
export class AudienceQuestions {
  private readonly verifiedBefore = new Map<string, Set<string>>()
  private readonly asked = new Set<string>()
  private readonly unproven = new Set<string>()

  /** `isUnproven`: what a request says of itself. */
  read(at: Site, state: State, isUnproven = false): string {
    const key = siteKey(at)
    const before = this.verifiedBefore.get(key) ?? new Set()
    for (const fact of state.facts.may) if (fact.startsWith(VERIFIED_AT)) before.add(fact.slice(VERIFIED_AT.length))
    this.verifiedBefore.set(key, before)
    state.note(READ_AT + key)
    if (isUnproven) this.unproven.add(key)
    return key
  }

  ask(key: string): void {
    this.asked.add(key)
  }

  /** Which of these verifications somebody asks for whom the token is. */
  answered<T extends Verification>(verified: readonly T[]): ReadonlySet<T> {
    const byKey = [...this.asked].map((key) => ({ key, of: verified.filter((event) => this.isOf(event, key)) }))
    const isOfAll = byKey.some(({ key, of }) => of.length === 0 && !this.unproven.has(key))
    return new Set(isOfAll ? verified : byKey.flatMap(({ of }) => of))
  }

  private isOf({ site, facts }: Verification, key: string): boolean {
    return facts.may.has(READ_AT + key) || this.verifiedBefore.get(key)?.has(siteKey(site)) === true
  }
}

interface Verification {
  readonly site: Site
  readonly facts: Facts
}

const VERIFIED_AT = 'verified-at:'
const READ_AT = 'audience-read:'

/** A token is verified; `named`: and whom it has to be for is told. */
export function noteVerified(machine: Machine, site: Site, state: State, told: Told): void {
  // In a part, tokens of another issuer are told by how its keys come: with a key of its own they may be those of the server.
  if (machine.inPieces && told.asked !== true && !HAS_FOREIGN_KEYS.test(site.file.text)) return
  const elsewhere = told.asked !== true && writesIssuer(site.file)
  machine.emit('audience', site, state, { ...told, elsewhere })
  state.note(VERIFIED_AT + siteKey(site))
}

const HAS_FOREIGN_KEYS = /jwks|getSigningKey/i
const issuersIn = new WeakMap<SourceFile, boolean>()

function writesIssuer(file: SourceFile): boolean {
  const known = issuersIn.get(file) ?? WRITES_ISSUER.test(file.text)
  issuersIn.set(file, known)
  return known
}

/** `https://accounts.example/.well-known/jwks.json`: whose keys they are is written, so they are not those of this server. */
const WRITES_ISSUER =
  /['"`]https:\/\/(?!localhost|127\.|\$)[\w.-]{1,80}\/[^'"`\s]{0,160}(?:jwks|certs?\b|keys?\b|tokeninfo|userinfo|introspect)/i

/**
 * `{ audience: options?.clientId }`, and nobody has asked whether there is one: verifiers take `undefined` for a token that may
 * be for anybody. What is only a setting is the business of whoever sets it. In a part that is an option of those who use it,
 * who leave it out where it is declared as one that may be missing.
 */
export function mayNameNobody(machine: Machine, site: Site): boolean {
  const options = textOf(site)
  const before = site.file.text.slice(Math.max(0, site.start - 2000), site.start)
  if (SPREAD_IF_SET.test(options)) return true
  if (!machine.listens && namesIfGiven(options, before)) return !isDemanded(site, 'audience')
  const written = AUDIENCE_OPTION.exec(options)?.[1]?.trim() ?? (SHORTHAND.test(options) ? 'audience' : '')
  const ways = written.split(/\|\||\?\?/).map((way) => way.trim())
  if (!machine.listens && ways.every((way) => mayBeLeftOut(machine, site, way))) return true
  if (!ways.every((way) => MAY_BE_MISSING.test(way)) || ways.every((way) => way.startsWith('process.'))) return false
  return !ways.some((way) => way !== 'undefined' && IS_ASKED.some((ask) => before.includes(ask + way)))
}

const AUDIENCE_OPTION = /\baudience\s{0,9}:\s{0,40}([^,\n}[\]()'"`]{1,160})[,\n}]/
/** `{ issuer, audience }` */
const SHORTHAND = /[{,]\s{0,40}audience\s{0,40}[,}]/
/** `...(process.env.AUDIENCE ? { audience: process.env.AUDIENCE } : {})` */
const SPREAD_IF_SET = /\.\.\.\s{0,9}\(\s{0,9}process\.env\.\w{1,60}\s{0,9}(?:\?|&&)\s{0,40}\{\s{0,40}audience\b/
const MAY_BE_MISSING = /^(?:undefined|process\.env\.\w+|[\w.?]{0,80}\?\.\w{1,60})$/
const IS_ASKED = ['if (!', 'if (', '!', 'assert(']

/** `...(options.audience && { audience: options.audience })`, `if (options.audience) checks.audience = options.audience` */
function namesIfGiven(options: string, before: string): boolean {
  return SPREAD_IF_GIVEN.test(options) || (NAMED_IF_GIVEN.test(before) && /^\w{1,60}$/.test(options))
}

const SPREAD_IF_GIVEN =
  /\.\.\.\s{0,9}\(\s{0,9}[\w.?]{0,80}[aA]udience\s{0,9}(?:!={1,2}\s{0,9}(?:undefined|null)\s{0,9})?(?:\?|&&)\s{0,40}\{\s{0,40}audience\b/
const NAMED_IF_GIVEN =
  /\bif\s{0,9}\(\s{0,9}[\w.?]{0,80}[aA]udience\s{0,9}(?:!={1,2}\s{0,9}(?:undefined|null)\s{0,9})?\)\s{0,40}\{?\s{0,40}\w{1,60}\.audience\s{0,9}=/

/** `options.audience`, of `interface Options { audience?: string }`, and nothing stands in for it. */
function mayBeLeftOut(machine: Machine, site: Site, way: string): boolean {
  const name = WAY.exec(way)?.[1]
  if (name === undefined || isDemanded(site, name)) return false
  const optional = new RegExp(String.raw`\b${name}\?\s{0,9}:`)
  if (optional.test(site.file.text)) return true
  const imported = importsOf(site.file, machine.resolve).map((path) => machine.modules.get(path)?.file.text ?? '')
  return way.includes('.') && imported.some((text) => optional.test(text))
}

/** `audience`, `options.audience`, `options?.audience`; with anything else it is no name to look for. */
const WAY = /^(?=.{1,160}$)(?:\w+\??\.)*(\w+)$/

/** Somewhere in the file it is asked for, or something else is put in its place. */
function isDemanded({ file }: Site, name: string): boolean {
  const asked = String.raw`(?:!|\b(?:assert|invariant|ok|required?)\w{0,20}\()\s{0,9}[\w.?]{0,80}\b${name}\b`
  const replaced = String.raw`\b${name}\s{0,9}(?:\?\?|\|\||===?\s{0,9}(?:undefined|null)|=(?![=>]))`
  return new RegExp(`${asked}|${replaced}`).test(file.text)
}

interface Told {
  readonly named: boolean
  readonly asked?: true
  readonly written?: Site | undefined
}

/** `payload.aud`: what it is held against is not known yet. */
export function audienceClaim(machine: Machine, value: Value, site: Site, state: State): Value {
  const isUnproven = machine.context.trigger === 'request' && hasTag(value, 'decoded') && hasTag(value, 'header')
  return withTags(value, [AUDIENCE_CLAIM, CLAIM_AT + machine.audiences.read(site, state, isUnproven)])
}

const CLAIM_AT = 'claim-at:'

/** The claim is compared or looked for. Where it is only written down, logged or handed on, nothing is asked. */
export function noteAudienceAsked({ audiences }: Machine, ...values: readonly Value[]): void {
  for (const { tags } of values)
    for (const tag of tags) if (tag.startsWith(CLAIM_AT)) audiences.ask(tag.slice(CLAIM_AT.length))
}

/** Code that we cannot see is given the claim, or everything that a token says and by its name a question. */
export function noteAudienceGiven(machine: Machine, { args, site }: Call, state: State): void {
  const claims = args.flatMap(claimsIn)
  noteAudienceAsked(machine, ...claims)
  if (claims.length > 0 || !args.some((arg) => hasTag(arg, 'principal'))) return
  if (ASKS_BY_NAME.test(site.file.text.slice(site.start, site.start + 160)))
    machine.audiences.ask(machine.audiences.read(site, state))
}

/** What is called says so, not what it is a part of: `options.emailVerification.afterwards(user)` asks nothing. */
const ASKS_BY_NAME =
  /^(?:[\w?]{0,60}\.){0,6}(?!after|before|on[A-Z]|send)\w{0,60}(?:check|assert|ensure|require|validat|verif|match|aud|claim)\w{0,60}\s?\(/i

/** As it is, or named in options: `checkResourceAllowed({ requestedResource: payload.aud })`. */
function claimsIn(value: Value): readonly Value[] {
  const named = value.objects.flatMap(({ kind, properties }) =>
    kind === 'object' ? [...properties.values()].map((cell) => cell.value) : [],
  )
  return [value, ...named].filter((item) => hasTag(item, AUDIENCE_CLAIM))
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
  if (!asksIssuer(call.args, call.site)) return
  state.note(ASKED_ISSUER)
  noteVerified(machine, call.site, state, { named: false, asked: true })
}

function asksIssuer(args: readonly Value[], { file, start, end }: Site): boolean {
  const urls = args.flatMap(({ primitives, tags }) => [
    ...primitives.filter((item) => typeof item === 'string'),
    ...tags.filter((tag) => tag.startsWith('env:')),
  ])
  return [file.text.slice(start, Math.min(end, start + 400)), ...urls].some((text) => ASKS_ISSUER.test(text))
}

/** What another server answered about the credential that a request brought. */
export const ANSWERED = 'answered'

/** RFC 7662 has it sent as `token`. Where a body or header is seen to call it something else, no issuer is asked about it. */
export function mayAskIssuer(asked: readonly Value[]): boolean {
  const names = namesOfCredential(asked)
  return names.length === 0 || names.some((name) => AS_TOKEN.test(name))
}

const DEEPEST_BODY = 3
/** By its name, or within a text that nobody takes apart. */
const AS_TOKEN = /^(?:token|body|data|form|json|params|searchParams)$/i

function namesOfCredential(asked: readonly Value[]): readonly string[] {
  return fieldsWithin(asked, DEEPEST_BODY).flatMap(([name, value]) =>
    value.objects.length === 0 && hasTag(value, 'cred') ? [name] : [],
  )
}

/** `answer.active`: what RFC 7662 calls a token that is good; whoever answers so is the issuer, whatever its address is called. */
export function noteIssuerAnswers(machine: Machine, target: Value, name: string, site: Site, state: State): void {
  if (name !== 'active' || !target.tags.includes(ANSWERED)) return
  machine.emit('issuer-answer', site, state, {})
  if (state.facts.may.has(ASKED_ISSUER)) return
  state.note(ASKED_ISSUER)
  noteVerified(machine, site, state, { named: false, asked: true })
}

/** `answer.exp` of what an issuer says of a token: it ends by itself, and the program knows when. */
export function noteIssuerSaysEnd(machine: Machine, target: Value, name: string, site: Site, state: State): void {
  if (!ENDS.has(name) || !state.facts.may.has(ASKED_ISSUER)) return
  if (!hasTag(target, 'verdict') || !hasTag(target, 'cred')) return
  state.learn(['auth:expiring'])
  machine.emit('expiring-auth', site, state, {})
}

const ENDS: ReadonlySet<string> = new Set(['exp', 'expires_at', 'expires_in', 'expiresAt'])

/** What a verifier says of a token: which of it is the token as it came, and whether whom it is for is compared with the claim. */
export function noteVerdict(machine: Machine, verdict: Value, compares = false): void {
  for (const { kind, properties } of verdict.objects) {
    if (kind !== 'object') continue
    for (const [name, { value }] of properties) if (isAsSent(value)) machine.tokenFields.add(name)
  }
  const resources = verdict.objects.flatMap(({ properties }) => properties.get('resource')?.value ?? [])
  if (compares) noteAudienceAsked(machine, ...resources, ...resources.flatMap(sourcesOf))
}

/** `new URL(payload.aud)` */
function sourcesOf({ objects }: Value): readonly Value[] {
  return objects.flatMap((item) => (item instanceof LibraryObject ? [(item.data['source'] as Value) ?? UNKNOWN] : []))
}

/** `authInfo.token` of whoever a verifier has let in: what the client sent, as far as that verifier hands it on. */
export function tokenAsSent(machine: Machine, target: Value, name: string): Value | undefined {
  if (!machine.tokenFields.has(name) || !hasTag(target, 'principal') || !hasTag(target, 'verdict')) return undefined
  return tagged('header:authorization', 'cred').with({ primitives: [undefined] })
}

/** The credential of a header, and nothing that was found, made or granted because of it. */
function isAsSent(value: Value): boolean {
  const isOther = ['entry', 'verdict', 'principal', 'made', 'hash'].some((tag) => hasTag(value, tag))
  return value.tags.includes('header:authorization') && !isOther
}

/** `fetch(api, { headers: { authorization } })`: the token of the caller, as it came, lets this server in elsewhere. */
export function notePassedThrough(machine: Machine, { args, site }: Call, state: State): void {
  const written = args.flatMap(headersWithToken)[0]?.site
  if (written !== undefined && !asksIssuer(args, site)) machine.emit('token-passed', site, state, { written })
}

function headersWithToken({ objects }: Value): readonly HeapObject[] {
  return objects.flatMap((item) =>
    (item.properties.get('headers')?.value.objects ?? []).filter((headers) =>
      [...headers.properties].some(([name, { value }]) => /^authorization$/i.test(name) && isAsSent(value)),
    ),
  )
}

/** `userinfo`, `introspection_endpoint`, `tokeninfo`, as OpenID Connect and RFC 7662 call it. */
export const ASKS_ISSUER = /(?:\b|_|[a-z](?=[A-Z]))(?:introspect\w{0,40}|user_?info|token_?info)/i

/** A token that the program has fetched for itself comes from no header. */
function isBroughtByHeader(value: Value): boolean {
  return value.tags.some((tag) => tag.startsWith('header:')) && !hasTag(value, 'verdict')
}
