/** What a server is, before it is attacked: where it answers, which revisions it speaks, who is let in, what tools it has. */
import type { Era, Exchange } from '../finding/finding.ts'
import { LegacyClient, type Opening, type Session } from './legacy.ts'
import { ModernClient } from './modern.ts'
import {
  isEventStream,
  isObject,
  isRefused,
  isServed,
  isSuccess,
  responseHeader,
  resultIn,
  statusOf,
} from './reading.ts'
import type { Redactor } from './redact.ts'
import { sameOrigin } from './target.ts'
import type { Actor, Wire } from './wire.ts'

export interface Tool {
  readonly name: string
  /** The server says so itself: it changes nothing. */
  readonly readOnly: boolean
  /** Names of the arguments that it cannot do without. */
  readonly required: readonly string[]
}

export interface Survey {
  readonly url: string
  /** Empty where nothing that was tried was answered as MCP. */
  readonly eras: readonly Era[]
  readonly transport: 'http' | 'sse'
  /** A request that Alice is answered whenever she asks: what is asked to see whether somebody is served. */
  readonly method: string
  /** The legacy side mints session IDs. */
  readonly sessions: boolean
  /** Nobody has to say who he is. */
  readonly anonymous: boolean
  readonly tools: readonly Tool[]
  /** No MCP, but a page that Alice may read and nobody else: what asks for a credential can be tried on it as well. */
  readonly page: boolean
  /** No MCP, but a stream of events that Alice may read and nobody else. */
  readonly feed?: true
  /** Why Alice was not let in, where she was not. */
  readonly refusal: string | undefined
  /** Why nobody can be played who is somebody else than Alice. Says nothing where Bob or Carol is among the actors. */
  readonly noOther: string
  /** Of an endpoint beside the target, with the same tools: what nobody in particular is told at the target itself. */
  readonly elsewhere?: readonly Exchange[]
}

export const NO_OTHER = 'No second principal (bob) is configured.'

export interface Surveyor {
  readonly nextId: () => number
  /** A wire to an address of the target's origin. */
  readonly wireTo: (url: URL) => Wire
  readonly redactor: Redactor
  readonly alice: Actor
  readonly nobody: Actor
  /** The transport that the user names. */
  readonly transport: 'http' | 'sse' | undefined
  /** The one era that the user names. */
  readonly era: Era | undefined
}

const USUAL_PATHS = ['/mcp', '/sse', '/api/mcp', '/message', '/mcp/sse']
const USUAL = 'tools/list'
/** Servers have some of these, or none. */
const LISTS = [USUAL, 'resources/list', 'prompts/list']
const MOST_REDIRECTS = 2
const MOST_TOOLS = 500

/** Looks at a target as a client would. What it opens it closes. Throws BudgetSpent. */
export async function survey(target: URL, surveyor: Surveyor): Promise<Survey> {
  const candidates = target.pathname === '/' ? [target, ...USUAL_PATHS.map((path) => new URL(path, target))] : [target]
  let first: Survey | undefined
  for (const candidate of candidates) {
    const found = await surveyAt(candidate, surveyor)
    if (found.eras.length > 0 || found.page || found.feed) return found
    // A refusal for want of a credential is an answer of the endpoint; a path that is not there is not.
    if (first === undefined || (isMissing(first) && !isMissing(found))) first = found
  }
  return first ?? surveyAt(target, surveyor)
}

/**
 * The other transport of the legacy era, where it is served beside a target that was found: many servers keep HTTP+SSE
 * for older clients. Undefined where there is none, or where the user names the one to probe. Throws BudgetSpent.
 */
export async function surveyBeside(found: Survey, surveyor: Surveyor): Promise<Survey | undefined> {
  if (found.eras.length === 0 || surveyor.transport !== undefined || surveyor.era === 'modern') return undefined
  const transport = found.transport === 'http' ? 'sse' : 'http'
  const others = await Promise.all(
    placesBeside(new URL(found.url), transport === 'sse' ? 'sse' : 'mcp').map((url) =>
      surveyAt(url, { ...surveyor, transport, era: 'legacy' }),
    ),
  )
  return others.find(({ eras }) => eras.length > 0)
}

/** `/sse`, and beside or below the target; with its query, which may hold what names the caller. */
function placesBeside(target: URL, name: 'sse' | 'mcp'): readonly URL[] {
  const { pathname, search } = target
  const paths = [`/${name}`, pathname.replace(/[^/]*$/, name), `${pathname.replace(/\/$/, '')}/${name}`]
  return [...new Set(paths)].filter((path) => path !== pathname).map((path) => new URL(`${path}${search}`, target))
}

function isMissing({ refusal }: Survey): boolean {
  return refusal === undefined || / 404\b| 405\b/.test(refusal)
}

async function surveyAt(target: URL, surveyor: Surveyor, redirects = 0): Promise<Survey> {
  const wire = surveyor.wireTo(target)
  try {
    const [modern, looked] = await Promise.all([
      surveyor.era === 'legacy' ? NO_MODERN : lookModern(wire, surveyor),
      lookLegacy(wire, surveyor),
    ])
    const legacy = surveyor.era === 'modern' ? { ...looked, era: false } : looked
    const moved = redirectOf(legacy.exchange, target)
    if (moved instanceof URL && redirects < MOST_REDIRECTS) return await surveyAt(moved, surveyor, redirects + 1)
    const page = legacy.era || modern.era ? undefined : await pageAt(wire, surveyor)
    const eras: Era[] = [...(legacy.era ? (['legacy'] as const) : []), ...(modern.era ? (['modern'] as const) : [])]
    return {
      url: target.href,
      eras,
      transport: legacy.transport,
      method: legacy.era ? legacy.method : modern.method,
      sessions: legacy.era && legacy.sessions,
      anonymous: legacy.era ? legacy.anonymous : modern.anonymous,
      tools: legacy.tools.length > 0 ? legacy.tools : modern.tools,
      page: page !== undefined && !isEventStream(page),
      ...(page !== undefined && isEventStream(page) && { feed: true as const }),
      refusal: eras.length > 0 ? undefined : (moved ?? refusalOf(legacy.exchange)).toString(),
      noOther: NO_OTHER,
    }
  } finally {
    wire.close()
  }
}

/** What Alice may read there, and nobody else. */
async function pageAt(wire: Wire, { alice, nobody }: Surveyor): Promise<Exchange | undefined> {
  if (alice.headers.length === 0) return undefined
  const own = await wire.send(alice, { method: 'GET' })
  return isSuccess(own) && isRefused(await wire.send(nobody, { method: 'GET' })) ? own : undefined
}

interface Side {
  readonly era: boolean
  readonly method: string
  readonly anonymous: boolean
  readonly tools: readonly Tool[]
}

const NO_MODERN: Side = { era: false, method: USUAL, anonymous: false, tools: [] }

async function lookModern(wire: Wire, { alice, nobody, era, nextId }: Surveyor): Promise<Side> {
  const client = new ModernClient(wire, nextId)
  const discovered = await client.ask(alice, 'server/discover')
  const result = resultIn(discovered)
  const says = isObject(result) && ('capabilities' in result || 'supportedVersions' in result)
  // What the user says of it holds for a server that answers Alice at all.
  if (!says && !(era === 'modern' && isSuccess(discovered))) return NO_MODERN
  const { method, exchange } = await firstServed((one) => client.ask(alice, one), [...LISTS, 'server/discover'])
  const anonymous = alice.headers.length === 0 || isServed(await client.ask(nobody, method))
  return { era: true, method, anonymous, tools: toolsIn(exchange) }
}

interface LegacySide extends Side {
  readonly transport: 'http' | 'sse'
  readonly sessions: boolean
  readonly exchange: Exchange
}

async function lookLegacy(wire: Wire, surveyor: Surveyor): Promise<LegacySide> {
  const { transport } = surveyor
  if (transport !== undefined) return lookLegacyBy(transport, wire, surveyor)
  const streamable = await lookLegacyBy('http', wire, surveyor)
  if (streamable.era || !mayBeSse(streamable.exchange)) return streamable
  const sse = await lookLegacyBy('sse', wire, surveyor)
  return sse.era ? sse : streamable
}

/** An endpoint of HTTP+SSE takes no POST. */
function mayBeSse(exchange: Exchange): boolean {
  const status = statusOf(exchange)
  return status === undefined || status === 404 || status === 405 || status === 400
}

async function lookLegacyBy(transport: 'http' | 'sse', wire: Wire, surveyor: Surveyor): Promise<LegacySide> {
  const { alice, nobody, redactor, nextId } = surveyor
  const client = new LegacyClient(wire, redactor, transport, nextId)
  const { exchange, session } = await client.open(alice)
  const none = { transport, exchange, method: USUAL, sessions: false, anonymous: false, tools: [] }
  if (session === undefined) return { ...none, era: false }
  const ask = (one: string) => client.request(alice, session, one)
  const { method, exchange: listed } = await firstServed(ask, [...LISTS, 'ping'])
  await close(client, alice, session)
  const anonymous = alice.headers.length === 0 || (await isOpenTo(client, nobody, method))
  return { ...none, era: true, method, sessions: session.id !== undefined, anonymous, tools: toolsIn(listed) }
}

/** The first of some methods that is served, the first of all where none is. */
async function firstServed(
  ask: (method: string) => Promise<Exchange>,
  methods: readonly string[],
): Promise<{ readonly method: string; readonly exchange: Exchange }> {
  let first: Exchange | undefined
  for (const method of methods) {
    const exchange = await ask(method)
    if (isServed(exchange)) return { method, exchange }
    first ??= exchange
  }
  return { method: USUAL, exchange: first ?? (await ask(USUAL)) }
}

/** Whether somebody without a credential can open a session and use it. */
async function isOpenTo(client: LegacyClient, nobody: Actor, method: string): Promise<boolean> {
  const { session }: Opening = await client.open(nobody)
  if (session === undefined) return false
  const served = isServed(await client.request(nobody, session, method))
  await close(client, nobody, session)
  return served
}

async function close(client: LegacyClient, actor: Actor, session: Session): Promise<void> {
  if (session.transport === 'http' && session.id !== undefined) await client.end(actor, session, { closing: true })
  session.stream?.close()
}

/** Of an answer to another question: none. */
function toolsIn(exchange: Exchange): readonly Tool[] {
  const result = resultIn(exchange)
  const listed: unknown = isObject(result) ? result['tools'] : []
  return (Array.isArray(listed) ? listed : []).slice(0, MOST_TOOLS).flatMap(toolOf)
}

function toolOf(value: unknown): readonly Tool[] {
  if (!isObject(value) || typeof value['name'] !== 'string') return []
  const { name, annotations, inputSchema } = value
  const required = isObject(inputSchema) && Array.isArray(inputSchema['required']) ? inputSchema['required'] : []
  return [
    {
      name,
      readOnly:
        isObject(annotations) && annotations['readOnlyHint'] === true && annotations['destructiveHint'] !== true,
      required: required.filter((one) => typeof one === 'string'),
    },
  ]
}

/** Where a redirect leads: an address of the same origin, or a sentence that it is not followed. */
function redirectOf(exchange: Exchange, target: URL): URL | string | undefined {
  const status = statusOf(exchange) ?? 0
  const location = responseHeader(exchange, 'location')
  if (status < 300 || status >= 400 || location === undefined) return undefined
  const moved = sameOrigin(location, target)
  if (moved === undefined) return 'The server redirects to another origin, which is not followed.'
  return moved.href === target.href ? undefined : moved
}

function refusalOf(exchange: Exchange): string {
  const status = statusOf(exchange)
  if (status === undefined) return `The server did not answer: ${exchange.failure ?? 'no answer'}.`
  return `The server answered ${exchange.actor}'s first request with ${status}${exchange.failure ? ` (${exchange.failure})` : ''}.`
}
