/** Logouts: where a cookie is taken back from the caller, and whether anything is ended on the server at the same time. */
import type { Call } from './calls.ts'
import type { Site } from './heap.ts'
import type { Machine } from './machine.ts'
import { wordsOf } from './made-secrets.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { strings } from './value.ts'

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
  return LEAVES.test(wordsOf(text).join(' '))
}

const LEAVES = /\b(?:log ?(?:out|off)|sign ?(?:out|off)|revoke|end session)\b/

/** A call that we cannot follow may end what the caller had. */
export function noteMayEnd(machine: Machine, name: string | undefined): void {
  if (machine.context.trigger !== 'request') return
  if (name === undefined || !ENDS_NOTHING.test(name)) machine.mayHaveEnded.add(machine.context.activation)
}

const ENDS_NOTHING =
  /^(?:global:(?!fetch$).*|log|debug|info|warn|error|trace|send|json|status|sendStatus|redirect|end|header|setHeader|getHeader|next|render|type|get\w*|has\w*|is\w*|to\w*|parse\w*|stringify|now|clearCookie|deleteCookie|cookies?|headers|getOrThrow)$/

/** `password`, `passwordHash`, `hashed_password`. */
const PASSWORD = /^(?:(?:new|hashed|encrypted)_?)?pass(?:word|wd)?(?:_?(?:hash|digest|hashed))?$/i
const UPDATES = /^(?:update|save|set|change|reset|patch)/i
const OF_SESSIONS = /sess|refresh|revok|invalidat|log_?out|sign_?out|password.?(?:changed|updated|reset)/i
/** Who looks or tells ends nothing. */
const READS =
  /^(?:get|find|select|load|fetch|query|has|is|count|list|verify|check|validate|compare|hash|parse|log|debug|info|warn|error)/i
/** What tells tokens of before from those of now. */
const MARKS_TIME = /version|valid_?(?:after|from|since)|changed_?at|invalid|epoch|stamp$/i
const LONGEST_CALL = 300

/** `user.update({ where, data: { passwordHash } })`, by code that we cannot see. */
export function notePasswordSet(machine: Machine, name: string | undefined, call: Call, state: State): void {
  const { trigger, activation } = machine.context
  if (trigger !== 'request' || (name !== undefined && READS.test(name))) return
  const fields = name !== undefined && UPDATES.test(name) ? fieldsIn(call.args) : []
  if (OF_SESSIONS.test(askedFor(call)) || fields.some((field) => MARKS_TIME.test(field)))
    machine.touchedSessions.add(activation)
  if (fields.some(isPasswordField)) machine.emit('password-set', call.site, state, {})
}

/** What is called, and what is written in its arguments: `revokeAll(`, `redis.del('sessions:…`. */
function askedFor({ site: { file, start, end } }: Call): string {
  const text = file.text.slice(start, Math.min(end, start + LONGEST_CALL))
  const [callee = ''] = text.split('(', 1)
  return [callee, ...(text.match(/(['"`])(?:(?!\1).)*/g) ?? [])].join(' ')
}

export function isPasswordField(field: string): boolean {
  return PASSWORD.test(field)
}

/** Whether a field tells what was issued before from what is issued now. */
export function marksTime(field: string): boolean {
  return MARKS_TIME.test(field)
}

function fieldsIn(args: readonly Value[], depth = 2): readonly string[] {
  return args.flatMap(({ objects }) =>
    objects.flatMap((item) =>
      item.kind !== 'object'
        ? []
        : [...item.properties].flatMap(([name, { value }]) => [
            name,
            ...(depth > 1 ? fieldsIn([value], depth - 1) : []),
          ]),
    ),
  )
}
