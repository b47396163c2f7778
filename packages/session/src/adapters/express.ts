/** The guard as middleware of Express 4 and 5, and of whatever else takes `(request, response, next)`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Guard } from '../guard.ts'
import type { LoginRoutes } from '../login.ts'
import { answerError, answerLogin, visitOnNode } from './on-node.ts'
import type { ProtectOptions, Visit } from './visit.ts'

export { visitOf } from './on-node.ts'
export type { ProtectOptions, Visit } from './visit.ts'

export type Next = (error?: unknown) => void
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void
export type ErrorMiddleware = (error: unknown, request: IncomingMessage, response: ServerResponse, next: Next) => void

/**
 * Lets nothing pass that the guard does not admit; behind it, `visitOf(request)` is the visit. Put it before whatever
 * reads bodies, so that nobody's are read before it is known whose they are.
 */
export function protect(guard: Guard, options: ProtectOptions = {}): Middleware {
  return (request, response, next) => {
    const goOn = (visit: Visit | undefined): void => {
      if (visit) next()
    }
    try {
      const visit = visitOnNode(guard, request, response, options)
      if (visit instanceof Promise) visit.then(goOn, next)
      else goOn(visit)
    } catch (error) {
      next(error)
    }
  }
}

/** Serves the login routes and lets all else pass. It admits by itself: put it before `protect`. */
export function serveLogin(login: LoginRoutes): Middleware {
  return (request, response, next) => {
    answerLogin(login, request, response).then((answered) => answered || next(), next)
  }
}

/** Answers what session operations threw in handlers: 404, 409, 429 or 503. Put it last; all else is passed on. */
export function answerErrors(guard: Guard): ErrorMiddleware {
  return (error, _request, response, next) => {
    if (!answerError(guard, response, error)) next(error)
  }
}
