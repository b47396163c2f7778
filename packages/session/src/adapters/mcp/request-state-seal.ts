/** `requestState` of 2026-07-28 as SDK v2 takes it: in place of the codec that the SDK has. */
import { MisuseError } from '../../errors.ts'
import type { RequestBinding, RequestStates } from '../../signed/request-state.ts'
import { callIn, contextOf, type HandlerContext } from './context.ts'
import type { MessageId } from './messages.ts'

/** What the SDK gives to a handler, as far as it says which request it is. */
export interface CallContext extends HandlerContext {
  readonly mcpReq: { readonly id: MessageId }
}

export interface RequestStateSeal {
  /**
   * Seals a state for the caller and the request at hand. `once: false` only where redeeming twice does no more than
   * redeeming once.
   *
   * @throws MisuseError for an anonymous caller, whom nothing can be bound to, StoreUnavailableError
   */
  mint(state: unknown, context: CallContext, options?: { readonly once?: boolean }): Promise<string>
  /** For `requestState` of the server's options: the state, taken. @throws Error where it is not good */
  verify(presented: string, context: CallContext): Promise<unknown>
}

/**
 * A codec for the SDK whose states are bound to the principal, its agent instance, the method, the tool and the arguments of the
 * request that they were made in, which it finds out itself.
 */
export function createRequestStateSeal(states: RequestStates): RequestStateSeal {
  return {
    mint: async (state, context, options) => states.seal(state, bindingOf(context), options),
    async verify(presented, context) {
      const unsealed = await states.unseal(presented, bindingOf(context))
      // The SDK tells the client one and the same for all reasons; this one is for the log.
      if (!unsealed.good) throw new Error(`requestState ${unsealed.reason}`)
      return unsealed.state
    },
  }
}

function bindingOf(context: CallContext): RequestBinding {
  const request = contextOf(context)
  const { caller } = request
  if (!('principal' in caller)) throw new MisuseError('a requestState is bound to a principal, and this caller is none')
  const call = callIn(request, context.mcpReq.id)
  if (!call) throw new MisuseError('the request that a state is for is not in its body')
  const { name, uri, arguments: given } = call.params ?? {}
  return {
    principal: caller.principal,
    ...(caller.agent !== undefined && { agent: caller.agent }),
    method: call.method,
    name: String(call.method === 'resources/read' ? uri : name),
    arguments: given,
  }
}
