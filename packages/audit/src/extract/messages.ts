/** Connections that a server accepts and goes on listening to, and what is done because of what comes over them. */
import type { Call } from './calls.ts'
import { invoke } from './invoke.ts'
import { runCallbacks } from './opaque.ts'
import { assume } from './conditions.ts'
import type { Site } from './heap.ts'
import { FunctionObject, LibraryObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import { joinFacts } from './state.ts'
import type { Value } from './value.ts'
import { UNDEFINED, hasTag, object, tagged, truthiness } from './value.ts'

/** Known where something is done because of a message. */
export const BY_MESSAGE = 'by-message'

/** Noted where other pages are kept from reading answers, though not from opening a WebSocket. */
export const POLLING_CHECKED = 'polling-checked'

/** From here on the other end is listened to: runs what listens, on a message that it chose. */
export function listenToMessages(machine: Machine, listener: Value, call: Call, state: State): void {
  noteSocket(machine, call.site, state, false)
  const isNested = state.holds(BY_MESSAGE)
  state.learn([BY_MESSAGE])
  runCallbacks(machine, { ...call, args: [listener] }, state, tagged('body'))
  if (!isNested) state.forget(BY_MESSAGE)
}

/** A connection is taken into use. */
export function noteSocket(machine: Machine, site: Site, state: State, handedOn: boolean): void {
  if (machine.context.trigger === 'request' && !state.holds(BY_MESSAGE))
    machine.emit('socket', site, state, { handedOn })
}

/** Code that cannot be seen is given a connection to go on with, or is told to do something because of a message. */
export function noteUnseenAct(
  machine: Machine,
  name: string | undefined,
  call: Call,
  state: State,
  whose: 'library' | 'unknown',
): void {
  const called = name ?? (whose === 'unknown' ? nameOfFunction(call.site) : undefined)
  if (called === undefined || ONLY_TELLS.test(called)) return
  noteUnseenCall(machine, called, call, state, whose)
}

/** `handle(message)`, of a function that whoever uses a library has given. */
function nameOfFunction({ file, start }: Site): string | undefined {
  return /^([A-Za-z_$][\w$]{0,60})\s{0,9}\(/.exec(file.text.slice(start, start + 80))?.[1]
}

function noteUnseenCall(machine: Machine, name: string, call: Call, state: State, whose: 'library' | 'unknown'): void {
  if (!KEEPS.test(name) && call.args.some(isSocket)) noteSocket(machine, call.site, state, true)
  if (!state.holds(BY_MESSAGE)) return
  const direct = whose === 'library' && COMMANDS.test(name)
  const isTold = !hasTag(call.self, 'body') && (SETTLES.test(name) || call.args.some((arg) => isOfMessage(arg, 2)))
  if (direct || isTold) machine.emit('message-act', call.site, state, { direct })
}

/** What one connection says is sent on to another, which was found in a container: whoever is there may act upon it. */
export function noteRelayed(machine: Machine, call: Call, state: State): void {
  if (state.holds(BY_MESSAGE) && hasTag(call.self, 'entry') && call.args.some((arg) => isOfMessage(arg, 2)))
    machine.emit('message-act', call.site, state, { direct: false, relayed: true })
}

/** A message is the answer that other code waits for. */
export function noteSettled(machine: Machine, promise: LibraryObject, call: Call, state: State): void {
  if (state.holds(BY_MESSAGE) && promise.born !== machine.context.activation)
    machine.emit('message-act', call.site, state, { direct: false })
}

function isSocket({ objects }: Value): boolean {
  return objects.some((item) => item instanceof LibraryObject && item.type === 'socket')
}

/** Sending on, writing down and taking apart change nothing. */
const ONLY_TELLS =
  /^(?:send\w*|broadcast\w*|emit\w*|publish|log|debug|info|warn|error|trace|json|parse\w*|decode\w*|stringify|inspect|from|to[A-Z]\w*|is[A-Z]\w*|has|validate\w*|safeParse|String|Number|Boolean|Buffer|concat|push)$/
/** Connections are put somewhere, or asked about. */
const KEEPS = /^(?:add|set|delete|remove\w*|push|get\w*|clear\w*|ping|on|once|off)$/
/** What starts programs, runs text as code or writes files. */
const COMMANDS =
  /^(?:exec(?:File)?(?:Sync)?|execa\w*|spawn(?:Sync)?|fork|eval|Function|runIn\w*Context|(?:write|append)File(?:Sync)?|rm(?:Sync)?|unlink(?:Sync)?|rename(?:Sync)?)$/
/** A promise that somebody waits for. */
const SETTLES = /^(?:resolve|reject)$/

function isOfMessage(value: Value, depth: number): boolean {
  if (hasTag(value, 'body')) return true
  return (
    depth > 0 &&
    value.objects.some(
      (item) =>
        (item.kind === 'object' || item.kind === 'array') &&
        [...item.properties.values()].some((cell) => isOfMessage(cell.value, depth - 1)),
    )
  )
}

/**
 * Asks a function of the program whether a connection may be made, as `verifyClient` and `allowRequest` are: it returns its
 * answer, or calls back with it. The path goes on with what is known where the answer is yes.
 */
export function admit(
  machine: Machine,
  asks: Value,
  call: Call,
  state: State,
  { args, answer }: { readonly args: readonly Value[]; readonly answer: 0 | 1 },
): void {
  const fn = asks.objects.find((item): item is FunctionObject => item instanceof FunctionObject)
  if (fn === undefined) return state.note('opaque-middleware')
  const done = machine.library('admission', call.site, { answer })
  const fork = state.fork()
  const isYes = ({ value }: { readonly value: Value }): boolean => truthiness(value).canBeTrue
  const result = invoke(machine, fn, UNDEFINED, [...args, object(done)], fork, isYes)
  const passed = (done.data['passed'] ?? []) as State[]
  if (passed.length > 0) {
    state.facts = passed.map(({ facts }) => facts).reduce(joinFacts)
    return
  }
  if (fork.dead) return
  state.facts = fork.facts
  assume(machine, state, result)
}

/** `done(allowed)`, `done(error, allowed)`. */
export function answerAdmission(machine: Machine, target: LibraryObject, call: Call, state: State): Value {
  const position = target.data['answer'] as 0 | 1
  const [error = UNDEFINED] = call.args
  const verdict = call.args[position]
  if (position === 1 && !truthiness(error).canBeFalse) return UNDEFINED
  if (verdict !== undefined && !truthiness(verdict).canBeTrue) return UNDEFINED
  const fork = state.fork()
  if (verdict !== undefined) assume(machine, fork, verdict)
  if (!fork.dead) ((target.data['passed'] ??= []) as State[]).push(fork)
  return UNDEFINED
}
