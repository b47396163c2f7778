/** Secrets and identifiers that are made here, told by their names, whatever they are for. */
import type { Site } from './heap.ts'
import { textOf } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { withTags } from './value.ts'

/** A value was given a name. Where the name says that it must not be guessed, that is noted, once for each value. */
export function noteMade(machine: Machine, name: string, value: Value, site: Site, state: State): Value {
  if (!isMade(value) || !mustBeUnpredictable(name) || (OF_SESSION.test(name) && isOfClient(site))) return value
  return note(machine, `value of ${name}`, value, site, state)
}

/** A function whose name says that it makes a secret gives one back. */
export function noteReturned(machine: Machine, name: string, value: Value, of: Site, site: Site, state: State): Value {
  if (isOfClient(site) || !(makesSecret(name) || makesHandle(name, of, textOf(of)))) return value
  // What is called the ID of a session is one, also where a clock or a counter makes it.
  if (!isMade(value) && !(OF_SESSION.test(name) && isReckoned(value))) return value
  return note(machine, `result of ${name}`, value, site, state)
}

/** `packages/mcp-client/src/index.ts`: what a client calls itself lets nobody in; the server makes up its own. */
function isOfClient({ path }: Site): boolean {
  return wordsOf(path).includes('client')
}

/**
 * A record is kept under what was drawn, by code of sessions that nothing here serves: where a store or its folder is called
 * after sessions, its key names one.
 */
export function noteKeyMade(machine: Machine, store: string, key: Value, site: Site, state: State): void {
  if (!machine.inPieces || !isMade(key)) return
  if ([...wordsOf(store), ...wordsOf(site.path)].some((word) => /^sessions?$/.test(word)))
    note(machine, 'session ID', key, site, state)
}

/** `?code=…`: what a client is sent away with, to be exchanged for tokens. Whoever guesses it is that client. */
export function noteCode(machine: Machine, name: string, value: Value, site: Site, state: State): void {
  if (name === 'code' && isMade(value)) note(machine, 'authorization code', value, site, state)
}

function note(machine: Machine, what: string, value: Value, site: Site, state: State): Value {
  machine.emit('secret-made', site, state, { what, value })
  return withTags(value, [NOTED])
}

const NOTED = 'made-secret'

/**
 * Drawn from a generator, and not yet told of. What is drawn only where there is no better generator is not what it
 * usually is. A time, or a UUID by a name, may be anything, but nobody hashes one for what it is.
 */
function isMade({ entropy, tags }: Value): boolean {
  if (entropy === undefined || entropy.onlyFallback === true || tags.includes(NOTED)) return false
  const isHash = tags.includes('hash')
  return entropy.sources.some(
    ({ kind }) => kind === 'csprng' || kind === 'math-random' || (isHash && (kind === 'clock' || kind === 'guessable')),
  )
}

const OF_SESSION = /session_?(?:id|key|token)$/i

/** A time or a number that is counted on, and nothing else. */
function isReckoned({ entropy, tags }: Value): boolean {
  if (entropy === undefined || tags.includes(NOTED)) return false
  return entropy.sources.some(({ kind }) => kind === 'clock' || kind === 'counter' || kind === 'guessable')
}

/** What the last word of a name may be. */
const SECRETS: ReadonlySet<string> = new Set([
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'secret',
  'token',
  'otp',
  'totp',
  'credential',
  'jwt',
  'sid',
  'apikey',
  'sessionid',
  'authkey',
  'authtoken',
  'accesstoken',
])
const IDENTIFIERS: ReadonlySet<string> = new Set(['uid', 'uuid', 'guid'])
/** What the last two words may be: a key alone may be any. */
const PAIRS =
  /^(?:(?:api|auth|session|secret|private|encryption|signing|access|master|license|csrf|xsrf) ?keys?|(?:session|auth|login) ?hash|session id|(?:auth|reset|verification|confirmation|login|security|invite|activation|recovery) ?code|(?:one time|temp|temporary) ?pass)$/
/** A token of a text or of a grammar, or one that stops something, is no secret. */
const HARMLESS = /^(?:cancel|cancellation|abort|next|continuation|sync|page|lex|syntax|punctuator|design|color)$/

function mustBeUnpredictable(name: string): boolean {
  const words = wordsOf(name)
  return IDENTIFIERS.has(words.at(-1) ?? '') || isSecretNoun(words)
}

/** Said of what was made: it is called an identifier, and of no session. */
export function isIdentifier(what: string): boolean {
  const words = wordsOf(what)
  return IDENTIFIERS.has(words.at(-1) ?? '') && !words.some((word) => /^(?:session|login|auth|token)s?$/.test(word))
}

function isSecretNoun(words: readonly string[]): boolean {
  const last = (words.at(-1) ?? '').replace(/s$/, '')
  const before = words.at(-2) ?? ''
  // `inputTokens`, `max_tokens`: one value under the name of several is how many there are.
  if (HARMLESS.test(before) || words.at(-1) === 'tokens') return false
  return SECRETS.has(last) || SECRETS.has(words.at(-1) ?? '') || PAIRS.test(`${before} ${words.at(-1) ?? ''}`)
}

const MAKES = /^(?:generate|gen|create|make|new|next|build|random|issue|mint|get)$/

function makesSecret(name: string): boolean {
  const words = wordsOf(name)
  return words.length > 1 && MAKES.test(words[0] ?? '') && isSecretNoun(words)
}

/**
 * `generateId`, of which the comment says that it makes the ID of a session; `generateClientId`, which draws again while
 * somebody has that one: who is connected is known by it.
 */
export function makesHandle(name: string, { file, start }: Pick<Site, 'file' | 'start'>, text: string): boolean {
  const [verb = '', ...what] = wordsOf(name)
  if (!MAKES.test(verb) || what.at(-1) !== 'id') return false
  const of = what.slice(0, -1).filter((word) => !/^(?:new|unique|random)$/.test(word))
  if (of.length === 0) return MEANS_SESSION.test(commentBefore(file.text.slice(Math.max(0, start - 400), start)))
  return of.length === 1 && CONNECTED.test(of[0]!) && DRAWS_AGAIN.test(text)
}

const CONNECTED = /^(?:client|connection|conn|socket|peer)$/
const DRAWS_AGAIN = /\bwhile\s{0,9}\([^;{]{0,80}\b(?:get|has|is|exists|find|in)/
const MEANS_SESSION = /\bsession(?:'s)?[ -]?(?:ids?|identifiers?|keys?|tokens?)\b/i

/** The comment that stands over a function, of which `before` is what comes before it. */
function commentBefore(before: string): string {
  const end = before.lastIndexOf('*/')
  const line = /\/\/([^\n]*)\n[^\n;}]{0,80}$/.exec(before)?.[1]
  if (end < 0 || /[;}]/.test(before.slice(end))) return line ?? ''
  return before.slice(Math.max(0, before.lastIndexOf('/*', end)), end)
}

/** `my_session2`, `mySession`, `MY_SESSION` → my, session. */
export function wordsOf(name: string): readonly string[] {
  return name
    .slice(0, 80)
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .split(/[^A-Za-z]+/)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase())
}
