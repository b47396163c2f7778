/** The guard as a hook of Fastify 5. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Guard } from '../guard.ts'
import { viewOfNode } from '../http/node.ts'
import type { Answer } from '../http/request.ts'
import type { LoginRoutes } from '../login.ts'
import { beginVisit } from './on-node.ts'
import { admitOptions, isForCaller, type ProtectOptions } from './visit.ts'

export { visitOf } from './on-node.ts'
export type { ProtectOptions, Visit } from './visit.ts'

/** Marks routes that admit by themselves, in their configuration. */
const admitsItself = Symbol('admits itself')

/**
 * A hook for `onRequest`, of an instance or of one route. Lets nothing pass that the guard does not admit; behind it,
 * `visitOf(request)` is the visit.
 */
export function protect(guard: Guard, options: ProtectOptions = {}) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (admitsItself in request.routeOptions.config) return undefined
    const view = viewOfNode(request.raw)
    const admitted = guard.admitAtOnce(view, admitOptions(view, options))
    const admission = admitted instanceof Promise ? await admitted : admitted
    if (!admission.admitted) return send(reply, admission.answer)
    beginVisit(guard, admission, request.raw, reply.raw)
    return undefined
  }
}

/** A plugin with the login routes. They admit by themselves, whatever hook the instance has. */
export function serveLogin(login: LoginRoutes) {
  return async (instance: FastifyInstance): Promise<void> => {
    instance.route({
      method: ['GET', 'POST'],
      url: `${login.base}/*`,
      config: { [admitsItself]: true } as object,
      handler: async (request, reply) => {
        const answer = await login.handle(viewOfNode(request.raw), async () => request.body)
        return answer ? send(reply, answer) : reply.callNotFound()
      },
    })
  }
}

/** Answers what session operations threw in handlers: 404, 409, 429 or 503. For `setErrorHandler`; all else is passed on. */
export function answerErrors(guard: Guard) {
  return (error: unknown, _request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    isForCaller(error) ? send(reply, guard.answerOf(error)) : reply.send(error)
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}
