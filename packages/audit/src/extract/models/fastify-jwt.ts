/** Tokens of `@fastify/jwt`: signed and verified by what the plugin puts on the app, its requests and replies. */
import type { Machine } from '../machine.ts'
import { noteSecret } from '../secrets.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, tagged } from '../value.ts'
import { verifyToken } from './credentials.ts'
import { callLibrary } from './index.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'

const SERVICE = 'fastify-jwt'

/** `app.register(jwt, { secret, sign, cookie })` */
const plugin: ExternalHandler = (machine, call, state) => {
  const [, options = UNKNOWN] = call.args
  noteSecret(machine, 'the key that tokens are signed with', optionOf(options, 'secret'), call.site, state)
  const settings = machine.allocate('object', call.site)
  const signOptions = optionOf(options, 'sign')
  if (signOptions !== undefined) settings.property('signOptions').write(signOptions)
  const cookie = onlyString(optionOf(optionOf(options, 'cookie'), 'cookieName') ?? UNDEFINED)
  // It signs and verifies as the service of NestJS does, which stands on the same library.
  machine.readyMade.set(SERVICE, machine.library('nest-jwt', call.site, { settings: object(settings), cookie }))
  return UNDEFINED
}

/** `app.jwt`, where the plugin was registered. */
export function tokensOfFastify(machine: Machine): Value | undefined {
  const service = machine.readyMade.get(SERVICE)
  return service === undefined ? undefined : object(service)
}

/** `request.jwtVerify()`: a bearer token, or that of a cookie where the plugin was told of one. Throws. */
const verify: MethodHandler = (machine, target, call, state) => {
  const cookie = machine.readyMade.get(SERVICE)?.data['cookie'] as string | undefined
  const token = cookie === undefined ? tagged('header:authorization', 'cred') : tagged(`cookie:${cookie}`, 'cred')
  const claims = verifyToken(machine, { ...call, args: [token, UNKNOWN] }, state, 'verify')
  state.write(target.property('user'), claims)
  return claims
}

/** `reply.jwtSign(claims)` */
const sign: MethodHandler = (machine, _target, call, state) => {
  const service = machine.readyMade.get(SERVICE)
  return service === undefined ? UNKNOWN : callLibrary(machine, service, 'sign', call, state)
}

export const fastifyJwt: Model = {
  calls: {
    '@fastify/jwt': plugin,
    '@fastify/jwt#default': plugin,
    '@fastify/jwt#fastifyJwt': plugin,
    'fastify-jwt': plugin,
  },
  methods: { 'fastify-request': { jwtVerify: verify }, response: { jwtSign: sign } },
}
