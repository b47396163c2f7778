/** The guard as middleware of Hono, on Node and elsewhere. */
import type { Context, MiddlewareHandler } from 'hono'
import { MisuseError } from '../errors.ts'
import type { Guard } from '../guard.ts'
import { responseOf } from '../http/fetch.ts'
import type { LoginRoutes } from '../login.ts'
import { answerLogin, receive, type ConnectionOf, type FetchProtectOptions } from './on-fetch.ts'
import { isForCaller, type Visit } from './visit.ts'

export type { ConnectionOf, FetchProtectOptions } from './on-fetch.ts'
export type { Visit } from './visit.ts'

/**
 * Lets nothing pass that the guard does not admit; behind it, `visitOf(c)` is the visit. What session operations throw
 * in handlers becomes an answer.
 */
export function protect<Data = unknown>(
  guard: Guard,
  options: FetchProtectOptions = {},
): MiddlewareHandler<{ Variables: { visit: Visit<Data> } }> {
  return async (c, next) => {
    const reception = await receive<Data>(guard, c.req.raw, c.env, options)
    if (reception.refusal) return reception.refusal
    const { visit, dress } = reception
    c.set('visit', visit)
    try {
      await next()
    } catch (error) {
      visit.finish()
      throw error
    }
    if (isForCaller(c.error)) replace(c, responseOf(guard.answerOf(c.error)))
    const dressed = dress(c.res)
    if (dressed !== c.res) replace(c, dressed)
    return undefined
  }
}

/**
 * The visit of a request that `protect` let pass.
 *
 * @throws MisuseError where it did not: a handler that counts on its session must not run without the guard
 */
export function visitOf<Data = unknown>(c: Context): Visit<Data> {
  const visit = c.get('visit') as Visit<Data> | undefined
  if (!visit) throw new MisuseError('no guard admitted this request: `protect` must come before the handler')
  return visit
}

/** Serves the login routes and lets all else pass. It admits by itself: put it before `protect`. */
export function serveLogin(
  login: LoginRoutes,
  { connectionOf }: { readonly connectionOf?: ConnectionOf } = {},
): MiddlewareHandler {
  return async (c, next) => {
    const answered = await answerLogin(login, c.req.raw, c.env, connectionOf)
    if (answered) return answered
    await next()
    return undefined
  }
}

/** Setting a response joins the headers of the one from before, unless there is none. */
function replace(c: Context, response: Response): void {
  c.res = undefined
  c.res = response
}
