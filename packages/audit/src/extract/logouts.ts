/** Logouts: where a cookie is taken back from the caller, and whether anything is ended on the server at the same time. */
import type { Call } from './calls.ts'
import { pathsOf } from './branches.ts'
import { isPresentedHandle } from './conditions.ts'
import type { Context, EventKind, EventOf, StoreRef } from './events.ts'
import type { Site } from './heap.ts'
import type { Machine } from './machine.ts'
import { wordsOf } from './made-secrets.ts'
import type { Facts, State } from './state.ts'
import type { Value } from './value.ts'
import { hasTag, strings, withTags } from './value.ts'

/** A cookie is deleted. */
export function noteCookieCleared(
  machine: Machine,
  name: Value | undefined,
  named: Site | undefined,
  site: Site,
  state: State,
): void {
  if (machine.context.trigger === 'request')
    machine.emit('cookie-cleared', site, state, { cookies: cookieNames(name, named) })
}

/** What a cookie is called: by its text, else as the program spells it. */
export function cookieNames(name: Value | undefined, named: Site | undefined): readonly string[] {
  const texts = name === undefined ? [] : strings(name)
  if (texts.length > 0 || named === undefined || named.end - named.start > 200) return texts
  return [named.file.text.slice(named.start, named.end)]
}

/** Whether code that is called so, or stands at this path, is there to log somebody out. */
export function isLogout(text: string): boolean {
  const words = wordsOf(text).join(' ')
  return LEAVES.test(words) && !HAS_LEFT.test(words)
}

function beginsWithLogout(part: string): boolean {
  return LEAVES.exec(wordsOf(part).join(' '))?.index === 0
}

/** Where somebody is sent who has been logged out. */
const HAS_LEFT = /\b(?:success|complete|done|callback|page)$/
const LEAVES = /\b(?:log ?(?:out|off)|sign ?(?:out|off)|revoke|revocation|disconnect|end session)\b/

/** What a function is called where it is written: `logout: async (`, `async logout(`, `const logout = (`. */
export function nameBefore({ file, start }: Pick<Site, 'file' | 'start'>): string {
  const before = file.text.slice(Math.max(0, start - 80), start + 80)
  const at = Math.min(80, start)
  const own = /^(?:async\s+)?function\s*\*?\s*(\w+)/.exec(before.slice(at))?.[1]
  return own ?? /(\w+)\s*(?:[:=]\s*)?(?:async\s*)?$/.exec(before.slice(0, at))?.[1] ?? ''
}

/** Whether a request that is served so has come to log somebody out. */
export function isAtLogout({ route }: Context, facts: Facts): boolean {
  const paths = pathsOf(facts)
  // A module that is a route says by its own path what it serves: `app/logout/route.ts`, `pages/api/sign-out.ts`.
  const own =
    route === undefined ? [] : route.path === '*' ? route.site.path.split('/').filter(beginsWithLogout) : [route.path]
  return [...paths, ...own].some(isLogout)
}

/** A request is answered, and not refused: who came to be logged out, or to end a session (`DELETE /mcp`), takes it for done. */
export function noteLoggedOut(machine: Machine, site: Site, state: State): void {
  if (machine.context.trigger !== 'request' || state.facts.may.has('denied')) return
  if (isAtLogout(machine.context, state.facts)) machine.emit('logged-out', site, state, { how: 'answer' })
  else if (state.holds('verb:DELETE')) {
    const paths = [...pathsOf(state.facts), machine.context.route?.path ?? '']
    if (paths.some((path) => /\bmcp\/?$/i.test(path))) machine.emit('logged-out', site, state, { how: 'session' })
    else if (paths.every((path) => path === '' || path === '*'))
      machine.emit('logged-out', site, state, { how: 'delete' })
  }
}

/** A call that we cannot follow may end what the caller had. */
export function noteMayEnd(machine: Machine, name: string | undefined, state: State): void {
  if (machine.context.trigger !== 'request') return
  if (name === undefined || !endsNothing(name)) noteMayHaveEnded(machine, state)
}

/** As it happened in a function that is not walked again. */
export function noteMayHaveEnded(machine: Machine, state: State): void {
  machine.mayEnds += 1
  machine.mayHaveEnded.add(machine.context, state.facts)
}

/** What stood before the handler of a request has ended nothing: it stands before others as well. */
export function noteHandlerBegins(machine: Machine, state: State): void {
  state.unnote(TOUCHED)
  machine.mayHaveEnded.begin(machine.context)
  machine.handlersBegan.set(machine.context.activation, machine.events.length)
}

function endsNothing(name: string): boolean {
  return ENDS_NOTHING.test(name) || (READS.test(name) && !/delete|remove|update|modify/i.test(name))
}

const ENDS_NOTHING =
  /^(?:global:(?!fetch$).*|log|debug|info|warn|error|trace|send|json|status|sendStatus|redirect|end|header|setHeader|getHeader|next|render|type|get\w*|has\w*|is\w*|to\w*|parse\w*|stringify|now|bind|clearCookie|deleteCookie|cookies?|headers|getOrThrow)$/

/** `password`, `passwordHash`, `hashed_password`. */
const PASSWORD = /^(?:(?:new|hashed|encrypted)_?)?pass(?:word|wd)?(?:_?(?:hash|digest|hashed))?$/i
const UPDATES = /^(?:update|save|set|change|reset|patch)/i
/** `changePassword(user, old, next)`: what is asked for is a new password, whatever is handed over. */
const CHANGES_PASSWORD = /^(?:change|update|replace)_?\w*pass(?:word|wd)(?:_?hash)?$/i
const OF_SESSIONS = /sess|refresh|revok|invalidat|log_?out|sign_?out/i
/** What is told to whoever listens, who may end them; the user who is told by mail does not. */
const TELLS_OF_CHANGE = /password.?(?:changed|updated)|password[.:]reset/i
const TELLS_USER = /^[^'"`]{0,200}(?:mail|post_?office|notif(?:y|ication)|\bsms|audit|template|render|track|analytics)/i
/** That a session was used is written down on every request. */
const OF_ACTIVITY = /last_?(?:used|seen|activ|access)|touch|heartbeat/i
/** Who looks or tells ends nothing. */
const READS =
  /^(?:get|find|select|load|fetch|query|has|is|count|list|verify|check|validate|compare|hash|parse|log(?!_?(?:in|out|off|s))|debug|info|warn|error)/i
/** What tells tokens of before from those of now. */
const MARKS_TIME = /version|valid_?(?:after|from|since)|changed_?at|invalid|epoch|stamp$/i
const LONGEST_CALL = 300

/** `user.update({ where, data: { passwordHash } })`, by code that we cannot see. */
export function notePasswordSet(machine: Machine, name: string | undefined, call: Call, state: State): void {
  const { trigger } = machine.context
  if (trigger !== 'request' || (name !== undefined && READS.test(name))) return
  const fields = name !== undefined && UPDATES.test(name) ? fieldsIn(call.args) : []
  const asked = askedFor(call)
  if ((mayEndSessions(asked) && !OF_ACTIVITY.test(asked)) || fields.some((field) => MARKS_TIME.test(field)))
    noteTouch(machine, state)
  if (fields.some(isPasswordField) || (name !== undefined && CHANGES_PASSWORD.test(name)))
    emitChange(machine, call.site, state)
}

function mayEndSessions(asked: string): boolean {
  return OF_SESSIONS.test(asked) || (TELLS_OF_CHANGE.test(asked) && !TELLS_USER.test(asked))
}

/** `revokeSessions(…)`, `endAll(…)` of this tree: what is called so has to do with the sessions of a user. */
export function noteEnding(machine: Machine, name: string | undefined, state: State): void {
  if (name === undefined || machine.context.trigger !== 'request') return
  if (ENDS_SESSIONS.test(name) && !ONE_TIME.test(name)) noteTouch(machine, state)
}

/** Something is done about sessions of a user: known on this path from now on, and to what happened before. */
export function noteTouch(machine: Machine, state: State): void {
  // Whoever does this is worth walking again.
  machine.eventCount += 1
  machine.touches += 1
  machine.lastTouch.set(machine.context.activation, machine.touches)
  state.note(TOUCHED)
}

/** Whether something was done about sessions on the way here. What other ways have done is none of this one. */
function isTouched(state: State): boolean {
  return state.facts.may.has(TOUCHED)
}

const TOUCHED = 'sessions-touched'

function emitChange(machine: Machine, site: Site, state: State, store?: string): void {
  machine.emit('password-set', site, state, {
    ...(store === undefined ? {} : { store }),
    ended: isTouched(state),
    touches: machine.touches,
  })
}

/** Known where the record that the request named has been taken out of a store. */
export function leftOf(store: string): string {
  return `left:${store}`
}

/** A record is taken out: by the ID that the request brought, or by that of what was found by it. */
export function noteLeft(state: State, { store, key }: { readonly store: StoreRef; readonly key: Value }): void {
  if (isPresentedHandle(key) || hasTag(key, 'entry')) state.learn([leftOf(store.id)])
}

/** Whether sessions of a user are ended, marked as old, or opened anew by what happens here. */
export function touchesSessions(kind: EventKind, data: object): boolean {
  switch (kind) {
    case 'store-remove':
    case 'store-write':
      return /sess|refresh/i.test((data as EventOf<'store-write'>).store.name)
    case 'entry-write':
      return marksTime((data as EventOf<'entry-write'>).field)
    case 'entry-close':
    case 'login':
      return true
    default:
      return false
  }
}

const ENDS_SESSIONS =
  /^(?:delete|destroy|revoke|invalidate|remove|end|clear|drop|purge|kill|terminate|expire|rotate|bump|increment|reset)_?\w*(?:sess|token|refresh|logins?|devices?|version)|^(?:log|sign)_?out/i
/** A token that was sent by mail is used up by what it lets somebody do: no session goes with it. */
const ONE_TIME =
  /(?:(?<!^)reset(?:_?pass(?:word|wd))?|forgot(?:ten)?_?pass(?:word|wd)|verification|confirmation|activation|invit(?:e|ation)|magic_?link)_?tokens?(?!_?version|\w{0,60}sess|\w{0,60}refresh)/i

/** A column or field called after a password is written; `store`: where the record lies. */
export function notePasswordField(machine: Machine, store: string, field: string, site: Site, state: State): void {
  if (machine.context.trigger === 'request' && isPasswordField(field)) emitChange(machine, site, state, store)
}

/** `user.password = hash`, where the user was found: a record that is made here has had no password before. */
export function notePasswordWrite(
  machine: Machine,
  target: Value,
  field: string,
  value: Value,
  site: Site,
  state: State,
): void {
  if (machine.context.trigger !== 'request' || !(isPasswordField(field) || hasTag(value, HASHED))) return
  if (target.objects.length === 0 && ['found', 'principal'].some((tag) => hasTag(target, tag)))
    emitChange(machine, site, state)
}

/** What is called, and what is written in its arguments: `revokeAll(`, `redis.del('sessions:…`. */
function askedFor({ site: { file, start, end } }: Call): string {
  const text = file.text.slice(start, Math.min(end, start + LONGEST_CALL))
  const [callee = ''] = text.split('(', 1)
  return [callee, ...(text.match(/(['"`])(?:(?!\1).)*/g) ?? [])].join(' ')
}

/** Whether what is called so gives somebody a new password. */
export function namesPasswordChange(name: string): boolean {
  return CHANGES_PASSWORD.test(name) || /^reset_?\w*pass(?:word|wd)$/i.test(name)
}

export function isPasswordField(field: string): boolean {
  return PASSWORD.test(field)
}

/** Whether a field tells what was issued before from what is issued now. */
export function marksTime(field: string): boolean {
  return MARKS_TIME.test(field)
}

/** Marks what a function has made that is called after hashing passwords, wherever it comes from. */
export function hashedPassword(name: string | undefined, value: Value): Value {
  return name !== undefined && HASHES_PASSWORD.test(name) ? withTags(value, [HASHED]) : value
}

const HASHES_PASSWORD = /^(?:hash|encrypt|encode|bcrypt|digest)_?\w*pass(?:word|wd)?|pass(?:word|wd)?_?hash$/i
const HASHED = 'password-hash'

function fieldsIn(args: readonly Value[], depth = 2): readonly string[] {
  return args.flatMap(({ objects }) =>
    objects.flatMap((item) =>
      item.kind !== 'object'
        ? []
        : [...item.properties].flatMap(([name, { value }]) => [
            hasTag(value, HASHED) ? 'password' : name,
            ...(depth > 1 ? fieldsIn([value], depth - 1) : []),
          ]),
    ),
  )
}
