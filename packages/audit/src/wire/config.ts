/** What the user says of a target: who may be played, what may be called, how long things live. */
import { parseDocument } from 'yaml'
import { ConfigError } from '../config/config.ts'
import { choiceOf, entriesOf, type Field, fieldsOf, refuse, textOf } from '../config/fields.ts'
import type { Era, HeaderField } from '../finding/finding.ts'
import { isHeaderName } from './connection.ts'

export const principalNames = ['alice', 'bob', 'carol', 'expired', 'wrongAudience', 'shortLived'] as const
export type PrincipalName = (typeof principalNames)[number]

export interface Principal {
  readonly headers: readonly HeaderField[]
  /** How the rest of the credential is come by: what this login hands out is presented too. */
  readonly login?: LoginFlow
  /** Until when a short-lived credential holds, in milliseconds from the start of the probe. */
  readonly expiresInMs?: number
}

/** `$CANARY` and `$HANDLE` in arguments stand for a fresh value and for a handle that was minted before. */
export interface ToolCall {
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
}

export interface LoginStep {
  readonly method: string
  readonly path: string
  readonly headers: readonly HeaderField[]
  readonly body?: string
}

/** A login by requests: what hands out a handle before it, where there is such a thing, and what logs in. */
export interface LoginFlow {
  readonly init?: LoginStep
  readonly auth: LoginStep
}

export interface ProbeConfig {
  readonly principals: Readonly<Partial<Record<PrincipalName, Principal>>>
  /** Alice's, where she has no credential of her own. */
  readonly login?: LoginFlow
  /** A login within a session, by a tool; `shows` is answered otherwise to whoever is logged in. */
  readonly loginTool?: ToolCall & { readonly shows: ToolCall }
  /** The route that ends a session, where it is no DELETE. */
  readonly logout?: LoginStep
  readonly timeouts: { readonly idleMs?: number; readonly absoluteMs?: number }
  /** Found out where absent. */
  readonly transport?: 'http' | 'sse'
  /** Found out where absent. A server that has no `server/discover` does not say that it speaks 2026-07-28. */
  readonly era?: Era
  readonly canary?: {
    readonly make?: ToolCall & { readonly handle: string }
    readonly put: ToolCall
    readonly get: ToolCall
    /** Ends what a handle names. */
    readonly drop?: ToolCall
  }
  readonly flow?: ToolCall & {
    readonly respond: Readonly<Record<string, unknown>>
    readonly effect?: ToolCall
    readonly sibling?: string
    readonly amountArgument?: string
  }
  readonly race?: ToolCall & { readonly limit: number }
  readonly resource?: { readonly uri: string; readonly trigger: ToolCall }
  readonly tasks?: ToolCall
  readonly mismatch?: { readonly shown: ToolCall; readonly real: ToolCall; readonly get: ToolCall }
  readonly budget: { readonly requests: number; readonly seconds: number }
}

const SETTINGS = [
  '$schema',
  'principals',
  'login',
  'logout',
  'timeouts',
  'transport',
  'era',
  'canary',
  'flow',
  'race',
  'resource',
  'tasks',
  'mismatch',
  'budget',
] as const

const DEFAULT_BUDGET = { requests: 2_000, seconds: 60 }
const MOST_REQUESTS = 100_000
const MOST_SECONDS = 3_600
const LONGEST_LIFE_MS = 600_000

/** Nobody is known, nothing may be called that is not read-only. */
export const emptyConfig: ProbeConfig = { principals: {}, timeouts: {}, budget: DEFAULT_BUDGET }

/** Reads YAML or JSON, which is YAML. Throws ConfigError, which names file and field, for whatever is not as documented. */
export function parseProbeConfig(text: string, path: string): ProbeConfig {
  const fields = fieldsOf({ file: path, name: '', value: documentOf(text, path) ?? {} }, SETTINGS)
  const optional = <const Name extends (typeof SETTINGS)[number], T>(name: Name, read: (field: Field) => T) => {
    const field = fields.get(name)
    return (field === undefined ? {} : { [name]: read(field) }) as { readonly [K in Name]?: T }
  }
  return {
    principals: {},
    timeouts: {},
    budget: DEFAULT_BUDGET,
    ...optional('principals', principalsOf),
    ...(fields.has('login') && loginOf(fields.get('login')!)),
    ...optional('logout', loginStepOf),
    ...optional('timeouts', timeoutsOf),
    ...optional('transport', (field) => choiceOf(field, ['http', 'sse'])),
    ...optional('era', (field) => choiceOf(field, ['legacy', 'modern'])),
    ...optional('canary', canaryOf),
    ...optional('flow', flowOf),
    ...optional('race', raceOf),
    ...optional('resource', resourceOf),
    ...optional('tasks', (field) => callOf(field)),
    ...optional('mismatch', mismatchOf),
    ...optional('budget', budgetOf),
  }
}

function documentOf(text: string, path: string): unknown {
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'silent' })
  const [mistake] = document.errors
  if (mistake)
    throw new ConfigError(path, undefined, `cannot be read: ${mistake.message.split('\n')[0]?.replace(/:$/, '')}.`)
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown
  } catch (error) {
    throw new ConfigError(path, undefined, `cannot be read: ${(error as Error).message}.`)
  }
}

function principalsOf(field: Field): ProbeConfig['principals'] {
  const named = [...fieldsOf(field, principalNames)].map(([name, item]) => [name, principalOf(item)] as const)
  return Object.fromEntries(named)
}

function principalOf(field: Field): Principal {
  const fields = fieldsOf(field, ['headers', 'login', 'expiresInMs'])
  const [headers, login, life] = ['headers', 'login', 'expiresInMs'].map((name) => fields.get(name))
  if (!headers && !login)
    refuse(field, 'must hold "headers": what the credential is sent in; or "login": the requests that hand it out.')
  return {
    headers: headers ? headersOf(headers) : [],
    ...(login && { login: loginFlowOf(login) }),
    ...(life && { expiresInMs: numberOf(life, 1, LONGEST_LIFE_MS) }),
  }
}

function headersOf(field: Field): readonly HeaderField[] {
  return [...entriesOf(field)].map(([name, item]) => {
    if (!isHeaderName(name)) refuse(item, 'is no name that a header can have.')
    const value = headerText(item)
    // oxlint-disable-next-line no-control-regex -- exactly what must not be sent
    if (/[\0-\x08\x0a-\x1f\x7f]/.test(value)) refuse(item, 'must not hold line breaks or other control characters.')
    return [name.toLowerCase(), value]
  })
}

/** Tokens can be long, so longer than other texts of a configuration. */
function headerText(field: Field): string {
  const { value } = field
  if (typeof value !== 'string' || value.trim() === '') return refuse(field, 'must be a text that is not empty.')
  if (value.length > 16_384) return refuse(field, 'must not be longer than 16384 characters.')
  return value
}

/** By requests of its own, or by a tool. */
function loginOf(field: Field): Pick<ProbeConfig, 'login' | 'loginTool'> {
  const fields = fieldsOf(field, ['init', 'auth', 'tool', 'arguments', 'shows'])
  const [init, auth, shows] = ['init', 'auth', 'shows'].map((name) => fields.get(name))
  if (fields.has('tool')) {
    if (init || auth) refuse(field, 'must hold either "auth" or "tool".')
    const shown = callOf(
      shows ?? refuse(field, 'must hold "shows": a tool that answers otherwise to whoever is logged in.'),
    )
    return { loginTool: { ...callOf(field, ['shows', 'init', 'auth']), shows: shown } }
  }
  if (!auth) refuse(field, 'must hold "auth": the request that logs in; or "tool": the tool that does.')
  return { login: loginFlowOf(field) }
}

function loginFlowOf(field: Field): LoginFlow {
  const fields = fieldsOf(field, ['init', 'auth'])
  const init = fields.get('init')
  const auth = fields.get('auth') ?? refuse(field, 'must hold "auth": the request that logs in.')
  return { ...(init && { init: loginStepOf(init) }), auth: loginStepOf(auth) }
}

function loginStepOf(field: Field): LoginStep {
  const fields = fieldsOf(field, ['method', 'path', 'headers', 'body'])
  const path = textOf(fields.get('path') ?? refuse(field, 'must hold "path".'))
  if (!/^\/(?!\/)\S*$/.test(path)) refuse(field, 'must hold a "path" on the server itself, beginning with "/".')
  const method = fields.get('method')
  const headers = fields.get('headers')
  const body = fields.get('body')
  const sent = headers ? headersOf(headers) : []
  return {
    method: method ? methodOf(method) : body ? 'POST' : 'GET',
    path,
    headers: sent,
    ...(body && { body: bodyOf(body, sent) }),
  }
}

/** A text as it is; anything else as the form that the headers announce, or as JSON. */
function bodyOf(field: Field, headers: readonly HeaderField[]): string {
  const { value } = field
  if (typeof value === 'string') return value
  const isForm = headers.some(([name, type]) => name === 'content-type' && /^application\/x-www-form/i.test(type))
  if (!isForm) return JSON.stringify(value)
  const fields = [...entriesOf(field)].map(([name, item]): [string, string] => [name, formText(item)])
  return new URLSearchParams(fields).toString()
}

function formText(field: Field): string {
  const { value } = field
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    return refuse(field, 'must be a text, a number or a boolean: it is sent in a form.')
  return String(value)
}

function methodOf(field: Field): string {
  const method = textOf(field).toUpperCase()
  return isHeaderName(method) ? method : refuse(field, 'must be a method of HTTP.')
}

function timeoutsOf(field: Field): ProbeConfig['timeouts'] {
  const fields = fieldsOf(field, ['idleMs', 'absoluteMs'])
  const [idle, absolute] = [fields.get('idleMs'), fields.get('absoluteMs')]
  return {
    ...(idle && { idleMs: numberOf(idle, 1, LONGEST_LIFE_MS) }),
    ...(absolute && { absoluteMs: numberOf(absolute, 1, LONGEST_LIFE_MS) }),
  }
}

function canaryOf(field: Field): NonNullable<ProbeConfig['canary']> {
  const fields = fieldsOf(field, ['make', 'put', 'get', 'drop'])
  const [make, drop] = [fields.get('make'), fields.get('drop')]
  const handle = make && fieldsOf(make, ['tool', 'arguments', 'handle']).get('handle')
  if (make && !handle) refuse(make, 'must hold "handle": the field of the answer that holds the handle.')
  return {
    ...(make && handle && { make: { ...callOf(make, ['handle']), handle: textOf(handle) } }),
    put: callOf(fields.get('put') ?? refuse(field, 'must hold "put".')),
    get: callOf(fields.get('get') ?? refuse(field, 'must hold "get".')),
    ...(drop && { drop: callOf(drop) }),
  }
}

function flowOf(field: Field): NonNullable<ProbeConfig['flow']> {
  const extra = ['respond', 'effect', 'sibling', 'amountArgument']
  const fields = fieldsOf(field, ['tool', 'arguments', ...extra])
  const respond = fields.get('respond')
  const [effect, sibling, amount] = ['effect', 'sibling', 'amountArgument'].map((name) => fields.get(name))
  return {
    ...callOf(field, extra),
    respond: respond ? Object.fromEntries([...entriesOf(respond)].map(([name, item]) => [name, item.value])) : {},
    ...(effect && { effect: callOf(effect) }),
    ...(sibling && { sibling: textOf(sibling) }),
    ...(amount && { amountArgument: textOf(amount) }),
  }
}

function raceOf(field: Field): NonNullable<ProbeConfig['race']> {
  const limit = fieldsOf(field, ['tool', 'arguments', 'limit']).get('limit')
  return { ...callOf(field, ['limit']), limit: limit ? numberOf(limit, 0, 1_000) : 1 }
}

function resourceOf(field: Field): NonNullable<ProbeConfig['resource']> {
  const fields = fieldsOf(field, ['uri', 'trigger'])
  return {
    uri: textOf(fields.get('uri') ?? refuse(field, 'must hold "uri".')),
    trigger: callOf(fields.get('trigger') ?? refuse(field, 'must hold "trigger".')),
  }
}

function mismatchOf(field: Field): NonNullable<ProbeConfig['mismatch']> {
  const fields = fieldsOf(field, ['shown', 'real', 'get'])
  const call = (name: string) => callOf(fields.get(name) ?? refuse(field, `must hold "${name}".`))
  return { shown: call('shown'), real: call('real'), get: call('get') }
}

function budgetOf(field: Field): ProbeConfig['budget'] {
  const fields = fieldsOf(field, ['requests', 'seconds'])
  const [requests, seconds] = [fields.get('requests'), fields.get('seconds')]
  return {
    requests: requests ? numberOf(requests, 1, MOST_REQUESTS) : DEFAULT_BUDGET.requests,
    seconds: seconds ? numberOf(seconds, 1, MOST_SECONDS) : DEFAULT_BUDGET.seconds,
  }
}

function callOf(field: Field, beside: readonly string[] = []): ToolCall {
  const fields = fieldsOf(field, ['tool', 'arguments', ...beside])
  const args = fields.get('arguments')
  return {
    tool: textOf(fields.get('tool') ?? refuse(field, 'must hold "tool": the name of a tool.')),
    arguments: args ? Object.fromEntries([...entriesOf(args)].map(([name, item]) => [name, item.value])) : {},
  }
}

function numberOf(field: Field, least: number, most: number): number {
  const { value } = field
  if (typeof value !== 'number' || !Number.isFinite(value) || value < least || value > most)
    return refuse(field, `must be a number from ${least} to ${most}.`)
  return value
}
