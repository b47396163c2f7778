/** The guard before a fetch handler: `(request) => response`, as Bun, Deno, workers and the MCP SDK v2 have it. */
import type { Guard } from '../guard.ts'
import { responseOf } from '../http/fetch.ts'
import type { LoginRoutes } from '../login.ts'
import { answerLogin, receive, type ConnectionOf, type FetchProtectOptions } from './on-fetch.ts'
import { isForCaller, type Visit } from './visit.ts'

export type { ConnectionOf, FetchProtectOptions } from './on-fetch.ts'
export type { Visit } from './visit.ts'

/** Serves a request that was admitted. `environment` is what the runtime gives beside the request. */
export type VisitHandler<Data = unknown> = (
  request: Request,
  visit: Visit<Data>,
  environment?: unknown,
) => Response | Promise<Response>

/**
 * A handler whose requests have all passed the guard. What `handler` throws becomes an answer where it is a matter of
 * sessions, and is thrown on to the runtime where it is not.
 */
export function protect<Data = unknown>(
  guard: Guard,
  handler: VisitHandler<Data>,
  options: FetchProtectOptions = {},
): (request: Request, environment?: unknown) => Promise<Response> {
  return async (request, environment) => {
    const reception = await receive<Data>(guard, request, environment, options)
    if (reception.refusal) return reception.refusal
    const { visit, dress } = reception
    try {
      return dress(await handler(request, visit, environment))
    } catch (error) {
      if (isForCaller(error)) return dress(responseOf(guard.answerOf(error)))
      visit.finish()
      throw error
    }
  }
}

/** The answer to a request for one of the login routes, or undefined where it is none. */
export function serveLogin(
  login: LoginRoutes,
  request: Request,
  environment?: unknown,
  connectionOf?: ConnectionOf,
): Promise<Response | undefined> {
  return answerLogin(login, request, environment, connectionOf)
}
