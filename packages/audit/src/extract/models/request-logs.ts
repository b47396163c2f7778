/** Loggers of requests: what they write down of each, by default or because a program tells them to. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { FunctionObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { contentOf } from '../secrets.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, strings, tagged } from '../value.ts'
import type { ExternalHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'

/** Every header of a request. */
const HEADERS = tagged('headers')

/** `{ serializers: { req(request) {} } }` of pino: what it gives is written down, unless it is redacted. */
export function noteSerializer(
  machine: Machine,
  options: Value | undefined,
  request: Value,
  call: Call,
  state: State,
): void {
  if (options === undefined || optionOf(options, 'redact') !== undefined) return
  const serializer = optionOf(optionOf(options, 'serializers'), 'req')
  if (serializer !== undefined) noteWritten(machine, serializer, [request], call, state)
}

function noteWritten(machine: Machine, of: Value, args: readonly Value[], call: Call, state: State): void {
  const [fn] = of.objects.filter((item) => item instanceof FunctionObject)
  if (fn === undefined) return
  const given = { ...call, args, argSites: [], self: UNDEFINED }
  const value = contentOf([state.aside((fork) => call_(machine, of, given, fork))])
  if (value.tags.length > 0) machine.emit('log', fn.site, state, { value })
}

/** `pinoHttp()`: all headers, unless it is told to leave some out. A logger of another place may redact them. */
const pinoHttp: ExternalHandler = (machine, call, state) => {
  const [options] = call.args
  const request = object(machine.library('request', call.site))
  noteSerializer(machine, options, request, call, state)
  const isTold = ['serializers', 'redact', 'logger', 'stream'].some((name) => optionOf(options, name) !== undefined)
  const isKnown = options === undefined || options.objects.every(({ kind, partial }) => kind === 'object' && !partial)
  const isOff = optionOf(options, 'autoLogging')?.primitives.includes(false) === true
  if (!isTold && isKnown && !isOff) machine.emit('log', call.site, state, { value: HEADERS })
  return plainMiddleware(machine, call)
}

/** `morgan((tokens, req, res) => …)`, or a format: `:req[authorization]`. */
const morgan: ExternalHandler = (machine, call, state) => {
  const [format = UNKNOWN] = call.args
  const args = [UNKNOWN, object(machine.library('request', call.site)), object(machine.library('response', call.site))]
  noteWritten(machine, format, args, call, state)
  if (strings(format).some((text) => NAMES_SECRET.test(text))) machine.emit('log', call.site, state, { value: HEADERS })
  return plainMiddleware(machine, call)
}

const NAMES_SECRET = /:req\[(?:authorization|cookie|mcp-session-id|x-api-key|x-auth-token)\]/i

function plainMiddleware(machine: Machine, call: Call): Value {
  return object(machine.library('middleware', call.site, { facts: [] }))
}

export const requestLogs: Model = {
  calls: {
    'pino-http': pinoHttp,
    'pino-http#default': pinoHttp,
    'pino-http#pinoHttp': pinoHttp,
    morgan,
    'morgan#default': morgan,
  },
}
