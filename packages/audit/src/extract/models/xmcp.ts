/** xmcp: its middleware, and the endpoint that it serves its tools at. */
import { noteSecret } from '../secrets.ts'
import { UNDEFINED, UNKNOWN } from '../value.ts'
import { authenticating } from './authenticators.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'
import { OFFERED, asking } from './verifiers.ts'

/** `apiKeyAuthMiddleware({ apiKey })`, or `{ validateApiKey }`. */
const byApiKey: ExternalHandler = (machine, call, state) => {
  const [options] = call.args
  noteSecret(machine, 'the key that callers are known by', optionOf(options, 'apiKey'), call.site, state)
  const asks = optionOf(options, 'validateApiKey') ?? UNDEFINED
  return authenticating(machine, call, asking(machine, { asks, args: [OFFERED], refuses: 'by-answer' }, call.site))
}

/** `jwtAuthMiddleware({ secret, algorithms })`: a key of its own verifies tokens of its own. */
const byToken: ExternalHandler = (machine, call, state) => {
  const secret = optionOf(call.args[0], 'secret')
  noteSecret(machine, 'the key that tokens are verified with', secret, call.site, state)
  return authenticating(machine, call, undefined, 'auth:expiring')
}

/** One request: a transport and a server of its own, and no host or origin asked for. */
const endpoint: MethodHandler = (machine, target, _call, state) => {
  machine.emit('endpoint', target.site, state, { check: 'never' })
  return UNKNOWN
}

export const xmcp: Model = {
  calls: { 'xmcp#apiKeyAuthMiddleware': byApiKey, 'xmcp#jwtAuthMiddleware': byToken },
  methods: { 'xmcp-endpoint': { '()': endpoint } },
}
