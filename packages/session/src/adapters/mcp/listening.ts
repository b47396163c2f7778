/**
 * `subscriptions/listen` of 2026-07-28. The SDK serves the stream and knows nothing of who may hear what; here the
 * request is cut down to what its caller may read before the SDK sees it, and each stream hears of changes through a bus
 * of its own, for as long as its caller's rights last.
 */
import { CapReachedError } from '../../errors.ts'
import { principalKey } from '../../principal.ts'
import type { Caller, Sessions } from '../../sessions.ts'
import { createSubscriptions, type Subscription, type Subscriptions } from '../../subscriptions.ts'
import type { AuthInfo } from './context.ts'
import { isCall, type Call } from './messages.ts'
import type { MayRead } from './router.ts'
import { untilEnd, withBody } from './streams.ts'

/** A change as SDK v2 has it. */
export type Change =
  | { readonly kind: 'tools_list_changed' }
  | { readonly kind: 'prompts_list_changed' }
  | { readonly kind: 'resources_list_changed' }
  | { readonly kind: 'resource_updated'; readonly uri: string }

export interface Bus {
  publish(change: Change): void
  subscribe(listener: (change: Change) => void): () => void
}

/** What serves one stream: the SDK's handler. */
export interface StreamHandler {
  fetch(request: Request, options: { authInfo: AuthInfo; parsedBody: unknown }): Promise<Response>
  close(): Promise<void>
}

export interface ListeningOptions {
  readonly sessions: Sessions
  readonly bus: Bus
  readonly mayRead: MayRead
  readonly maxPerPrincipal: number
  readonly open: (own: OneStreamBus) => StreamHandler
}

/** What a client may ask to hear of. */
interface Filter {
  readonly toolsListChanged?: boolean
  readonly promptsListChanged?: boolean
  readonly resourcesListChanged?: boolean
  readonly resourceSubscriptions?: readonly string[]
}

const listTopics = [
  ['toolsListChanged', 'tools_list_changed'],
  ['promptsListChanged', 'prompts_list_changed'],
  ['resourcesListChanged', 'resources_list_changed'],
] as const

export class Listening {
  readonly #options: ListeningOptions
  readonly #subscriptions: Subscriptions
  readonly #stopHearing: () => void
  readonly #handlers = new Set<StreamHandler>()
  readonly #counts = new Map<string, number>()

  constructor(options: ListeningOptions) {
    this.#options = options
    this.#subscriptions = createSubscriptions({
      sessions: options.sessions,
      mayRead: (caller, topic) => this.#mayHear(caller, topic),
    })
    this.#stopHearing = options.bus.subscribe((change) => void this.#publish(change))
  }

  isListen(body: unknown): body is Call {
    return isCall(body) && body.method === 'subscriptions/listen'
  }

  /** @throws CapReachedError where the principal listens as often as it may, and what the session layer throws */
  async serve(request: Request, caller: Caller, call: Call, authInfo: AuthInfo): Promise<Response> {
    const leave = this.#enter(caller)
    const bus = new OneStreamBus()
    const handler = this.#options.open(bus)
    this.#handlers.add(handler)
    let subscription: Subscription | undefined
    const over = (): void => {
      leave()
      this.#handlers.delete(handler)
      subscription?.close().catch(() => undefined)
    }
    try {
      subscription = await this.#subscriptions.open(caller, topicsOf(call), {
        send: (_, change) => bus.publish(change as Change),
        // The SDK says goodbye to the client before it closes the stream.
        end: () => void handler.close(),
      })
      const response = await handler.fetch(request, { authInfo, parsedBody: cutDown(call, subscription.topics) })
      const streams = response.headers.get('content-type')?.startsWith('text/event-stream')
      if (streams && response.body) return withBody(response, untilEnd(response.body, over))
      over()
      return response
    } catch (error) {
      over()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#stopHearing()
    await Promise.all(Array.from(this.#handlers, (handler) => handler.close()))
  }

  /** One caller must not take all the streams that there are. */
  #enter(caller: Caller): () => void {
    const key = 'principal' in caller ? principalKey(caller.principal) : ''
    const count = this.#counts.get(key) ?? 0
    // Those without a principal are bounded all together, by the cap of the session layer.
    if (key !== '' && count >= this.#options.maxPerPrincipal) throw new CapReachedError('principal')
    this.#counts.set(key, count + 1)
    return () => {
      const left = (this.#counts.get(key) ?? 1) - 1
      if (left > 0) this.#counts.set(key, left)
      else this.#counts.delete(key)
    }
  }

  /** Where it cannot be found out whether somebody may read it, they do not hear of it, and the others do. */
  async #mayHear(caller: Caller, topic: string): Promise<boolean> {
    const uri = uriOf(topic)
    try {
      return uri === undefined || (await this.#options.mayRead(caller, uri))
    } catch {
      return false
    }
  }

  #publish(change: Change): Promise<number> {
    const topic = change.kind === 'resource_updated' ? topicOfUri(change.uri) : change.kind
    return this.#subscriptions.publish(topic, change)
  }
}

/** The bus of one stream. */
export class OneStreamBus implements Bus {
  readonly #listeners = new Set<(change: Change) => void>()

  publish(change: Change): void {
    for (const listener of this.#listeners) listener(change)
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

const resourcePrefix = 'resource '

function topicOfUri(uri: string): string {
  return `${resourcePrefix}${uri}`
}

function uriOf(topic: string): string | undefined {
  return topic.startsWith(resourcePrefix) ? topic.slice(resourcePrefix.length) : undefined
}

function filterOf(call: Call): Filter {
  return (call.params?.['notifications'] ?? {}) as Filter
}

function topicsOf(call: Call): readonly string[] {
  const filter = filterOf(call)
  const { resourceSubscriptions: uris } = filter
  const resources = Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string').map(topicOfUri) : []
  return [...listTopics.filter(([wish]) => filter[wish] === true).map(([, topic]) => topic), ...resources]
}

/** The same request for the resources that were granted. What is no list of them is left for the SDK to refuse. */
function cutDown(call: Call, granted: readonly string[]): Call {
  const filter = filterOf(call)
  if (!Array.isArray(filter.resourceSubscriptions)) return call
  const resourceSubscriptions = granted.flatMap((topic) => uriOf(topic) ?? [])
  return { ...call, params: { ...call.params, notifications: { ...filter, resourceSubscriptions } } }
}
