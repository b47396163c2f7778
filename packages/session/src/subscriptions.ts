/**
 * Who hears of what: topics (resource URIs, task ids) that a principal asked for and may read, for as long as its
 * credential, its agent's context and its own rights last. Nothing here asks a client to be honest about what it may
 * hear.
 */
import type { StreamEnd } from './live.ts'
import type { Session } from './session.ts'
import type { Caller, Sessions } from './sessions.ts'
import type { MaybePromise } from './store/store.ts'

export interface SubscriptionOptions {
  readonly sessions: Sessions
  /** Whether the caller may read the topic now. Asked when it subscribes and again at every delivery. */
  readonly mayRead: (caller: Caller, topic: string) => MaybePromise<boolean>
  /** Topics of one stream. */
  readonly maxTopics?: number
}

/** The stream that a subscription writes to. */
export interface SubscriberStream {
  send(topic: string, message: unknown): void
  /** The stream must close: tell the client where the protocol has a word for it. */
  end(reason: StreamEnd): void
}

export interface Subscription {
  /** Those of the topics asked for that were granted. Name only these to the client. */
  readonly topics: readonly string[]
  /** The client went away. */
  close(): Promise<void>
}

interface Subscriber {
  readonly caller: Caller
  readonly stream: SubscriberStream
}

export function createSubscriptions(options: SubscriptionOptions): Subscriptions {
  return new Subscriptions(options)
}

export class Subscriptions {
  readonly #sessions: Sessions
  readonly #mayRead: SubscriptionOptions['mayRead']
  readonly #maxTopics: number
  readonly #byTopic = new Map<string, Set<Subscriber>>()

  constructor({ sessions, mayRead, maxTopics = 100 }: SubscriptionOptions) {
    this.#sessions = sessions
    this.#mayRead = mayRead
    this.#maxTopics = maxTopics
  }

  /**
   * Subscribes a stream. A record of its own stands behind it, so that it counts against the cap of its principal, ends
   * with its credential, and is cut by every revocation on every process.
   *
   * @throws CapReachedError, SessionEndedError, StoreUnavailableError, MisuseError
   */
  async open(
    caller: Caller,
    topics: readonly string[],
    stream: SubscriberStream,
    options: { readonly parent?: Session } = {},
  ): Promise<Subscription> {
    const granted = await this.#granted(caller, topics)
    const { session } = await this.#sessions.open(caller, { ...options, kind: 'state' })
    const subscriber = { caller, stream }
    for (const topic of granted) this.#add(topic, subscriber)
    const leave = (): void => {
      for (const topic of granted) this.#remove(topic, subscriber)
      this.#sessions.finish(session)
    }
    // As long as the stream is open its record is in use; should this process die, the record idles out.
    this.#sessions.begin(session)
    const unwatch = this.#sessions.watch(session, (reason) => {
      leave()
      stream.end(reason)
    })
    return {
      topics: granted,
      close: async () => {
        unwatch()
        leave()
        await this.#sessions.terminate(session)
      },
    }
  }

  /** Delivers to those who asked for the topic and may read it at this moment. How many that were. */
  async publish(topic: string, message: unknown): Promise<number> {
    let delivered = 0
    for (const subscriber of Array.from(this.#byTopic.get(topic) ?? [])) {
      if (!(await this.#mayHear(subscriber.caller, topic))) continue
      // It may have been cut while the question was out.
      if (!this.#byTopic.get(topic)?.has(subscriber)) continue
      try {
        subscriber.stream.send(topic, message)
        delivered += 1
      } catch {
        // A stream that broke is nothing to the others.
      }
    }
    return delivered
  }

  /** Where it cannot be found out, this one does not hear of it, and the others do. */
  async #mayHear(caller: Caller, topic: string): Promise<boolean> {
    try {
      return await this.#mayRead(caller, topic)
    } catch {
      return false
    }
  }

  async #granted(caller: Caller, topics: readonly string[]): Promise<readonly string[]> {
    const granted: string[] = []
    for (const topic of [...new Set(topics)].slice(0, this.#maxTopics))
      if (await this.#mayRead(caller, topic)) granted.push(topic)
    return granted
  }

  #add(topic: string, subscriber: Subscriber): void {
    this.#byTopic.set(topic, (this.#byTopic.get(topic) ?? new Set()).add(subscriber))
  }

  #remove(topic: string, subscriber: Subscriber): void {
    const subscribers = this.#byTopic.get(topic)
    subscribers?.delete(subscriber)
    if (subscribers?.size === 0) this.#byTopic.delete(topic)
  }
}
