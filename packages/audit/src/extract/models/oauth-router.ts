/** The SDK's router for OAuth: what it asks of the provider that it is given. */
import { call_ } from '../calls.ts'
import { FunctionObject } from '../heap.ts'
import { getProperty } from '../properties.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, primitive } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag } from './requests.ts'
import { optionOf, registerRoute } from './routing.ts'

/** `mcpAuthRouter({ provider })`: of what it serves, only the end of a token is told by how the provider goes about it. */
const authRouter: ExternalHandler = (machine, call, state) => {
  const provider = optionOf(call.args[0], 'provider') ?? UNDEFINED
  const revokes = state.aside((fork) => getProperty(machine, provider, primitive('revokeToken'), call.site, fork))
  const router = machine.library('express-app', call.site)
  if (!revokes.objects.some((item) => item instanceof FunctionObject)) return object(router)
  const revocation = machine.library('oauth-revocation', call.site, { provider, revokes })
  const given = {
    verb: 'POST',
    path: '/revoke',
    handlers: [object(revocation)],
    layer: false,
    flavour: 'express',
  } as const
  registerRoute(machine, router, given, call, state)
  return object(router)
}

const revokeByProvider: MethodHandler = (machine, target, call, state) => {
  const revokes = target.data['revokes'] as Value
  const [fn] = revokes.objects
  const args = [UNKNOWN, bag(machine, 'body', call.site)]
  call_(machine, revokes, { ...call, args, argSites: [], self: target.data['provider'] as Value }, state)
  if (fn !== undefined && !state.dead) machine.emit('logged-out', fn.site, state, { how: 'provider' })
  return UNDEFINED
}

export const oauthRouter: Model = {
  calls: { 'sdk#mcpAuthRouter': authRouter },
  methods: { 'oauth-revocation': { '()': revokeByProvider } },
}
