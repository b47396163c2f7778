/** What a scenario plays on: the actors, the clients of both eras, and what was learnt of the server. Closes what it opened. */
import type { Exchange } from '../finding/finding.ts'
import type { ProbeConfig, ToolCall } from './config.ts'
import { type Changes, LegacyClient, type Opening, type Session } from './legacy.ts'
import { type ModernChanges, ModernClient } from './modern.ts'
import type { Redactor, SecretKind } from './redact.ts'
import type { Stream } from './stream.ts'
import type { Survey, Tool } from './survey.ts'
import type { Turns } from './turns.ts'
import type { Actor, Outgoing, SendOptions, Wire } from './wire.ts'

/** Who can be played. Those that the user gives no credential for are absent. */
export interface Actors {
  /** Owns the sessions. Without a credential of her own she is anonymous. */
  readonly alice: Actor
  /** Another user of Alice's OAuth client. */
  readonly bob?: Actor
  /** A user of another client. */
  readonly carol?: Actor
  /** Another client, which presents what Alice presents: the server tells the two apart by their sessions alone. */
  readonly sharing?: Actor
  /** Presents nothing. */
  readonly nobody: Actor
  readonly expired?: Actor
  readonly wrongAudience?: Actor
  readonly shortLived?: Actor
}

export interface StageOptions {
  readonly wire: Wire
  readonly actors: Actors
  readonly config: ProbeConfig
  readonly survey: Survey
  readonly redactor: Redactor
  readonly signal: AbortSignal
  /** What else is played meanwhile; the scenario itself has a turn. */
  readonly turns: Turns
  /** How many sessions Alice can have beside each other at the least. */
  readonly room: number
  /** One for all scenarios: whoever writes where another could write meanwhile, and reads it again. */
  readonly writing: Turns
  /** JSON-RPC ids, which nobody else uses: no answer is taken for another's. */
  readonly nextId: () => number
  readonly now: () => number
  /** Unpredictable text of so many bytes, in hex. */
  readonly random: (bytes: number) => string
}

/** What stands for `$CANARY` and `$HANDLE` in the arguments of a call. */
export interface Values {
  readonly canary?: string
  readonly handle?: string
}

export class Stage {
  readonly actors: Actors
  readonly config: ProbeConfig
  readonly survey: Survey
  private readonly options: StageOptions
  private readonly legacy: LegacyClient
  private readonly modern: ModernClient
  private opened: readonly { readonly actor: Actor; readonly session: Session }[] = []
  private refused = false

  constructor(options: StageOptions) {
    this.options = options
    this.actors = options.actors
    this.config = options.config
    this.survey = options.survey
    this.legacy = new LegacyClient(options.wire, options.redactor, options.survey.transport, options.nextId)
    this.modern = new ModernClient(options.wire, options.nextId)
  }

  /** How many sessions Alice can have beside each other at the least. */
  get room(): number {
    return this.options.room
  }

  get target(): URL {
    return this.options.wire.target
  }

  /** Opens a legacy session; it is ended when the scenario is over. */
  async open(actor: Actor, changes: Changes = {}): Promise<Opening> {
    const opening = await this.legacy.open(actor, changes)
    if (opening.session !== undefined) this.opened = [...this.opened, { actor, session: opening.session }]
    else if (actor === this.actors.alice && Object.keys(changes).length === 0) this.refused = true
    return opening
  }

  /** Something was not answered, or Alice not let in: what else was going on may have been the reason. */
  get troubled(): boolean {
    return this.refused || this.options.wire.troubled
  }

  /** Plays something while no other scenario does that writes what the configuration names: one note may be all that Alice has. */
  writing<T>(task: () => Promise<T>): Promise<T> {
    return this.options.writing.of(task)
  }

  /** Tasks that need nothing of each other, side by side as far as there is room. Throws what one of them threw, when all have ended. */
  async together<T>(tasks: readonly (() => Promise<T>)[]): Promise<readonly T[]> {
    const { turns } = this.options
    turns.give()
    const ended = await Promise.allSettled(tasks.map((task) => turns.of(task)))
    await turns.take()
    return ended.map((one) => {
      if (one.status === 'rejected') throw one.reason
      return one.value
    })
  }

  /** One request within a legacy session, by whomever. */
  request(
    actor: Actor,
    session: Session,
    method: string,
    params: object = {},
    changes: Changes = {},
  ): Promise<Exchange> {
    return this.legacy.request(actor, session, method, params, changes)
  }

  /** A notification within a legacy session. */
  notify(actor: Actor, session: Session, method: string, changes: Changes = {}): Promise<Exchange> {
    return this.legacy.notify(actor, session, method, changes)
  }

  /**
   * What the server makes of somebody, in each era that it speaks: the answer to `tools/list`, or the refusal that came
   * before it; of a page, the page. Closes what it opens.
   */
  async knock(actor: Actor, changes: Pick<Changes, 'headers' | 'path'> = {}): Promise<readonly Exchange[]> {
    const { eras } = this.survey
    const answers: Exchange[] = []
    if (eras.includes('legacy')) {
      const { exchange, session } = await this.open(actor, changes)
      answers.push(
        session === undefined
          ? exchange
          : await this.request(actor, session, this.survey.method, {}, inSession(changes)),
      )
      if (session !== undefined) await this.close(session)
    }
    if (eras.includes('modern')) answers.push(await this.ask(actor, this.survey.method, {}, changes))
    if (this.survey.page) answers.push(await this.send(actor, { method: 'GET', ...changes }))
    return answers
  }

  /** The event stream of a legacy session. */
  stream(actor: Actor, session: Session, changes: Pick<Changes, 'headers'> = {}): Promise<Stream> {
    return this.legacy.stream(actor, session, changes)
  }

  /** DELETE of a legacy session. */
  end(actor: Actor, session: Session, changes: Changes = {}): Promise<Exchange> {
    return this.legacy.end(actor, session, changes)
  }

  /** One request of 2026-07-28. */
  ask(
    actor: Actor,
    method: string,
    params: Record<string, unknown> = {},
    changes: ModernChanges = {},
  ): Promise<Exchange> {
    return this.modern.ask(actor, method, params, changes)
  }

  /** A request of 2026-07-28 whose answer stays open. */
  listen(
    actor: Actor,
    method: string,
    params: Record<string, unknown> = {},
    changes: ModernChanges = {},
  ): Promise<Stream> {
    return this.modern.listen(actor, method, params, changes)
  }

  /**
   * Calls a tool: in the legacy session that is given, else by 2026-07-28. Throws RangeError for a tool that is neither
   * read-only by its own word nor named in the configuration.
   */
  call(
    actor: Actor,
    session: Session | undefined,
    { tool, arguments: args }: ToolCall,
    values: Values = {},
    options: SendOptions = {},
  ): Promise<Exchange> {
    if (!this.mayCall(tool)) throw new RangeError(`The tool ${JSON.stringify(tool)} must not be called.`)
    const params = { name: tool, arguments: filled(args, values) as object }
    return session === undefined
      ? this.ask(actor, 'tools/call', params, options)
      : this.request(actor, session, 'tools/call', params, options)
  }

  /** Tools that change nothing and need no arguments. */
  get readOnlyTools(): readonly Tool[] {
    return this.survey.tools.filter(({ readOnly, required }) => readOnly && required.length === 0)
  }

  /** Anything at all, to the target's own origin. */
  send(actor: Actor, outgoing: Outgoing, options: SendOptions = {}): Promise<Exchange> {
    return this.options.wire.send(actor, outgoing, options)
  }

  /** Connections, and streams that are no session's. */
  get wire(): Wire {
    return this.options.wire
  }

  /** From now on `value` is shown as a digest wherever it was or will be recorded. */
  keep(kind: SecretKind, value: string): void {
    this.options.redactor.keep(kind, value)
  }

  /** A value that nobody has written before. */
  canary(): string {
    return `canary-${this.options.random(8)}`
  }

  /** An ID that no server minted, of the usual form. */
  inventedId(): string {
    const hex = this.options.random(16)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  }

  /** Milliseconds of a clock that only goes forward. */
  now(): number {
    return this.options.now()
  }

  /** Sleeps, or less where the probe is interrupted. */
  sleep(ms: number): Promise<void> {
    const { signal } = this.options
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      signal.addEventListener('abort', wake, { once: true })
      if (signal.aborted) wake()
    })
  }

  /** A session like this one, but under an ID that names nothing. */
  unknownLike(session: Session): Session {
    const invented = this.inventedId()
    if (session.transport === 'http' || session.id === undefined) return { ...session, id: invented }
    return { ...session, id: invented, path: session.path.replace(encodeURIComponent(session.id), invented) }
  }

  /** Ends a session that was opened here, or all of them, as far as the server lets it. */
  async close(only?: Session): Promise<void> {
    const ending = this.opened.filter(({ session }) => only === undefined || session === only)
    this.opened = this.opened.filter((one) => !ending.includes(one))
    await Promise.all(
      ending.map(async ({ actor, session }) => {
        session.stream?.close()
        if (session.transport === 'http' && session.id !== undefined)
          await this.legacy.end(actor, session, { closing: true })
      }),
    )
    if (only === undefined) this.options.wire.close()
  }

  private mayCall(tool: string): boolean {
    return (
      this.survey.tools.some(({ name, readOnly }) => readOnly && name === tool) || namedIn(this.config).includes(tool)
    )
  }
}

/** HTTP+SSE takes messages at another path than it opens sessions. */
function inSession({ headers = [] }: Pick<Changes, 'headers' | 'path'>): Changes {
  return { headers }
}

function namedIn({
  loginTool,
  canary,
  flow,
  race,
  resource,
  tasks,
  mismatch,
}: ProbeConfig): readonly (string | undefined)[] {
  const calls = [
    loginTool,
    loginTool?.shows,
    canary?.make,
    canary?.put,
    canary?.get,
    canary?.drop,
    flow,
    flow?.effect,
    race,
    resource?.trigger,
    tasks,
    mismatch?.shown,
    mismatch?.real,
    mismatch?.get,
  ]
  return [...calls.map((call) => call?.tool), flow?.sibling]
}

/** `$CANARY` and `$HANDLE` in any text of the arguments. */
function filled(value: unknown, values: Values): unknown {
  if (typeof value === 'string')
    return value.replaceAll('$CANARY', values.canary ?? '$CANARY').replaceAll('$HANDLE', values.handle ?? '$HANDLE')
  if (Array.isArray(value)) return value.map((item: unknown) => filled(item, values))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filled(item, values)]))
}
