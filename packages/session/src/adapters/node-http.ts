/** The guard before a listener of node:http. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Guard } from '../guard.ts'
import { sendOnNode } from '../http/node.ts'
import type { LoginRoutes } from '../login.ts'
import { answerLogin, visitOnNode } from './on-node.ts'
import { upgradeWith, type Upgrade, type UpgradeListener } from './upgrade.ts'
import { isForCaller, type ProtectOptions, type Visit } from './visit.ts'

export { visitOf } from './on-node.ts'
export type { Upgrade, UpgradeListener } from './upgrade.ts'
export type { ProtectOptions, Visit } from './visit.ts'

/** Serves a request that was admitted. */
export type VisitListener<Data = unknown> = (
  request: IncomingMessage,
  response: ServerResponse,
  visit: Visit<Data>,
) => unknown

export interface NodeProtectOptions extends ProtectOptions {
  /** Told what the listener threw, where that is no matter of sessions; the caller gets 500. A process warning by default. */
  readonly onError?: (error: unknown) => void
}

/** A listener whose requests have all passed the guard. What `listener` throws becomes an answer. */
export function protect<Data = unknown>(
  guard: Guard,
  listener: VisitListener<Data>,
  { onError = warn, ...options }: NodeProtectOptions = {},
): RequestListener {
  const fail = (response: ServerResponse, error: unknown): void => {
    if (!isForCaller(error)) onError(error)
    if (response.headersSent) response.destroy()
    else sendOnNode(response, guard.answerOf(error))
  }
  const serveLater = async (
    request: IncomingMessage,
    response: ServerResponse,
    coming: Promise<Visit<Data> | undefined>,
  ): Promise<unknown> => {
    const visit = await coming
    return visit && listener(request, response, visit)
  }
  const failLater = (response: ServerResponse, served: Promise<unknown>): unknown =>
    served.catch((error: unknown) => fail(response, error))
  return (request, response) => {
    try {
      const visit = visitOnNode<Data>(guard, request, response, options)
      const served =
        visit instanceof Promise ? serveLater(request, response, visit) : visit && listener(request, response, visit)
      if (served instanceof Promise) failLater(response, served)
    } catch (error) {
      fail(response, error)
    }
  }
}

/**
 * A listener of `upgrade`, for the server of any framework: no other check hears of one. Lets no upgrade pass that the
 * guard does not admit, and cuts the connection when its session ends, or its caller may not go on; to say goodbye
 * before, watch the visit in `listener`. Being open is no activity, and neither are messages: see `Sessions.read`. The
 * answer carries nothing, so no session can be opened here.
 */
export function protectUpgrade<Data = unknown>(
  guard: Guard,
  listener: UpgradeListener<Data>,
  { onError = warn, ...options }: NodeProtectOptions = {},
): Upgrade {
  return upgradeWith(guard, listener, onError, options)
}

/** Answers a request for one of the login routes. Whether it was one; if not, nothing was done to it. */
export function serveLogin(login: LoginRoutes, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  return answerLogin(login, request, response)
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
