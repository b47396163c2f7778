/**
 * Which tools of a session's server only read, by what the server itself says of them. Listed to a client they are
 * learned in passing; otherwise the server is asked as a client would ask it, so that no private part of an SDK is
 * touched.
 */
import { randomBytes } from '../../random.ts'
import { lockModeOf, type LockMode, type ToolAnnotations } from '../../exclusive.ts'
import type { Message, MessageId } from './messages.ts'

/** Hands a question to the server; the answer comes by `takes`. */
export type AskServer = (question: Message) => void

interface ToolList {
  readonly tools?: readonly { readonly name?: unknown; readonly annotations?: ToolAnnotations }[]
  readonly nextCursor?: unknown
}

const maxPages = 20
const maxTools = 2000
const answerWithinMs = 5000

export class ToolModes {
  readonly #modes = new Map<string, LockMode>()
  readonly #questions = new Map<MessageId, (answer: Message | undefined) => void>()
  /** No client can guess it, so none can answer or be answered in our place. */
  readonly #prefix = randomBytes(16).toString('base64url')
  #asked = 0
  /** Whether what is not known is not listed. */
  #complete = false
  #asking: Promise<void> | undefined
  #revision = 0

  /** Changes with each change of the tools: a list that was asked for before it may be older than it. */
  get revision(): number {
    return this.#revision
  }

  /** The lock that a call of this tool needs, at once where it is known. One that nobody lists may write. */
  modeOf(tool: string, ask: AskServer): LockMode | Promise<LockMode> {
    const known = this.#modes.get(tool)
    if (known) return known
    if (this.#complete) return 'exclusive'
    this.#asking ??= this.#askAll(ask)
    return this.#asking.then(() => this.#modes.get(tool) ?? 'exclusive')
  }

  /** Learns from a list that was asked for at this revision. */
  learn(result: unknown, revision: number): void {
    if (revision !== this.#revision) return
    for (const { name, annotations } of (result as ToolList | undefined)?.tools ?? [])
      if (typeof name === 'string' && this.#modes.size < maxTools) this.#modes.set(name, lockModeOf(annotations))
  }

  /** The server said that its tools have changed. */
  forget(): void {
    this.#revision += 1
    this.#modes.clear()
    this.#complete = false
    this.#asking = undefined
  }

  /** Whether the message answers a question of ours; then it is not for the client. */
  takes(message: Message): boolean {
    const answered = message.id !== undefined && this.#questions.get(message.id)
    if (!answered) return false
    answered(message)
    return true
  }

  async #askAll(ask: AskServer): Promise<void> {
    const revision = this.#revision
    let cursor: unknown
    for (let page = 0; page < maxPages; page += 1) {
      const answer = await this.#askOnce(ask, cursor)
      if (revision !== this.#revision) return
      this.learn(answer?.result, revision)
      cursor = (answer?.result as ToolList | undefined)?.nextCursor
      if (typeof cursor !== 'string') break
    }
    this.#complete = true
  }

  #askOnce(ask: AskServer, cursor: unknown): Promise<Message | undefined> {
    this.#asked += 1
    const id = `${this.#prefix}.${this.#asked}`
    return new Promise((resolve) => {
      const answered = (answer: Message | undefined): void => {
        clearTimeout(patience)
        this.#questions.delete(id)
        resolve(answer)
      }
      const patience = setTimeout(() => answered(undefined), answerWithinMs).unref()
      this.#questions.set(id, answered)
      ask({ jsonrpc: '2.0', id, method: 'tools/list', params: cursor === undefined ? {} : { cursor } })
    })
  }
}
