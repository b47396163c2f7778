/** What happens to secrets: comparisons that tell them by the time they take, and credentials that came in a URL. */
import { SCHEMES, fromRequest, isPresentedHandle, requestTags } from './conditions.ts'
import type { Node } from './ast.ts'
import type { Call } from './calls.ts'
import type { Cell, Environment, HeapObject, Site } from './heap.ts'
import { LibraryObject, siteKey } from './heap.ts'
import type { Machine } from './machine.ts'
import { noteCode } from './made-secrets.ts'
import { isCredentialName } from './models/requests.ts'
import { asKey } from './models/surroundings.ts'
import { LOOKED_BY } from './ownership.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { hasTag, isDrawn, tagged, tagsOf, withTags } from './value.ts'

/** Names of authentication schemes and the like are short; a secret that is written down is not. */
const SHORTEST_LITERAL = 8
/** An address that everybody may know: no query, no user. */
const PLAIN_ADDRESS = /^(?:https?:\/\/|urn:)[^?@\s]+$/

/** `a === b` and its like, where one side is a secret and the other what a request claims it to be. */
export function noteComparison(machine: Machine, a: Value, b: Value, how: string, site: Site, state: State): void {
  if (a.tags.length === 0 && b.tags.length === 0) return
  noteHandleCheck(machine, a, b, site, state)
  noteHandleCheck(machine, b, a, site, state)
  const isGuess = (one: Value, other: Value): boolean => isGuessAt(one, other) || isSearchedFor(one, other, state)
  const expected = isGuess(a, b) ? b : isGuess(b, a) ? a : undefined
  if (expected === undefined) return
  const presented = expected === b ? a : b
  if (!isOfToken(presented, expected, state)) machine.emit('comparison', site, state, { how, presented, expected })
  if (isNamedSecret(expected)) noteUrlProof(machine, presented, site, state)
  else noteUrlCredential(machine, presented, site, state)
}

/** What a caller presents, and what that is held against. */
export const OFFERED = 'the secret that callers must know'

/** In constant time: nothing is told by that, but the secret may be none. */
export function noteSafeComparison(machine: Machine, a: Value, b: Value, site: Site, state: State): void {
  const [one, other] = [withoutTag(a, 'hash'), withoutTag(b, 'hash')]
  const expected = isGuessAt(one, other) ? other : isGuessAt(other, one) ? one : undefined
  if (expected === undefined) return noteSegmentProof(machine, one, other, site, state)
  if (hasTag(expected, 'mac')) return
  if (isNamedSecret(expected)) noteUrlProof(machine, expected === one ? other : one, site, state)
  if (hasTag(expected, 'entry')) return
  noteSecret(machine, OFFERED, expected, site, state)
}

/** A piece of the path, whatever it is called, is held against what is kept, so that the time it takes tells nothing of it. */
function noteSegmentProof(machine: Machine, one: Value, other: Value, site: Site, state: State): void {
  if (hasTag(one, 'mac') || hasTag(other, 'mac')) return
  const [presented, ...rest] = [one, other].filter(isOfUrl)
  if (presented === undefined || rest.length > 0 || !presented.tags.includes('url')) return
  machine.emit('url-credential', site, state, { value: tagged(...tagsOf(presented, 'param')), proves: true })
}

function withoutTag(value: Value, tag: string): Value {
  return value.tags.includes(tag) ? value.with({ tags: value.tags.filter((item) => item !== tag) }) : value
}

/**
 * Whether `presented` is what a request offers as the secret `expected`. A digest of it tells nothing by its time. What was
 * found by a MAC is none.
 */
function isGuessAt(presented: Value, expected: Value): boolean {
  const isMac = hasTag(expected, 'mac') && !hasTag(expected, 'verdict')
  if (isMac && isAnyText(presented)) return true
  if (!fromRequest(presented) || OF_SOMETHING_ELSE.some((tag) => hasTag(presented, tag))) return false
  if (isMac) return true
  // What a token says once it is taken apart is no secret, but for the MAC that it brings.
  if (hasTag(presented, 'decoded')) return false
  if (isStoredSecret(presented, expected)) return true
  if (expected.objects.some((item) => item.kind !== 'external') || fromRequest(expected)) return false
  if (['principal', 'claim', 'made', 'origin', 'host'].some((tag) => hasTag(expected, tag))) return false
  // A digest of a secret is as good as the secret where it is what has to be offered.
  if (isNamedSecret(expected)) return true
  return (
    !hasTag(expected, 'hash') &&
    hasTag(presented, 'cred') &&
    isCredentialAlone(presented) &&
    isSecretText(presented, expected)
  )
}

/**
 * Not also something else of the request, nor kept somewhere: what was put together with a credential, by a client that
 * was given one or out of a part of it, tells by what it is compared with that it is none.
 */
function isCredentialAlone(presented: Value): boolean {
  return !hasTag(presented, 'entry') && requestTags(presented).every((tag) => !isNamedPart(tag) || isOfCredentials(tag))
}

function isNamedPart(tag: string): boolean {
  return /^(?:header|query|param):[^*]/.test(tag)
}

function isOfCredentials(tag: string): boolean {
  const name = tag.slice(tag.indexOf(':') + 1)
  return isCredentialName(name) || isHandleName(name) || name === 'code' || name === 'sec-websocket-protocol'
}

/** What was verified, made or found by what a request brought is no longer what it offers. */
const OF_SOMETHING_ELSE = ['principal', 'claim', 'verdict', 'made', 'hash', 'mac', 'sid', 'found']

/** Nothing is known of it: what is held against a MAC came from outside, whoever calls the function that does it. */
export function isAnyText({ open, tags, objects, primitives, entropy }: Value): boolean {
  return open && tags.length + objects.length === 0 && entropy === undefined && primitives.every((item) => !item)
}

/**
 * A secret of a record that was found by something else of the request: the client by its ID, the user by their name,
 * the session by its handle, which was made here beside it.
 */
function isStoredSecret(presented: Value, expected: Value): boolean {
  if (!hasTag(presented, 'cred') || hasTag(expected, 'cred')) return false
  return hasTag(expected, 'stored') || (hasTag(expected, 'entry') && hasTag(expected, 'made-secret'))
}

/** A walk through records, none of which was found by a key, for the one that has the credential of the request. */
function isSearchedFor(presented: Value, expected: Value, state: State): boolean {
  if (!hasTag(presented, 'cred') || !fromRequest(presented) || hasTag(presented, 'decoded')) return false
  if (!isCredentialAlone(presented)) return false
  if (OF_SOMETHING_ELSE.some((tag) => hasTag(presented, tag)) || hasTag(expected, 'hash')) return false
  const fields = tagsOf(expected, 'entry').map((tag) => tag.split(':'))
  return (
    fields.length > 0 &&
    fields.every(
      ([, store = '', field = '']) =>
        isCredentialName(field) && !isEntryKey(field, presented) && !state.facts.may.has(`looked:${store}`),
    )
  )
}

/** `sessions.find((session) => session.token === token)`, of a token whose signature was verified before. */
function isOfToken(presented: Value, expected: Value, state: State): boolean {
  if (!hasTag(expected, 'entry') || hasTag(expected, 'mac')) return false
  return signedFacts(presented).some((fact) => state.holds(fact))
}

/**
 * What is known on a path where the signature of a token was verified: who gets there holds a token that was given out, and
 * learns nothing by how long it takes to find what is kept of it. A body may bring several.
 */
export function signedFacts(token: Value): readonly string[] {
  if (!fromRequest(token)) return []
  let number = signed.get(token)
  if (number === undefined) signed.set(token, (number = tokens += 1))
  return [`signed:#${number}`, ...requestTags(token).flatMap((tag) => (tag.includes(':') ? [`signed:${tag}`] : []))]
}

/** Of all the tokens that were verified on this path. */
export function signedOn({ facts }: State): readonly string[] {
  return [...facts.must].filter((fact) => fact.startsWith('signed:'))
}

const signed = new WeakMap<Value, number>()
let tokens = 0

/** `notes.find((note) => note.key === args.key)`: what a body calls just a key names an entry, and proves nothing. */
function isEntryKey(field: string, presented: Value): boolean {
  return /^key$/i.test(field) && requestTags(presented).every((tag) => tag.startsWith('body'))
}

/** Text that signs, seals or proves something: one key, or a list of them. */
export function noteSecret(machine: Machine, what: string, value: Value | undefined, site: Site, state: State): void {
  if (value === undefined) return
  const items = value.objects
    .filter((item) => item.kind === 'array')
    .flatMap((item) => [...item.properties.values()].map((cell) => cell.value))
  for (const item of [value, ...items].map(asKey)) {
    const isText = item.primitives.some((each) => typeof each === 'string' && each !== '')
    if (isText || item.entropy !== undefined || item.tags.length > 0)
      machine.emit('secret-use', site, state, { what, value: item })
  }
}

/** `settings.jwt_secret = '…'`: wherever those settings go, everybody who reads the source knows it. */
export function noteKeyWritten(machine: Machine, name: string, value: Value, site: Site, state: State): void {
  const [text, ...others] = value.primitives
  const isWritten = value.tags.length + value.objects.length + others.length === 0 && !value.open
  if (isWritten && typeof text === 'string' && /^\S{4,}$/.test(text))
    machine.emit('secret-use', site, state, { what: `the setting ${name}`, value })
}

/** Whether a setting that is called so signs or seals what clients are given; a `sessionKey` is as often the name of one. */
export function isNamedKey(name: string): boolean {
  return /(?:(?:session|cookie|jwt)_?secret|(?:signing|encryption)_?(?:secret|key))$/i.test(name)
}

/**
 * Two texts are made into MACs only to be compared with each other: that takes the same time whatever they are, and whoever
 * knows the key knows nothing.
 */
export function noteBlinded(machine: Machine, left: Value, right: Value): void {
  const [one, other] = [tagsOf(left, 'keyed'), tagsOf(right, 'keyed')]
  if (one.length > 0 && other.length > 0) for (const tag of [...one, ...other]) machine.blindedKeys.add(tag)
}

/** A setting whose name says that it is a secret. */
export function isNamedSecret({ tags }: Value): boolean {
  return settingsIn(tags).some(isCredentialName)
}

/** The names of the settings that a value comes from. */
function settingsIn(tags: readonly string[]): readonly string[] {
  return tags.flatMap((tag) => /^(?:was-)?(?:env|opt|setting):(.+)$/.exec(tag)?.[1] ?? [])
}

/** It was made to be unpredictable, or is set, under a name that says so: what signs sessions is meant as well. */
export function isMadeOrSetSecret(value: Value): boolean {
  return (
    hasTag(value, 'made-secret') || isNamedSecret(value) || settingsIn(value.tags).some((name) => /secret$/i.test(name))
  )
}

/** Not a word of the protocol: something from outside the program, or a literal that is long enough to be a password. */
function isSecretText(presented: Value, expected: Value): boolean {
  if (isNamedIdentifier(expected)) return false
  const texts = expected.primitives.filter((item) => item !== undefined && item !== null)
  // A code is made anew each time: who holds it against text looks for a sign.
  if (requestTags(presented).every((tag) => tag === 'query:code') && expected.tags.length === 0) return false
  if (expected.objects.length > 0 || (expected.open && texts.length === 0))
    return expected.tags.length > 0 || !hasTag(presented, 'body')
  if (isVocabulary(expected, texts)) return false
  if (expected.tags.length > 0 && (expected.open || texts.length > 0)) return true
  return texts.length > 0 && texts.every((item) => typeof item === 'string' && isPassword(item))
}

/** One of a few words that stand in the source, and nothing that was set: `['enter', 'tab'].find((key) => key === args.key)`. */
function isVocabulary({ tags }: Value, texts: readonly unknown[]): boolean {
  return texts.length > 1 && settingsIn(tags).length === 0 && !texts.every((item) => isPassword(`${item}`))
}

/** A setting that says who somebody is: everybody may know it. */
function isNamedIdentifier({ tags }: Value): boolean {
  const names = settingsIn(tags)
  return names.length > 0 && names.every((name) => /(?:client|user|account|tenant|app)_?-?(?:ids?|names?)$/i.test(name))
}

/** Long enough to be a secret, and neither the address of an issuer or an audience nor the name of a setting. */
function isPassword(text: string): boolean {
  return (
    text.length >= SHORTEST_LITERAL &&
    ![PLAIN_ADDRESS, PATH_OF_NAMES, OUTCOME, SCHEMES].some((pattern) => pattern.test(text))
  )
}

/** What `Promise.allSettled` says of each, and what errors are called. */
const OUTCOME = /^(?:fulfilled|rejected|[A-Z]\w*(?:Error|Exception))$/
const PATH_OF_NAMES = /^[a-z_]+(?:\.[a-z_]+)+$/i

/** A credential that came in the URL is put to the test, or a session ID from there is handed on. */
export function noteUrlCredential(machine: Machine, value: Value, site: Site, state: State): void {
  if (requestTags(value).some((tag) => isUrlCredential(tag) || isQueryHandle(tag)))
    machine.emit('url-credential', site, state, { value })
}

/** What stands in the URL is verified as a credential: whatever it is called there, it is one. */
export function noteUrlProof(machine: Machine, value: Value, site: Site, state: State): void {
  const isMeant = (tag: string): boolean => IN_URL.test(tag) && !isOfProtocol(tag) && !IS_SIGNATURE.test(tag)
  const parts = isAsSent(value) ? value.tags.filter(isMeant) : []
  const isNamed = value.tags.some((tag) => isUrlCredential(tag) || isQueryHandle(tag))
  if (isNamed || parts.length === 0) return noteUrlCredential(machine, value, site, state)
  machine.emit('url-credential', site, state, { value: tagged(...parts), proves: true })
}

/** `req.query.key || req.headers['x-api-key']`: what stands in the URL does for the credential that a header brings. */
export function noteUrlAlternative(machine: Machine, one: Value, other: Value, site: Site, state: State): void {
  noteUrlInstead(machine, one, other, site, state)
  noteUrlInstead(machine, other, one, site, state)
}

/** What stands in the URL is taken where a header could have brought it. */
export function noteUrlInstead(machine: Machine, url: Value, header: Value, site: Site, state: State): void {
  if (isOfUrl(url) && isOfHeader(header))
    machine.emit('url-credential', site, state, { value: url, proves: true, stands: true })
}

/** `token = req.query.token`: what stands in that variable where ways meet may be told apart from a header by nothing. */
export function noteAssignedCredential(machine: Machine, cell: Cell, value: Value, site: Site): void {
  if (!isOfUrl(value)) return
  const { activation } = machine.context
  const known = assigned.get(machine)
  const cells = known?.activation === activation ? known.cells : new Map<Cell, Site>()
  if (cells.size < MOST_ASSIGNED) cells.set(cell, site)
  assigned.set(machine, { activation, cells })
}

/** Two ways meet: on one a header has filled the variable, on the other the URL. Either does for the other. */
export function noteEitherCredential(machine: Machine, one: State, other: State): void {
  const known = assigned.get(machine)
  if (known?.activation !== machine.context.activation || one.dead || other.dead) return
  for (const [cell, site] of known.cells) {
    const [a, b] = [one.read(cell), other.read(cell)]
    noteUrlInstead(machine, a, b, site, one)
    noteUrlInstead(machine, b, a, site, other)
  }
}

const assigned = new WeakMap<Machine, { readonly activation: number; readonly cells: Map<Cell, Site> }>()
const MOST_ASSIGNED = 16

/** Of the URL alone, and a part that may be a credential. */
export function isOfUrl(value: Value): boolean {
  const origins = requestTags(value)
  const isMeant = (tag: string): boolean => IN_URL.test(tag) && !isOfProtocol(tag) && !IS_SIGNATURE.test(tag)
  // A piece of the path is of the address as well.
  return origins.some(isMeant) && origins.every((tag) => tag === 'url' || isMeant(tag)) && isAsSent(value)
}

/** `?sig=…`: it proves that this request was made by whoever has the key, and lets nobody make another. */
const IS_SIGNATURE = /^(?:query|param):(?:[^*]*[-_])?(?:sig|signature|h?mac)$/i

/** A credential, and nobody whom it proves. */
export function isOfHeader(value: Value): boolean {
  const isProven = hasTag(value, 'principal') || hasTag(value, 'claim')
  const isCredential = hasTag(value, 'cred') && (hasTag(value, 'header') || hasTag(value, 'cookie'))
  return isCredential && !isProven && isAsSent(value)
}

/** A part of a request itself, not what was found by it, made of it or said of it. */
function isAsSent(value: Value): boolean {
  return !['found', 'entry', 'made', 'verdict'].some((tag) => hasTag(value, tag))
}

/** `?key=…` as a part of a path: it names a file. */
export function namesFile({ tags }: Value): boolean {
  const named = tags.filter(isUrlCredential)
  return named.length > 0 && named.every((tag) => /:key$/i.test(tag))
}

const IN_URL = /^(?:query|param):[^*]/

/** What OAuth sends through URLs is made for them: signed, short-lived, and good for one exchange. */
export function isOfProtocol(tag: string): boolean {
  return /^query:(?:code|state|nonce|request|id_token_hint|logout_token)$/.test(tag)
}

export function isUrlCredential(tag: string): boolean {
  const name = /^(?:query|param):(.+)$/.exec(tag)?.[1]
  return name !== undefined && isCredentialName(name)
}

/** A session ID from the query string is compared with one that was made here. */
function noteHandleCheck(machine: Machine, presented: Value, own: Value, site: Site, state: State): void {
  if (!hasTag(own, 'mint') && !hasTag(own, 'sid')) return
  if (presented.tags.some(isQueryHandle)) machine.emit('url-credential', site, state, { value: presented })
}

function isQueryHandle(tag: string): boolean {
  return tag.startsWith('query:') && isHandleName(tag)
}

/** Whether what is called so names a session. */
export function isHandleName(name: string): boolean {
  return /sess|sid\b|conn(?:ection)?_?-?id/i.test(name)
}

/** `?token=${token}`: a secret that stands in a URL after this text. */
export function afterText(machine: Machine, before: string, value: Value, site: Site, state: State): Value {
  const name = /[?&]([\w.-]+)=$/.exec(before)?.[1]
  if (name !== undefined) return inQuery(machine, name, value, site, state)
  return before.endsWith('/') && value.entropy !== undefined ? withTags(value, drawnTags('', value)) : value
}

/** A secret under a name of a query that says so. */
export function inQuery(machine: Machine, name: string, value: Value, site: Site, state: State): Value {
  noteCode(machine, name, value, site, state)
  const isNamed = isCredentialName(name) || isHandleName(name)
  const isSecret = !hasTag(value, 'excerpt') && (isDrawn(value) || SECRETS.some((tag) => hasTag(value, tag)))
  if (!isSecret) return isFoundBy(name, value, state) ? withTags(value, [`found-in-url:${name.toLowerCase()}`]) : value
  return withTags(value, isNamed ? [`in-url:${name.toLowerCase()}`] : drawnTags(name, value))
}

/** What another part of the request named, and was looked up by, is written into a URL as the ID of a session. */
function isFoundBy(name: string, value: Value, { facts }: State): boolean {
  if (!isHandleName(name) || !isPresentedHandle(value) || hasTag(value, 'entry')) return false
  return requestTags(value).some((tag) => tag !== `query:${name.toLowerCase()}` && facts.may.has(LOOKED_BY + tag))
}

/** `drawn-in-url:<name>@<place>`, without a name in a path: whatever it is called there, what was drawn at that place may be the ID of a session. */
function drawnTags(name: string, { entropy, tags }: Value): readonly string[] {
  // The digest of what was drawn, such as the challenge of a login, is not what was drawn.
  if (entropy === undefined || tags.includes('hash') || isOfProtocol(`query:${name}`)) return []
  return entropy.sources.map(({ site }) => `drawn-in-url:${name.toLowerCase()}@${siteKey(site)}`)
}

const SECRETS = ['mint', 'sid', 'jwt', 'cred', 'made-secret']

const LOGS = /^(?:log|debug|info|notice|warn|warning|error|trace|fatal|verbose)$/
const MOST_TAGS = 40

/** What an expression came of that a text is made of, or that is written down. */
export interface Part {
  readonly site: Site
  readonly tags: Set<string>
}

/** An expression becomes a part of a text or of an object, which may be written down. */
export function notePart(machine: Machine, { file }: Environment, node: Node, value: Value): void {
  if (value.tags.length > 0) keepPart(machine, machine.site(file, node), value)
}

function keepPart(machine: Machine, site: Site, value: Value): void {
  if (isSilent(value)) return
  const key = siteKey(site)
  const part = machine.parts.get(key) ?? { site, tags: new Set() }
  for (const tag of value.tags) if (part.tags.size < MOST_TAGS) part.tags.add(tag)
  machine.parts.set(key, part)
}

/** `console.log(…)`, `logger.info(…)`: what is written down, members of objects included. */
export function noteLog(
  machine: Machine,
  name: string | undefined,
  { args, argSites, site }: Pick<Call, 'args' | 'argSites' | 'site'>,
  state: State,
): void {
  if (name === undefined || !LOGS.test(name)) return
  const value = contentOf(args)
  if (value.tags.length === 0) return
  machine.emit('log', site, state, { value })
  // `Open http://localhost:3000/?token=…`: the server's own token, which whoever starts it is to bring in a URL.
  if (machine.context.trigger === 'startup' && hasTag(value, 'in-url'))
    machine.emit('handle-out', site, state, { value })
  // Arguments that are spread have no places of their own.
  if (args.length === argSites.length)
    for (const [index, arg] of args.entries()) keepPart(machine, argSites[index]!, contentOf([arg]))
}

/** `logger.child({ headers })`: what it says with each of its lines. */
export function noteBindings(machine: Machine, call: Call, state: State): void {
  const [bindings] = call.args
  if (bindings?.objects.some(({ kind }) => kind === 'object') === true) noteLog(machine, 'info', call, state)
}

/** The origins of all that a few values hold, two levels deep. */
export function contentOf(values: readonly Value[], depth = 2): Value {
  const tags = new Set<string>()
  const pending = values.map((value) => ({ value, depth }))
  for (let next = pending.pop(); next !== undefined && tags.size < MOST_TAGS; next = pending.pop()) {
    const { value, depth: left } = next
    // What was hashed or cut says nothing; who was verified is not the credential that did it.
    const isSomebody = hasTag(value, 'verdict') || hasTag(value, 'made')
    if (!isSilent(value) && !isTruth(value))
      for (const tag of value.tags) if (!isSomebody || !isCredentialPart(tag)) tags.add(tag)
    for (const item of value.objects) {
      if (item instanceof LibraryObject ? isHeaders(item) : copiesHeaders(item)) tags.add('headers')
      if (left === 0 || (item.kind !== 'object' && item.kind !== 'array')) continue
      for (const cell of item.properties.values()) pending.push({ value: cell.value, depth: left - 1 })
      if (item.kind === 'array') pending.push({ value: item.item, depth: left - 1 })
    }
  }
  return tagged(...tags)
}

/** All of them, or all but some of which none is the credential; the event that a gateway makes of a request has them too. */
function isHeaders({ type, data }: LibraryObject): boolean {
  const without = (data['without'] ?? []) as readonly string[]
  return (
    type === 'lambda-event' || (type === 'bag' && data['origin'] === 'header' && !without.includes('authorization'))
  )
}

/** `{ ...req.headers }`, where the credential is not put in another's place or taken out. */
function copiesHeaders({ spreads = [], properties }: HeapObject): boolean {
  const isLeftOut = [...properties.keys()].some((name) => name.toLowerCase() === 'authorization')
  return !isLeftOut && spreads.some((part) => part instanceof LibraryObject && isHeaders(part))
}

/** A part of a request that is called a credential. */
export function isCredentialPart(tag: string): boolean {
  const name = /^(?:header|cookie|query):(.+)$/.exec(tag)?.[1]
  return name !== undefined && name !== '*' && isCredentialName(name)
}

/** `token !== undefined`: that it is there says nothing of what it is. */
function isTruth({ primitives, objects }: Value): boolean {
  return objects.length === 0 && primitives.length === 2 && primitives.every((item) => typeof item === 'boolean')
}

/** A digest, an excerpt, a time: it opens nothing. */
export function isSilent({ tags }: Value): boolean {
  const told = tags.lastIndexOf(TOLD)
  return tags.some((tag, index) => index > told && SILENT.has(tag))
}

/** `${new Date().toISOString()} ${JSON.stringify(headers)}`: what a text is made of besides does not hide what it tells. */
export function asTold(text: Value, parts: readonly Value[]): Value {
  if (!text.tags.some((tag) => SILENT.has(tag)) || !parts.some(tells)) return text
  return text.with({ tags: [...text.tags.filter((tag) => tag !== TOLD), TOLD] })
}

function tells(part: Value): boolean {
  return part.tags.some(isTelling) && !isSilent(part)
}

function isTelling(tag: string): boolean {
  if (tag === 'headers' || tag === 'sid' || tag.startsWith('key:')) return true
  return isCredentialPart(tag) || isHandleTag(tag)
}

/** A part of a request that names a session. */
export function isHandleTag(tag: string): boolean {
  const name = /^(?:header|cookie|query):(.+)$/.exec(tag)?.[1]
  return name !== undefined && isHandleName(name)
}

/** What says nothing, of the origins before this one, stands beside something that does. */
const TOLD = 'told-in-full'

const SILENT: ReadonlySet<string> = new Set(['hash', 'mac', 'excerpt', 'clock', 'counter'])

/** A part of the query string is read: at a place of its own, or where all of it is taken apart. */
export function noteQueryRead(machine: Machine, name: string, site: Site, state: State, isShared = false): void {
  if (name !== '' && (!isShared || isCredentialName(name) || isHandleName(name)))
    machine.emit('query-read', site, state, { name: name.toLowerCase(), written: name })
}
