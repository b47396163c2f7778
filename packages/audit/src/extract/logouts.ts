/** Logouts: where a cookie is taken back from the caller, and whether anything is ended on the server at the same time. */
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
