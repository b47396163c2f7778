/** A web login that the configuration describes: what it hands out, and how that is presented. */
import type { Exchange, HeaderField } from '../finding/finding.ts'
import type { LoginFlow, LoginStep } from './config.ts'
import { isHeaderName } from './connection.ts'
import { cookiesOf } from './legacy.ts'
import { isObject } from './reading.ts'
import type { Stage } from './stage.ts'
import type { Actor } from './wire.ts'

/** What a response hands out that could name a session: cookies, header fields, fields of a JSON body. */
export interface Handles {
  /** `name=value` */
  readonly cookies: readonly string[]
  readonly fields: readonly HeaderField[]
}

const SHORTEST_HANDLE = 16
const HANDLE_HEADER = /session|token|^x-.*(?:id|key)$/i
const HANDLE_FIELD = /session|token|handle|^id$|^sid$/i

export const noHandles: Handles = { cookies: [], fields: [] }

/** What an exchange hands out. A short value, or one that is being removed, is no handle. */
export function handlesIn(exchange: Exchange): Handles {
  const cookies = cookiesOf(exchange).filter((cookie) => valueOf(cookie).length >= SHORTEST_HANDLE)
  const inHeaders = (exchange.response?.headers ?? []).filter(
    ([name, value]) => name.toLowerCase() !== 'set-cookie' && HANDLE_HEADER.test(name) && isHandle(value),
  )
  return { cookies, fields: [...inHeaders, ...fieldsIn(exchange.response?.body ?? '')] }
}

/** Both, where `later` wins by name. */
export function mergedHandles(earlier: Handles, later: Handles): Handles {
  const names = new Set(later.cookies.map(nameOf))
  const fields = new Set(later.fields.map(([name]) => name.toLowerCase()))
  return {
    cookies: [...earlier.cookies.filter((cookie) => !names.has(nameOf(cookie))), ...later.cookies],
    fields: [...earlier.fields.filter(([name]) => !fields.has(name.toLowerCase())), ...later.fields],
  }
}

export function hasHandles({ cookies, fields }: Handles): boolean {
  return cookies.length > 0 || fields.length > 0
}

/** Headers that present handles in every usual way: cookies, headers of their own, a bearer token. */
export function headersFor({ cookies, fields }: Handles): readonly HeaderField[] {
  const [first] = fields
  const named = fields.map(([name, value]): HeaderField => [headerNameFor(name), value])
  return [
    ...(cookies.length > 0 ? ([['cookie', cookies.join('; ')]] as const) : []),
    ...named.filter(([name]) => isHeaderName(name)),
    ...(first
      ? ([
          ['mcp-session-id', first[1]],
          ['x-session-id', first[1]],
          ['authorization', `Bearer ${first[1]}`],
        ] as const)
      : []),
  ]
}

/** One step of the login, with handles presented; `$HANDLE` in it stands for the first of them. */
export function sendStep(actor: Actor, step: LoginStep, handles: Handles, stage: Stage): Promise<Exchange> {
  const [first] = [...handles.fields.map(([, value]) => value), ...handles.cookies.map(valueOf)]
  const fill = (text: string): string => (first === undefined ? text : text.replaceAll('$HANDLE', first))
  const own = step.headers.map(([name, value]): HeaderField => [name, fill(value)])
  const named = new Set(own.map(([name]) => name))
  const presented = headersFor(handles).filter(([name]) => !named.has(name))
  return stage.send(
    { ...actor, headers: [] },
    {
      method: step.method,
      path: fill(step.path),
      headers: [...unique(presented), ...own],
      ...(step.body !== undefined && { body: withFields(fill(step.body), handles.fields) }),
    },
  )
}

export interface LoggedIn {
  /** Presents what the login handed out, beside what the actor presented before. */
  readonly actor: Actor
  readonly handles: Handles
  /** The answer to the login itself. */
  readonly answer: Exchange
}

/** Goes through a login, as a client does. Where it hands out nothing the actor stays as before. */
export async function logIn(actor: Actor, { init, auth }: LoginFlow, stage: Stage): Promise<LoggedIn> {
  const first = init ? handlesIn(await sendStep(actor, init, noHandles, stage)) : noHandles
  const answer = await sendStep(actor, auth, first, stage)
  const handles = mergedHandles(first, handlesIn(answer))
  keepHandles(handles, stage)
  const headers = headersFor(handles).filter(([name]) => name !== 'mcp-session-id')
  const own = new Set(actor.headers.map(([name]) => name))
  const presented = headers.filter(([name]) => !own.has(name))
  return { actor: { ...actor, headers: [...actor.headers, ...unique(presented)] }, handles, answer }
}

export function keepHandles({ cookies, fields }: Handles, stage: Stage): void {
  for (const cookie of cookies) stage.keep('cookie', valueOf(cookie))
  for (const [, value] of fields) stage.keep('handle', value)
}

/** A JSON body takes fields of the first answer along, as the client of such a login would. */
function withFields(body: string, fields: readonly HeaderField[]): string {
  if (fields.length === 0) return body
  try {
    const value = JSON.parse(body) as unknown
    return isObject(value) ? JSON.stringify({ ...Object.fromEntries(fields), ...value }) : body
  } catch {
    return body
  }
}

function fieldsIn(body: string): readonly HeaderField[] {
  try {
    const value = JSON.parse(body) as unknown
    if (!isObject(value)) return []
    return Object.entries(value).flatMap(([name, item]): readonly HeaderField[] =>
      typeof item === 'string' && HANDLE_FIELD.test(name) && isHandle(item) ? [[name, item]] : [],
    )
  } catch {
    return []
  }
}

function isHandle(value: string): boolean {
  return value.length >= SHORTEST_HANDLE && /^[\x21-\x7e]+$/.test(value)
}

function headerNameFor(field: string): string {
  return field
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()
}

function unique(fields: readonly HeaderField[]): readonly HeaderField[] {
  return fields.filter(([name], at) => fields.findIndex(([own]) => own === name) === at)
}

function nameOf(cookie: string): string {
  return cookie.slice(0, cookie.indexOf('='))
}

export function valueOf(cookie: string): string {
  return cookie.slice(cookie.indexOf('=') + 1)
}
