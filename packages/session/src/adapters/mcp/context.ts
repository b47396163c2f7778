/**
 * What a request carries from the router to the handler of a tool. It is tied to the object by which the SDKs hand on
 * who is authenticated, because that one alone reaches every handler.
 */
import { MisuseError } from '../../errors.ts'
import type { Session } from '../../session.ts'
import type { Caller } from '../../sessions.ts'
import { isCall, messagesOf, type Call, type MessageId } from './messages.ts'

export interface RequestContext {
  readonly caller: Caller
  /** Absent where the revision knows no protocol sessions. */
  readonly session: Session | undefined
  /** The body of the HTTP request, which may be a batch. */
  readonly body: unknown
}

/** What both SDKs know of an authenticated caller. */
export interface AuthInfo {
  token: string
  clientId: string
  scopes: string[]
  expiresAt?: number
  resource?: URL
  extra?: Record<string, unknown>
}

/** Where a handler finds it: `extra.authInfo` in SDK v1, `ctx.http.authInfo` in SDK v2. */
export interface HandlerContext {
  readonly authInfo?: object | undefined
  readonly http?: { readonly authInfo?: object | undefined } | undefined
}

const contexts = new WeakMap<object, RequestContext>()

/**
 * A new object for this request alone. What an authenticating middleware has found is kept; the token itself is not
 * handed to tools by us, who have no need of it.
 */
export function authInfoFor(context: RequestContext, given?: Partial<AuthInfo>): AuthInfo {
  const { caller } = context
  const principal = 'principal' in caller ? caller.principal : undefined
  const ends = 'principal' in caller ? caller.credentialExpiresAt : undefined
  const info: AuthInfo = { token: '', clientId: principal?.client ?? '', scopes: [], ...given }
  if (ends !== undefined && info.expiresAt === undefined) info.expiresAt = Math.floor(ends / 1000)
  if (principal) info.extra = { ...info.extra, issuer: principal.issuer, subject: principal.subject }
  contexts.set(info, context)
  return info
}

/** The same request within a turn of its session. */
export function withSession(info: object, session: Session): object {
  const copy = { ...info }
  const context = contexts.get(info)
  if (context) contexts.set(copy, { ...context, session })
  return copy
}

/** @throws MisuseError where the handler was not called through a router of this layer */
export function contextOf({ authInfo, http }: HandlerContext): RequestContext {
  const info = authInfo ?? http?.authInfo
  const context = info && contexts.get(info)
  if (!context) throw new MisuseError('this handler was not called through the router of the session layer')
  return context
}

/** The call of this id in the request. */
export function callIn({ body }: RequestContext, id: MessageId): Call | undefined {
  return messagesOf(body).find((message): message is Call => isCall(message) && message.id === id)
}

/**
 * The session of a request, as a handler needs it for `update` and its kin: within the turn of this call, where calls
 * take turns.
 *
 * @throws MisuseError outside a session of this layer
 */
export function sessionOf<Data = unknown>(handlerContext: HandlerContext): Session<Data> {
  const { session } = contextOf(handlerContext)
  if (!session) throw new MisuseError('there is no protocol session in this revision: use a state handle')
  return session as Session<Data>
}

/** Who calls, by the credential of this very request. @throws MisuseError outside a router of this layer */
export function callerOf(handlerContext: HandlerContext): Caller {
  return contextOf(handlerContext).caller
}
