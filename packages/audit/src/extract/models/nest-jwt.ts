/** Tokens of `@nestjs/jwt`: signed and verified by a service whose module was told the key. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { noteSecret } from '../secrets.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, object } from '../value.ts'
import { decodeToken, signToken, verifyToken } from './credentials.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'

const SETTINGS = 'nest-jwt-settings'

/** `JwtModule.register({ secret, signOptions })`: what every service of it goes by. */
const register: ExternalHandler = (machine, call, state) => {
  noteSettings(machine, call.args[0] ?? UNKNOWN, call, state)
  return UNKNOWN
}

/** `JwtModule.registerAsync({ useFactory })`. */
const registerAsync: ExternalHandler = (machine, call, state) => {
  const factory = optionOf(call.args[0], 'useFactory')
  if (factory === undefined) return UNKNOWN
  const injected = { ...call, args: injectedInto(machine, call), argSites: [] }
  noteSettings(
    machine,
    state.aside((fork) => call_(machine, factory, injected, fork)),
    call,
    state,
  )
  return UNKNOWN
}

/** Settings are what modules nearly always ask for; a parameter that says its type says it better. */
function injectedInto(machine: Machine, call: Call): readonly Value[] {
  const wanted = optionOf(call.args[0], 'inject')?.objects.flatMap((list) => [...list.properties.keys()]) ?? []
  return wanted.map(() => object(machine.library('settings-service', call.site)))
}

function noteSettings(machine: Machine, settings: Value, call: Call, state: State): void {
  machine.readyMade.set(SETTINGS, machine.library(SETTINGS, call.site, { settings }))
  noteKeys(machine, settings, call, state)
}

function noteKeys(machine: Machine, options: Value | undefined, call: Call, state: State): void {
  for (const name of ['secret', 'privateKey'])
    noteSecret(machine, 'the key that tokens are signed with', optionOf(options, name), call.site, state)
}

/** `new JwtService({ secret })`. */
const service: ExternalHandler = (machine, call, state) => {
  noteKeys(machine, call.args[0], call, state)
  return object(machine.library('nest-jwt', call.site, { settings: call.args[0] ?? UNKNOWN }))
}

const sign: MethodHandler = (machine, target, call, state) => {
  const [claims = UNKNOWN, own] = call.args
  noteKeys(machine, own, call, state)
  const options = inForce(machine, target, own)
  return signToken(
    machine,
    { ...call, args: [claims, UNKNOWN, ...(options === undefined ? [] : [options])] },
    state,
    'sign',
  )
}

const verify: MethodHandler = (machine, _target, call, state) => {
  const [token = UNKNOWN, own] = call.args
  noteKeys(machine, own, call, state)
  return verifyToken(machine, { ...call, args: [token, UNKNOWN, ...(own === undefined ? [] : [own])] }, state, 'verify')
}

/** What a call says of a token, or else what the module says. */
function inForce(machine: Machine, target: LibraryObject, own: Value | undefined): Value | undefined {
  if (own !== undefined && optionOf(own, 'expiresIn') !== undefined) return own
  const settings = (target.data['settings'] ?? machine.readyMade.get(SETTINGS)?.data['settings']) as Value | undefined
  return settings === undefined ? UNKNOWN : (optionOf(settings, 'signOptions') ?? own)
}

export const nestJwt: Model = {
  calls: {
    '@nestjs/jwt#JwtModule.register': register,
    '@nestjs/jwt#JwtModule.registerAsync': registerAsync,
  },
  constructors: { '@nestjs/jwt#JwtService': service },
  methods: {
    'nest-jwt': {
      sign,
      signAsync: sign,
      verify,
      verifyAsync: verify,
      decode: (_machine, _target, call) => decodeToken(_machine, call),
    },
  },
}
