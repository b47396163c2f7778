/**
 * Routes for servers that log agents in themselves: authenticate, reset of the agent's context, logout, and who am I.
 * Without a framework: an adapter hands over the request and its body, and sends what comes back.
 */
import { MisuseError } from './errors.ts'
import type { Credential, Guard } from './guard.ts'
import { answer, type Answer, type RequestView } from './http/request.ts'
import type { MaybePromise } from './store/store.ts'

export interface LoginOptions {
  /** A guard `by-cookie`. */
  readonly guard: Guard
  /**
   * Verifies what the client brings to log in: an API key, a token. Compare in constant time, and slow down who guesses.
   * Undefined for whatever does not hold.
   */
  readonly verify: (request: RequestView, body: unknown) => MaybePromise<Credential | undefined>
  /** Where the routes are: `/session` unless said otherwise. */
  readonly base?: string
}

/** Reads the body of a request as JSON, within limits. What it throws is answered 400. */
export type ReadBody = () => Promise<unknown>

export interface LoginRoutes {
  /** The path that all of the routes are under. */
  readonly base: string
  /** The answer, where the request is for one of the routes. Never throws. */
  handle(request: RequestView, readBody: ReadBody): Promise<Answer | undefined>
}

const notAllowed = (allow: string): Answer => answer(405, { error: 'method_not_allowed' }, { allow })

/**
 * Makes the routes `POST <base>/authenticate`, `POST <base>/reset`, `POST <base>/logout` and `GET <base>/me`.
 *
 * @throws MisuseError where the base is no path
 */
export function createLoginRoutes({ guard, verify, base = '/session' }: LoginOptions): LoginRoutes {
  if (!/^\/[\w/-]*[\w-]$/.test(base)) throw new MisuseError('the base of the routes is a path such as /session')

  async function authenticate(request: RequestView, readBody: ReadBody): Promise<Answer> {
    const admission = await guard.admit(request, { session: 'lenient' })
    if (!admission.admitted) return admission.answer
    try {
      let body: unknown
      try {
        body = await readBody()
      } catch {
        return withHeaders(answer(400, { error: 'invalid_request' }), admission.headers)
      }
      const credential = await verify(request, body)
      if (!credential) return withHeaders(answer(401, { error: 'invalid_credentials' }), admission.headers)
      const agent = credential.agent ?? admission.caller.agent
      const { principal, expiresAt } = credential
      const caller = {
        principal,
        ...(agent !== undefined && { agent }),
        ...(expiresAt !== undefined && { credentialExpiresAt: expiresAt }),
      }
      const { session, headers } = await guard.authenticate(admission.session, caller)
      return answer(200, { principal, expiresAt: session.expiresAt }, { ...admission.headers, ...headers })
    } finally {
      admission.finish()
    }
  }

  async function leave(request: RequestView, resets: boolean): Promise<Answer> {
    const admission = await guard.admit(request)
    if (!admission.admitted) return admission.answer
    const { session } = admission
    if (!session) throw new MisuseError('a guard that admits without a session cannot log out')
    try {
      if (resets && session.principal && session.agent !== undefined)
        await guard.sessions.resetAgent(session.principal, session.agent, 'context reset by the agent')
      return answer(200, { ended: true }, { ...admission.headers, ...(await guard.terminate(session)) })
    } finally {
      admission.finish()
    }
  }

  async function whoAmI(request: RequestView): Promise<Answer> {
    const admission = await guard.admit(request, { activity: false })
    if (!admission.admitted) return admission.answer
    admission.finish()
    const { session } = admission
    const { principal, agent, expiresAt, authenticatedAt } = session ?? {}
    return answer(200, { principal, agent, expiresAt, authenticatedAt }, admission.headers)
  }

  const routes: Readonly<Record<string, [string, (request: RequestView, readBody: ReadBody) => Promise<Answer>]>> = {
    [`${base}/authenticate`]: ['POST', authenticate],
    [`${base}/reset`]: ['POST', (request) => leave(request, true)],
    [`${base}/logout`]: ['POST', (request) => leave(request, false)],
    [`${base}/me`]: ['GET', whoAmI],
  }

  return {
    base,
    async handle(request, readBody) {
      const [path = ''] = request.target.split('?')
      const route = Object.hasOwn(routes, path) ? routes[path] : undefined
      if (!route) return undefined
      const [method, serve] = route
      if (request.method !== method) return notAllowed(method)
      try {
        return await serve(request, readBody)
      } catch (error) {
        return guard.answerOf(error)
      }
    },
  }
}

function withHeaders(plain: Answer, headers: Readonly<Record<string, string>>): Answer {
  return { ...plain, headers: { ...headers, ...plain.headers } }
}
