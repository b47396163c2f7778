/** Loggers of requests: what they write down of each, by default or because a program tells them to. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { FunctionObject, LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { contentOf, noteLog } from '../secrets.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, primitive, strings, tagged } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf, textsIn } from './routing.ts'

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

/** What a logger leaves out of the objects that it is given, as its settings name it; undefined where it leaves out nothing. */
function redactedBy(options: Value | undefined): readonly string[] | undefined {
  const redact = optionOf(options, 'redact')
  if (redact === undefined) return undefined
  const paths = (optionOf(redact, 'paths') ?? redact).objects.flatMap(textsIn)
  return paths.length === 0 ? ['*'] : paths
}

/** `pino({ redact: ['headers.authorization'] })`, with a transport or without. */
const pino: ExternalHandler = (machine, call) => {
  const hidden = redactedBy(call.args[0])
  return hidden === undefined ? UNKNOWN : object(machine.library('redacting-logger', call.site, { hidden }))
}

/** Of members of objects only: what stands in a text is written as it is. */
const write: MethodHandler = (machine, target, call, state, name) => {
  const said = name === 'child' ? 'info' : name
  const hidden = target.data['hidden'] as readonly string[]
  const isText = ({ objects }: Value): boolean => objects.length === 0
  const members = contentOf(call.args.filter((arg) => !isText(arg))).tags.filter((tag) => !isHidden(tag, hidden))
  const args = [tagged(...members), ...call.args.filter(isText)]
  noteLog(machine, said, { args, argSites: [], site: call.site }, state)
  return name === 'child' ? object(target) : UNDEFINED
}

/** `headers.authorization`, `req.headers["mcp-session-id"]`, or all headers at once. */
function isHidden(tag: string, hidden: readonly string[]): boolean {
  const name = tag === 'headers' ? 'authorization' : tag.slice(tag.indexOf(':') + 1)
  return hidden.some((path) => HIDES_ALL.test(path) || path.toLowerCase().includes(name))
}

const HIDES_ALL = /(?:^|\.)(?:headers|\*)(?:\.\*|\[\*\])?$/

/** The logger that a server is told to use, where it redacts: requests have it at hand. */
export function noteLogger(machine: Machine, options: Value | undefined, call: Call): void {
  const given = [optionOf(options, 'loggerInstance'), optionOf(options, 'logger')].flatMap((one) => one?.objects ?? [])
  const own = given.find((item) => item instanceof LibraryObject && item.type === 'redacting-logger')
  const hidden = redactedBy(optionOf(options, 'logger'))
  if (own instanceof LibraryObject) machine.readyMade.set(LOGGER, own)
  else if (hidden !== undefined)
    machine.readyMade.set(LOGGER, machine.library('redacting-logger', call.site, { hidden }))
}

/** `request.log` */
export function loggerOf(machine: Machine): Value {
  const logger = machine.readyMade.get(LOGGER)
  return logger === undefined ? UNKNOWN : object(logger)
}

const LOGGER = 'logger'

/** `process.stdout.write(line)` */
const writeOut: ExternalHandler = (machine, call, state) => {
  noteLog(machine, 'log', call, state)
  return primitive(true)
}

const OUTPUTS = ['global:process', 'node:process'].flatMap((path) =>
  ['stdout', 'stderr'].map((name) => `${path}#${name}.write`),
)

export const requestLogs: Model = {
  methods: { 'redacting-logger': { '*': write } },
  calls: {
    ...Object.fromEntries(OUTPUTS.map((path) => [path, writeOut])),
    pino,
    'pino#default': pino,
    'pino#pino': pino,
    'pino-http': pinoHttp,
    'pino-http#default': pinoHttp,
    'pino-http#pinoHttp': pinoHttp,
    morgan,
    'morgan#default': morgan,
  },
}
