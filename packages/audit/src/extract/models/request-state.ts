/** What proves that a `requestState` is the one that was given out, and what only decodes it. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { callOpaque } from '../opaque.ts'
import { flag } from '../conditions.ts'
import type { LibraryObject, Site } from '../heap.ts'
import { LibraryObject as Library } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { PRESENTED, bindingOf, isState, partOf, provenFrom, statesIn } from '../request-state.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNDEFINED, UNKNOWN, derived, join, object, onlyString, tagged, truthiness, withTags } from '../value.ts'
import { unprovenIn, unprovenTags } from '../handles.ts'
import { stepTags } from '../properties.ts'
import { credentials } from './credentials.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { platform } from './platform.ts'
import { randomness } from './randomness.ts'
import { optionOf } from './routing.ts'

const pipes = new WeakMap<Machine, Site[]>()

/** Somebody talks to this server through a pipe. */
export function noteStdio(machine: Machine, site: Site): void {
  const known = pipes.get(machine) ?? []
  known.push(site)
  pipes.set(machine, known)
}

export function stdioSites(machine: Machine): readonly Site[] {
  return pipes.get(machine) ?? []
}

/** `new McpServer(info, { requestState: { verify } })` */
export function stateVerifier(options: Value | undefined): Value | undefined {
  return optionOf(optionOf(options, 'requestState'), 'verify')
}

/** `ctx.mcpReq.requestState()`: what the server's verifier made of it; as it came where there is none. */
const readState: MethodHandler = (machine, target, call, state) => {
  const verify = target.data['verifyState'] as Value | undefined
  machine.emit('state-in', call.site, state, {})
  if (verify === undefined) return PRESENTED
  if (verify.objects.length === 0) return unseenVerifier(state)
  const given = [PRESENTED.with({ primitives: [] }), object(target)]
  const result = call_(machine, verify, { ...call, self: UNDEFINED, args: given }, state)
  state.dead = false
  return join(result === NEVER ? provenFrom() : result, UNDEFINED)
}

function unseenVerifier(state: State): Value {
  state.learn(['rs:verified', 'rs:unseen'])
  return provenFrom().with({ primitives: [undefined] })
}

/** The codec of the SDK: signed, good for ten minutes unless said otherwise, bound to what `bind` says. */
const verifyCodec: MethodHandler = (machine, target, call, state) => {
  const [given = UNKNOWN, context = UNKNOWN] = call.args
  const bind = target.data['bind'] as Value | undefined
  const facts = ['rs:verified', 'rs:fresh']
  if (bind !== undefined) {
    const fork = state.fork()
    const bound = call_(machine, bind, { ...call, self: UNDEFINED, args: [context] }, fork)
    facts.push(...bindingOf(machine, bound))
  }
  return prove(machine, [given], facts, { ...call, site: target.site }, state)
}

function prove(machine: Machine, sources: readonly Value[], facts: readonly string[], call: Call, state: State): Value {
  state.learn(facts)
  machine.emit('state-check', call.site, state, {})
  return provenFrom(...sources)
}

/** A token of its own: what it claims of subject and audience is compared by the verifier. */
function verifyToken(path: string): ExternalHandler {
  return (machine, call, state) => {
    const [token = UNKNOWN, , options] = call.args
    if (!isState(token)) return credentials.calls![path]!(machine, call, state, path)
    if (isUnsecured(options)) return partOf(token, derived(token), state)
    const claims = ['subject', 'audience', 'jwtid', 'nonce'].flatMap((name) => optionOf(options, name) ?? [])
    const isLimited = ['maxTokenAge', 'maxAge'].some((name) => optionOf(options, name) !== undefined)
    const facts = [...claims.flatMap((claim) => bindingOf(machine, claim)), isLimited ? 'rs:fresh' : 'rs:by-claims']
    return prove(machine, [token], ['rs:verified', ...facts], call, state)
  }
}

/** `algorithms: ['none']` */
function isUnsecured(options: Value | undefined): boolean {
  const list = optionOf(options, 'algorithms')
  return list?.objects.some((item) => item.item.primitives.includes('none')) === true
}

/** Signed or sealed, with no time and nobody in it that the verifier would look at. */
const open =
  (...facts: readonly string[]): ExternalHandler =>
  (machine, call, state, path) => {
    const states = call.args.flatMap((arg) => statesIn(arg, 2))
    if (states.length === 0) return callOpaque(machine, path.split(/[#.]/).at(-1), call, state, NEVER, 'library')
    return prove(machine, states, ['rs:verified', ...facts], call, state)
  }

/** `Iron.unseal(sealed, password, { ttl })`: without a time to live it lives for ever. */
const unsealIron: ExternalHandler = (machine, call, state, path) => {
  const ttl = optionOf(call.args.at(-1), 'ttl')
  const isLimited = ttl !== undefined && truthiness(ttl).canBeTrue
  return open(...(isLimited ? ['rs:fresh'] : []))(machine, call, state, path)
}

/** Says whether a signature is right, or gives `false` or `null` for what it signs. */
const told: ExternalHandler = (machine, call, state, path) => {
  const states = call.args.flatMap((arg) => statesIn(arg, 2))
  if (states.length === 0) return callOpaque(machine, path.split(/[#.]/).at(-1), call, state, NEVER, 'library')
  return verdictOn(machine, states, call.args, call, state)
}

function verdictOn(
  machine: Machine,
  states: readonly Value[],
  signed: readonly Value[],
  call: Call,
  state: State,
): Value {
  machine.emit('state-check', call.site, state, {})
  const facts = ['rs:verified', ...signed.flatMap((value) => bindingOf(machine, value))]
  const { tags } = provenFrom(...states)
  return flag(facts).with({ tags, primitives: [false, null] })
}

/** Decodes, and asks nothing. */
function decoder(path: string, base: () => ExternalHandler | undefined): ExternalHandler {
  return (machine, call, state) => {
    const value = base()?.(machine, call, state, path) ?? derived(...call.args)
    const [text = UNKNOWN] = call.args
    if (isState(text) && !state.holds('rs:verified')) machine.emit('state-decode', call.site, state, {})
    return partOf(text, value, state)
  }
}

const TEXT_DECODERS = [
  'global:JSON#parse',
  'global:atob',
  'global:Buffer#from',
  'node:buffer#Buffer.from',
  'global:decodeURIComponent',
]
const TOKEN_DECODERS = ['jose#decodeJwt', 'jsonwebtoken#decode']
const TOKEN_VERIFIERS = ['jsonwebtoken#verify', 'jose#jwtVerify', 'jose#jwtDecrypt', 'hono/jwt#verify']

/** A record in a text is a part of it; arguments of a request are of the request. */
const stringify: ExternalHandler = (machine, call, state, path) => {
  const [value = UNKNOWN] = call.args
  const text = platform.calls!['global:JSON#stringify']!(machine, call, state, path)
  const isBody = value.objects.some(
    (item) => item instanceof Library && item.type === 'bag' && item.data['origin'] === 'body',
  )
  const unproven = [...unprovenTags(machine, value, state), ...unprovenIn(value)]
  const tags = [...stepTags(text.tags, '*'), ...unproven, ...(isBody ? ['body'] : [])]
  return text.with({ tags: [...new Set(tags)] })
}

const AUTHENTICATED_MODES = /gcm|ccm|ocb|poly1305/i

const createDecipher: ExternalHandler = (machine, call, state, path) => {
  randomness.calls?.['node:crypto#createDecipheriv']?.(machine, call, state, path)
  const [algorithm = UNKNOWN, key = UNKNOWN] = call.args
  const name = onlyString(algorithm)
  const proves = name === undefined ? algorithm.open : AUTHENTICATED_MODES.test(name)
  return object(machine.library('decipher', call.site, { proves, tied: [key] }))
}

const decipherPart: MethodHandler = (machine, target, call, state, name) => {
  const states = call.args.flatMap((arg) => statesIn(arg, 1))
  if (states.length === 0) return callOpaque(machine, name, call, state, object(target), 'library')
  target.data['of'] = derived(...states)
  return partOf(derived(...states), derived(...states), state)
}

/** The last call of a decipher that authenticates throws where a bit was changed. */
const decipherEnd: MethodHandler = (machine, target, call, state) => {
  const of = target.data['of'] as Value | undefined
  if (of === undefined) return UNKNOWN
  if (target.data['proves'] !== true) return partOf(of, of, state)
  const tied = target.data['tied'] as readonly Value[]
  return prove(
    machine,
    [of],
    ['rs:verified', ...tied.flatMap((value) => bindingOf(machine, withoutOwn(value)))],
    call,
    state,
  )
}

/** What state itself says ties it to nothing. */
function withoutOwn(value: Value): Value {
  return isState(value) ? UNKNOWN : value
}

const setAad: MethodHandler = (_machine, target, call) => {
  target.data['tied'] = [...(target.data['tied'] as readonly Value[]), ...call.args]
  return object(target)
}

const subtleDecrypt: ExternalHandler = (machine, call, state) => {
  const [algorithm, key = UNKNOWN, data = UNKNOWN] = call.args
  if (!isState(data)) return callOpaque(machine, 'decrypt', call, state, NEVER, 'library')
  const name = onlyString(optionOf(algorithm, 'name') ?? algorithm ?? UNKNOWN)
  if (name !== undefined && !AUTHENTICATED_MODES.test(name)) return partOf(data, derived(data), state)
  const tied = [key, optionOf(algorithm, 'additionalData') ?? UNKNOWN]
  return prove(machine, [data], ['rs:verified', ...tied.flatMap((value) => bindingOf(machine, value))], call, state)
}

const subtleVerify: ExternalHandler = (machine, call, state) => {
  const states = call.args.flatMap((arg) => statesIn(arg, 2))
  if (states.length === 0) return callOpaque(machine, 'verify', call, state, NEVER, 'library')
  return verdictOn(machine, states, call.args.slice(3), call, state)
}

const compare: ExternalHandler = (machine, call, state, path) => {
  const result = platform.calls!['node:crypto#timingSafeEqual']!(machine, call, state, path)
  if (result.condition?.whenTrue.includes('rs:verified') === true) machine.emit('state-check', call.site, state, {})
  return result
}

const mac: ExternalHandler = (_machine, call) => withTags(derived(...call.args), ['mac'])

/** `createVerify('sha256').update(data).verify(key, signature)` */
const createVerify: ExternalHandler = (machine, call) => object(machine.library('verifier', call.site, { data: [] }))

const verifierUpdate: MethodHandler = (_machine, target, call) => {
  target.data['data'] = [...(target.data['data'] as readonly Value[]), ...call.args]
  return object(target)
}

const verifierEnd: MethodHandler = (machine, target, call, state) => {
  const signed = target.data['data'] as readonly Value[]
  const states = signed.flatMap((value) => statesIn(value, 1))
  return states.length === 0
    ? callOpaque(machine, 'verify', call, state, object(target), 'library')
    : verdictOn(machine, states, signed, call, state)
}

/** What the person is asked: said to the client, done by nobody. */
const question: ExternalHandler = (_machine, call) => derived(...call.args)

/** The states of our own session layer: sealed, bound, short-lived, and good once unless it is told otherwise. */
const verifyOwn: MethodHandler = (machine, target, call, state) => {
  const once = target.data['isGoodAgain'] === true ? [] : ['rs:spent']
  return prove(
    machine,
    call.args.slice(0, 1),
    ['rs:verified', 'rs:bound', 'rs:fresh', 'rs:request', ...once],
    call,
    state,
  )
}

const sealOwn: MethodHandler = (_machine, target, call) => {
  const once = optionOf(call.args[2], 'once')
  if (once !== undefined && truthiness(once).canBeFalse) target.data['isGoodAgain'] = true
  return tagged('mint', 'sealed')
}

const unsealOwn: MethodHandler = (machine, target, call, state, name) => {
  const proven = verifyOwn(machine, target, call, state, name) ?? UNKNOWN
  const result = machine.allocate('object', call.site)
  result.property('good').write(UNKNOWN.with({ primitives: [true, false] }))
  result.property('state').write(proven)
  return object(result)
}

function requestStates(machine: Machine, call: Call): LibraryObject {
  return machine.library('request-states', call.site)
}

export const requestState: Model = {
  calls: {
    ...Object.fromEntries(TEXT_DECODERS.map((path) => [path, decoder(path, () => platform.calls![path])])),
    ...Object.fromEntries(TOKEN_DECODERS.map((path) => [path, decoder(path, () => credentials.calls![path])])),
    ...Object.fromEntries(TOKEN_VERIFIERS.map((path) => [path, verifyToken(path)])),
    'global:JSON#stringify': stringify,
    // What it is given goes out again.
    'sdk#inputRequired': (_machine, call) => call.args[0] ?? UNKNOWN,
    ...Object.fromEntries(
      ['elicit', 'elicitUrl', 'createMessage', 'listRoots'].map((name) => [`sdk#inputRequired.${name}`, question]),
    ),
    'jose#compactVerify': open(),
    'jose#compactDecrypt': open(),
    'jose#generalVerify': open(),
    'jose#generalDecrypt': open(),
    'jose#flattenedVerify': open(),
    'jose#flattenedDecrypt': open(),
    '@hapi/iron#unseal': unsealIron,
    'iron-webcrypto#unseal': unsealIron,
    'iron-session#unsealData': open('rs:fresh'),
    'cookie-signature#unsign': told,
    'tweetnacl#secretbox.open': told,
    'tweetnacl#sign.open': told,
    'tweetnacl#sign.detached.verify': told,
    'crypto-js#AES.decrypt': decoder('crypto-js#AES.decrypt', () => undefined),
    'crypto-js#HmacSHA256': mac,
    'crypto-js#HmacSHA512': mac,
    'node:crypto#createDecipheriv': createDecipher,
    'node:crypto#createVerify': createVerify,
    'node:crypto#timingSafeEqual': compare,
    'node:crypto#verify': told,
    'node:crypto#subtle.verify': subtleVerify,
    'node:crypto#subtle.decrypt': subtleDecrypt,
    'node:crypto#subtle.sign': mac,
    '@sallyport/session#createRequestStates': (machine, call) => object(requestStates(machine, call)),
    '@sallyport/session/mcp-v2#createRequestStateSeal': (_machine, call) => call.args[0] ?? UNKNOWN,
  },
  constructors: {
    '@sallyport/session#RequestStates': (machine, call) => object(requestStates(machine, call)),
  },
  methods: {
    'mcp-extra': { requestState: readState },
    'request-state-codec': { verify: verifyCodec, mint: () => tagged('mint', 'sealed') },
    'request-states': {
      unseal: unsealOwn,
      seal: sealOwn,
      // As the codec of SDK v2.
      verify: verifyOwn,
      mint: sealOwn,
    },
    decipher: {
      update: decipherPart,
      final: decipherEnd,
      setAAD: setAad,
      setAuthTag: (_machine, target) => object(target),
      setAutoPadding: (_machine, target) => object(target),
    },
    verifier: { update: verifierUpdate, verify: verifierEnd, end: verifierUpdate, write: verifierUpdate },
  },
}
