/** JSON-RPC messages as far as a session layer has to tell them apart. Their meaning is the SDK's. */

export type MessageId = string | number

export interface Message {
  readonly jsonrpc: '2.0'
  readonly id?: MessageId
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: unknown
  readonly error?: unknown
}

/** A message that asks for an answer. */
export type Call = Message & { readonly id: MessageId; readonly method: string }

/** An error for a call of a session that is over; the same as the HTTP answer says with 404. */
export const sessionNotFound = { code: -32001, message: 'Session not found' } as const

export function isCall(message: unknown): message is Call {
  if (typeof message !== 'object' || message === null) return false
  const { id, method } = message as Message
  return typeof method === 'string' && (typeof id === 'string' || typeof id === 'number')
}

export function isAnswer(message: Message): message is Message & { readonly id: MessageId } {
  return message.method === undefined && message.id !== undefined
}

/** What a body holds: a message, or the messages of a batch. Whether they are well-formed is the SDK's to say. */
export function messagesOf(body: unknown): readonly unknown[] {
  return Array.isArray(body) ? body : [body]
}

/** What counts as use of a session: a call other than a ping. Notifications and answers come by themselves. */
export function isActivity(body: unknown): boolean {
  return messagesOf(body).some((message) => isCall(message) && message.method !== 'ping')
}
