/**
 * A client that begins anew when its session is over, which the clients of neither MCP SDK do by themselves. It repeats
 * a call only where that cannot do the same thing twice.
 */
import { MisuseError, SessionError } from '../errors.ts'
import { sessionNotFound } from './mcp/messages.ts'

/** A client of either SDK, as far as it is needed here. */
export interface SdkClient {
  readonly transport?: { readonly sessionId?: string | undefined } | undefined
  listTools(page?: { cursor?: string }): Promise<{
    readonly tools: readonly { readonly name: string; readonly annotations?: ToolHints | undefined }[]
    readonly nextCursor?: string | undefined
  }>
  // oxlint-disable-next-line typescript/no-explicit-any -- the SDKs differ in what it takes, and it is handed on as it is
  callTool(...call: any[]): Promise<unknown>
  close(): Promise<void>
}

interface ToolHints {
  readonly readOnlyHint?: boolean | undefined
  readonly idempotentHint?: boolean | undefined
}

export interface ReopeningClientOptions<Client extends SdkClient> {
  /** Makes a client on a transport of its own and connects it. Called for each session; set up its handlers here. */
  readonly connect: () => Promise<Client>
  /** Told of each session after the first, so that what was lost with the one before can be put back. */
  readonly onReopened?: (client: Client) => void | Promise<void>
  /** Sessions that may be opened within a minute. A server that ends every one is not to be hammered. */
  readonly maxPerMinute?: number
}

export interface ReopeningClient<Client extends SdkClient> {
  /** The client of the session that there is, opened if there is none. */
  client(): Promise<Client>
  /**
   * Calls a tool. Where the session was over before the tool ran (404), it is called again in a new one. Where it ended
   * while the tool may have run, only if the tool says of itself that it reads only or is idempotent.
   *
   * @throws SessionLostError where it was not repeated, what `connect` throws, and what the call throws
   */
  callTool(...call: Parameters<Client['callTool']>): ReturnType<Client['callTool']>
  /**
   * Does anything else with the client, such as listing or reading.
   *
   * @param repeatable whether it may be done again where it may have been done: it reads only, or twice is once
   * @throws as `callTool`
   */
  run<Result>(work: (client: Client) => Promise<Result>, options?: { readonly repeatable?: boolean }): Promise<Result>
  /** Lets the session go, without ending it on the server: that is `transport.terminateSession()`. */
  close(): Promise<void>
}

/** The session ended and the call was not repeated. There may be a new session already, without what the old one knew. */
export class SessionLostError extends SessionError {
  readonly code = 'session-lost'
  readonly status = 404
  /** `no`: the server refused the call. `unknown`: it may have run. */
  readonly ran: 'no' | 'unknown'

  constructor(ran: 'no' | 'unknown', cause: unknown) {
    super(ran === 'no' ? 'the session ended before the call' : 'the session ended during the call, which may have run')
    this.cause = cause
    this.ran = ran
  }
}

type Outcome<Result> =
  | { readonly lost: false; readonly result: Result }
  | { readonly lost: true; readonly ran: 'no' | 'unknown'; readonly why: unknown }

const minuteMs = 60_000
const maxPages = 20

/** Makes the client; nothing is connected before the first call. @throws MisuseError where it may open no session */
export function createReopeningClient<Client extends SdkClient>(
  options: ReopeningClientOptions<Client>,
): ReopeningClient<Client> {
  if (!((options.maxPerMinute ?? 5) >= 1)) throw new MisuseError('a client must be allowed at least one session')
  return new Reopening(options)
}

class Reopening<Client extends SdkClient> implements ReopeningClient<Client> {
  readonly #options: ReopeningClientOptions<Client>
  /** When sessions were opened, within the last minute. */
  #opened: readonly number[] = []
  #current: Promise<Client> | undefined
  /** How many calls each client has. */
  readonly #calls = new Map<Client, number>()
  readonly #over = new WeakSet<Client>()
  #isFirst = true

  constructor(options: ReopeningClientOptions<Client>) {
    this.#options = options
  }

  client(): Promise<Client> {
    if (this.#current) return this.#current
    const opening = this.#open()
    this.#current = opening
    opening.catch(() => {
      // The next call tries again.
      if (this.#current === opening) this.#current = undefined
    })
    return opening
  }

  callTool(...call: Parameters<Client['callTool']>): ReturnType<Client['callTool']> {
    const { name } = call[0] as { readonly name: string }
    const work = (client: Client): Promise<unknown> => client.callTool(...call)
    return this.#attempt(work, () => this.#mayRepeat(name)) as ReturnType<Client['callTool']>
  }

  run<Result>(
    work: (client: Client) => Promise<Result>,
    { repeatable = false }: { readonly repeatable?: boolean } = {},
  ): Promise<Result> {
    return this.#attempt(work, async () => repeatable)
  }

  async close(): Promise<void> {
    const current = this.#current
    this.#current = undefined
    await current?.then(
      (client) => client.close(),
      () => undefined,
    )
  }

  /** Once, and once more in a new session where that does no harm. */
  async #attempt<Result>(
    work: (client: Client) => Promise<Result>,
    mayRepeat: () => Promise<boolean>,
  ): Promise<Result> {
    const first = await this.#try(work)
    if (!first.lost) return first.result
    if (first.ran === 'unknown' && !(await mayRepeat())) throw new SessionLostError(first.ran, first.why)
    const second = await this.#try(work)
    if (!second.lost) return second.result
    throw new SessionLostError(second.ran, second.why)
  }

  async #try<Result>(work: (client: Client) => Promise<Result>): Promise<Outcome<Result>> {
    const client = await this.client()
    this.#calls.set(client, (this.#calls.get(client) ?? 0) + 1)
    try {
      return { lost: false, result: await work(client) }
    } catch (why) {
      const ran = whatRan(client, why)
      if (ran === undefined) throw why
      this.#leave(client)
      return { lost: true, ran, why }
    } finally {
      this.#done(client)
    }
  }

  /** Of many calls that find the session over, the first lets it go. */
  #leave(client: Client): void {
    if (this.#over.has(client)) return
    this.#over.add(client)
    this.#current = undefined
  }

  /** A client that was let go is closed when its last call has heard for itself what became of it. */
  #done(client: Client): void {
    const left = (this.#calls.get(client) ?? 1) - 1
    if (left > 0) return void this.#calls.set(client, left)
    this.#calls.delete(client)
    if (this.#over.has(client)) client.close().catch(() => undefined)
    return undefined
  }

  async #open(): Promise<Client> {
    const now = performance.now()
    this.#opened = this.#opened.filter((at) => now - at < minuteMs)
    if (this.#opened.length >= (this.#options.maxPerMinute ?? 5))
      throw new SessionLostError('no', new Error('too many sessions were opened within a minute'))
    this.#opened = [...this.#opened, now]
    const client = await this.#options.connect()
    if (!this.#isFirst) await this.#options.onReopened?.(client)
    this.#isFirst = false
    return client
  }

  async #mayRepeat(tool: string): Promise<boolean> {
    try {
      const client = await this.client()
      let page: { cursor?: string } | undefined
      for (let pages = 0; pages < maxPages; pages += 1) {
        const { tools, nextCursor } = await client.listTools(page)
        const found = tools.find(({ name }) => name === tool)
        if (found) return found.annotations?.readOnlyHint === true || found.annotations?.idempotentHint === true
        if (nextCursor === undefined) return false
        page = { cursor: nextCursor }
      }
      return false
    } catch {
      // A tool of which nothing is known is not called twice.
      return false
    }
  }
}

/** Whether a failure means that the session is over, and then whether the server can have done anything. */
function whatRan(client: SdkClient, failure: unknown): 'no' | 'unknown' | undefined {
  // Without a session, 404 has another meaning: an address, or in 2026-07-28 a method, that does not exist.
  if (client.transport?.sessionId === undefined) return undefined
  if (typeof failure !== 'object' || failure === null) return undefined
  const { code, status, message } = failure as { code?: unknown; status?: unknown; message?: unknown }
  // SDK v1 has one name for the status of HTTP and for the code of a JSON-RPC error, which comes with data and may be any.
  if (status === 404 || (code === 404 && !('data' in failure))) return 'no'
  if (code === sessionNotFound.code && String(message).includes(sessionNotFound.message)) return 'unknown'
  return undefined
}
