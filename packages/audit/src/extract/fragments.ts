/**
 * Pieces of a server: functions and files that nothing here calls or serves, but that set cookies, make secrets, sign
 * tokens, seal texts, check signatures, or read what a request offers for a secret. They are run last, and only what they set, make
 * and compare is recorded; who would call them is not known.
 */
import type { Node } from './ast.ts'
import { isNode } from './ast.ts'
import { call_ } from './calls.ts'
import { parametersOf } from './invoke.ts'
import { COMPARES_SECRET, comparedParameters } from './compared.ts'
import type { EventKind } from './events.ts'
import { isForgotten } from './forgotten.ts'
import type { HeapObject, Site } from './heap.ts'
import { ClassObject, FunctionObject, textOf } from './heap.ts'
import type { Machine } from './machine.ts'
import { makesHandle } from './made-secrets.ts'
import { ASKS_ISSUER } from './audiences.ts'
import { nameBefore } from './logouts.ts'
import { part } from './models/requests.ts'
import type { Module } from './modules.ts'
import { argumentsFor, nameOfParameter } from './roots.ts'
import { State } from './state.ts'
import { runModule } from './statements.ts'
import { methodOf, sharedInstance, sharedOf } from './types.ts'
import type { Value } from './value.ts'
import { UNDEFINED, UNKNOWN, object, primitive } from './value.ts'

const RECORDED: ReadonlySet<EventKind> = new Set([
  'cookie',
  'secret-made',
  'secret-use',
  'comparison',
  'token',
  'token-check',
])

/** Where nothing listens, whoever mounts the pieces is not in the tree: what they let in by URL counts as well. */
const RECORDED_OF_PARTS: ReadonlySet<EventKind> = new Set([
  ...RECORDED,
  'url-credential',
  'query-read',
  'audience',
  'log',
])

/** A file, or a function in it, that may set a cookie, make what must not be guessed, or read a credential. */
const SETS_COOKIE =
  /set-?cookie|\bcreate\w*SessionStorage\b|document\.cookie|\bcookies?\w*\s*\.\s*(?:set|serialize)\s*\(|\.cookie\s*\(/i
const DRAWS = /\bMath\s*\.\s*random\b|\b_\s*\.\s*(?:random|sample)|\b(?:md5|sha-?\d+|createHash)\b[^\n]{0,120}\bDate\b/i
const READS_CREDENTIAL =
  /\bheaders?\b[^\n]{0,40}\b(?:authorization|(?:[\w-]*[-_])?(?:api[-_]?key|token|secret|signature)(?:_header)?)\b|\.(?:get|header|getHeader)\(\s*['"`](?:authorization|x-[\w-]*(?:key|token|secret|signature))\b/i
const HANDLES_TOKEN =
  /\bnew\s+(?:\w+\s*\.\s*)?SignJWT\b|\bjwtVerify\s*\(|\b(?:jwt|jsonwebtoken)\s*\.\s*(?:sign|verify)\s*\(/
/** `const { sign } = jwt`, `import { jwtVerify } from 'jose'`: told by the library, since the call names none. */
const IMPORTS_TOKENS = /(?:\bfrom|\brequire\()\s{0,40}['"](?:jsonwebtoken|jose|fast-jwt|jwt-simple)['"]/
const MAKES_TOKEN = /(?<![.\w])(?:sign|verify|jwtVerify|encode)\s{0,40}\(/
const SEALS = /\bcreateCipheriv\b|\bAES\s*\.\s*encrypt\b|\bsubtle\s*\.\s*(?:encrypt|importKey|deriveKey)\b/
const NAMES_SESSION_ID = /\b(?:create|generate|make|new|next|mint)_?Session_?(?:id|key|token)\b/i
const NAMES_DRAWN =
  /pass|secret|token|key|sid\b|uid|guid|otp|jwt|session|credential|code|(?:client|conn|connection|socket|peer)_?id\b/i

/** `reached`: functions that have been run. */
export function runFragments(machine: Machine, reached: ReadonlySet<Node>): void {
  machine.recordOnly(machine.listens ? RECORDED : RECORDED_OF_PARTS, () => {
    for (const module of machine.modules.values()) {
      if (machine.leftBehind.has(module.file.path)) continue
      if (!isFragment(module.file.text) && !countsInParts(machine, module.file.text)) continue
      runModule(machine, module)
      for (const left of leftIn(machine, module)) {
        if (reached.has(left.fn.node) || machine.reached.has(left.fn.node)) continue
        const text = namedText(left.fn)
        const isWanted = left.opens === true || isPiece(text, left.fn.site) || countsInParts(machine, text)
        if (isWanted && !(left.self === UNDEFINED && isForgotten(machine, left.fn, module))) runLeft(machine, left)
      }
    }
    runGivenAway(machine)
  })
}

/**
 * `guard.use(async ({ ctx, next }) => …)`: a layer that was given to code that we cannot see. What it is called with holds
 * the request, by the names of its parts.
 */
function runGivenAway(machine: Machine): void {
  for (const [node, { site, env }] of machine.functions) {
    if (!machine.givenAway.has(node) || machine.served.has(node) || !holdsRequest(node, site)) continue
    const code = textOf(site)
    if (!READS_CREDENTIAL.test(code) && !HANDLES_TOKEN.test(code) && !MAKES_TOKEN.test(code)) continue
    const isContext = isContextOfCall(nameOfParameter(parametersOf(node)[0]!), code)
    const given = isContext ? object(machine.library('carrier', site)).with({ open: true }) : requestIn(machine, site)
    machine.root({ trigger: 'startup', activation: 0 }, () =>
      machine.guarded('a function', () => {
        const call = { site, args: [given], argSites: [], self: UNDEFINED, env }
        call_(machine, object(machine.functions.get(node)!), call, State.beginning())
      }),
    )
  }
}

const PARTS: ReadonlyMap<string, string> = new Map([
  ['ctx', 'koa-context'],
  ['context', 'koa-context'],
  ['req', 'request'],
  ['request', 'fetch-request'],
])

function holdsRequest(node: Node, { file }: Site): boolean {
  const [given] = parametersOf(node)
  const code = file.text.slice(node.start, node.end)
  if (given?.type === 'Identifier' && isContextOfCall(String(given['name']), code)) return true
  if (given?.type === 'Identifier') return new RegExp(String.raw`\b${String(given['name'])}\.ctx\b`).test(code)
  const parts = given?.type === 'ObjectPattern' ? (given['properties'] as Node[]) : []
  return parts.some(({ key }) => isNode(key) && PARTS.has(String(key['name'])))
}

/** `createEndpoint('/callback', async (ctx) => { ctx.body.idToken … })` */
function isContextOfCall(name: string, code: string): boolean {
  return (
    /^(?:ctx|context|c)$/.test(name) && new RegExp(String.raw`\b${name}\.(?:body|headers|query|cookies)\b`).test(code)
  )
}

function requestIn(machine: Machine, site: Site): Value {
  const given = machine.allocate('object', site)
  for (const [name, type] of PARTS) given.property(name).write(object(machine.library(type, site)))
  return object(given).with({ open: true })
}

function isFragment(text: string): boolean {
  const draws = (DRAWS.test(text) && NAMES_DRAWN.test(text)) || NAMES_SESSION_ID.test(text)
  const signs = HANDLES_TOKEN.test(text) || MAKES_MAC.test(text) || IMPORTS_TOKENS.test(text)
  return (
    draws || signs || SEALS.test(text) || SETS_COOKIE.test(text) || READS_CREDENTIAL.test(text) || asksRequest(text)
  )
}

/** `const token = tokenOf(request.headers) … keys.find((item) => item.key === token)`: what reads the credential is elsewhere. */
function asksRequest(text: string): boolean {
  return PASSES_HEADERS.test(text) && (COMPARES_SECRET.test(text) || COMPARES_KEY.test(text))
}

const PASSES_HEADERS =
  /\w\(\s{0,9}(?:req|request|ctx|context|c)\s{0,9}(?:\.\s{0,9}(?:req|request|raw)\s{0,9})?(?:\.\s{0,9}headers\s{0,9})?[,)]/
const COMPARES_KEY =
  /\b\w{0,20}(?:token|secret|key|bearer|credential)\s{0,4}[!=]==?\s{0,4}(?:\w{1,20}[?!]?\.\s{0,4}){1,4}\w{0,20}(?:token|secret|key)\b|\.\s{0,4}\w{0,20}(?:token|secret|key)\s{0,4}[!=]==?\s{0,4}\w{0,20}(?:token|secret|key|bearer|credential)\b/i

/** Middleware for an app that is not in the tree, whatever its credential is called; code that looks for one in a URL; settings that others go by. */
function countsInParts({ listens }: Machine, text: string): boolean {
  return (
    !listens &&
    (ASKS_ISSUER.test(text) ||
      WRITES_KEY.test(text) ||
      STANDS_BEFORE.test(text) ||
      READS_URL.test(text) ||
      LOGS_TOKEN.test(text) ||
      COMPARES_SECRET.test(text) ||
      FALLS_BACK.test(text))
  )
}

/** `logger.warn('bad header: %s', authHeader)` */
const LOGS_TOKEN =
  /\b(?:console|log(?:ger)?|debug)\s{0,9}\.\s{0,9}\w{1,12}\s{0,9}\([^;]{0,160}\b(?:auth(?:orization)?_?header|authorization|(?:access|bearer|auth)?_?token|jwt)\b/i

/** `JWT_SECRET || 'dev'`, `SESSION_KEY: z.string().default('dev')`, `get('AUTH_SECRET', 'dev')` */
const FALLS_BACK =
  /(?:session|cookie|jwt|signing|encryption|auth|admin|master)\w{0,40}(?:secret|key|passw)\w{0,20}['"`]?[\])]{0,2}[^\S\n]{0,10}(?:\?\?|\|\||,|:[^\n]{0,160}\bdefault\b)/i

/** `settings.jwt_secret = '…'` */
const WRITES_KEY = /(?:session|cookie|jwt|signing|encryption)_?(?:secret|key)\s{0,9}=\s{0,9}['"`]\S/i

const READS_URL =
  /\bhandshake\s{0,9}\??\.\s{0,9}query\b|\b(?:searchParams\s{0,40}\.\s{0,40}get\s{0,40}\(\s{0,40}['"`]|query\s{0,40}(?:\.|\[\s{0,40}['"`]))[\w-]{0,40}(?:token|key|secret|session|sid|auth|jwt|password)\b/i

const STANDS_BEFORE =
  /\b(?:req|request|ctx|context|c)\s{0,40}\.\s{0,40}(?:(?:req|request)\s{0,40}\.\s{0,40})?(?:headers?|query|cookies)\b[^]{0,2000}?\bnext\s{0,40}\(/

/** A function of such a file. What makes the MAC that it compares may be another one. */
function isPiece(text: string, { file, start }: Pick<Site, 'file' | 'start'>): boolean {
  if (DRAWS.test(text) && makesHandle(nameBefore({ file, start }), { file, start }, text)) return true
  if (MAKES_TOKEN.test(text) && IMPORTS_TOKENS.test(file.text)) return true
  return isFragment(text) || (MAKES_MAC.test(file.text) && COMPARES_MAC.test(text) && /[!=]==?/.test(text))
}

const MAKES_MAC = /\bcreateHmac\b|\bCryptoHasher\b/
const COMPARES_MAC = /sign|h?mac\b|digest/i

interface Left {
  readonly fn: FunctionObject
  readonly self: Value
  /** By its name it opens a session; what it does is run for that. */
  readonly opens?: boolean
}

/** Functions of a module: declared, assigned, in the objects that it exports, and methods of its classes. */
function leftIn(machine: Machine, module: Module): readonly Left[] {
  const cells = [...module.env.ownCells(), ...module.exports.values(), module.commonjsCell]
  const opened = new Map<HeapObject, number>()
  return [...new Set(cells)].flatMap((cell) =>
    cell.value.objects.flatMap((item) => functionsIn(machine, item, 3, opened)),
  )
}

/** `opened`: how deep objects were already searched, which others may share. */
function functionsIn(
  machine: Machine,
  item: HeapObject,
  depth: number,
  opened = new Map<HeapObject, number>(),
): readonly Left[] {
  if (item instanceof ClassObject) return methodsOf(machine, item)
  if (item instanceof FunctionObject) return [{ fn: item, self: UNDEFINED }, ...functionsOf(machine, item)]
  if (item.kind !== 'object' || (opened.get(item) ?? 0) >= depth) return []
  opened.set(item, depth)
  return [...item.properties.values()].flatMap((cell) =>
    cell.value.objects.flatMap((inner) => functionsIn(machine, inner, depth - 1, opened)),
  )
}

/** `Manager.create = …`, and `Manager.prototype.generateId = …`, which is called on something that `new Manager()` has made. */
function functionsOf(machine: Machine, of: FunctionObject): readonly Left[] {
  const own = [...of.properties].flatMap(([name, cell]) =>
    name === 'prototype' ? [] : functionsAt(cell.value, UNDEFINED),
  )
  const inherited = of.properties.has('prototype')
    ? of.prototypes.flatMap(({ properties }) => [...properties.values()])
    : []
  const pieces = inherited
    .flatMap(({ value }) => functionsAt(value, UNDEFINED))
    .filter(({ fn }) => isPiece(namedText(fn), fn.site) || countsInParts(machine, namedText(fn)))
  if (pieces.length === 0) return own
  const self = object(sharedOf(machine, of))
  return [...own, ...pieces.map(({ fn }) => ({ fn, self }))]
}

function functionsAt(value: Value, self: Value): readonly Left[] {
  return value.objects.flatMap((item) => (item instanceof FunctionObject ? [{ fn: item, self }] : []))
}

function methodsOf(machine: Machine, of: ClassObject): readonly Left[] {
  const draws = DRAWS.test(of.env.file.text)
  const names = [...of.methods].filter(
    ([name, member]) =>
      name !== 'constructor' &&
      ((draws && OPENS_SESSION.test(name)) ||
        isPiece(codeOf(of, member), placeOf(of, member)) ||
        countsInParts(machine, codeOf(of, member))),
  )
  if (names.length === 0) return []
  const instance = sharedInstance(machine, of)
  return names.flatMap(([name]) =>
    methodOf(machine, object(instance), name, instance.site)
      .objects.filter((item) => item instanceof FunctionObject)
      .map((fn) => ({ fn, self: object(instance), opens: draws && OPENS_SESSION.test(name) })),
  )
}

/** `createSession()`: how its ID is drawn, a field may say, or another function of the file. */
const OPENS_SESSION =
  /^_?(?:create|open|start|begin|new|init|register|issue|add)_?\w{0,20}(?:session|token|connection)$/i

function runLeft(machine: Machine, { fn, self }: Left): void {
  const takesArguments = parametersOf(fn.node).length > 0
  machine.root({ trigger: 'startup', activation: 0 }, () =>
    machine.guarded('a function', () => {
      const args = takesArguments ? argumentsOf(machine, fn) : []
      const made = call_(
        machine,
        object(fn),
        { site: fn.site, args, argSites: [], self, env: fn.env },
        State.beginning(),
      )
      for (const target of made.objects) {
        if (target.kind === 'object') runParts(machine, target)
        // `guard(options)` makes what stands before handlers.
        if (target instanceof FunctionObject && !machine.reached.has(target.node)) {
          const given = argumentsOf(machine, target, fn.name ?? nameBefore(fn.site))
          const call = { site: target.site, args: given, argSites: [], self: UNDEFINED, env: target.env }
          call_(machine, object(target), call, State.beginning())
        }
      }
    }),
  )
}

/** In a part, `verifyAccessToken(token)` is called for what a request has presented. */
function argumentsOf(machine: Machine, { node, site, name }: FunctionObject, maker = ''): readonly Value[] {
  const usual = argumentsFor(machine, node, site)
  if (machine.listens) return usual
  const params = parametersOf(node).map(nameOfParameter)
  const called = name ?? nameBefore(site)
  const isOffered = VERIFIES_TOKEN.test(called) || MAKES_VERIFIER.test(maker)
  const compared = comparedParameters(called, params, textOf(site))
  if (compared.length > 0) return usual.map((value, index) => compared[index] ?? value)
  return usual.map((value, index) =>
    IS_HEADER.test(params[index]!) || (isOffered && IS_TOKEN.test(params[index]!))
      ? part('header', primitive('authorization'))
      : value,
  )
}

const IS_HEADER = /^auth(?:orization)?_?header(?:_?value)?$/i

const VERIFIES_TOKEN =
  /^_?(?:verify|validate|authenticate|introspect|check)_?(?:access|bearer|auth|oauth|transparent|gateway|remote|external)?_?(?:token|jwt|request)?$/i
/** `createTokenVerifier(options)` makes a function that is called as one that is called so. */
const MAKES_VERIFIER =
  /^(?:create|make|build|get|new|define)?\w{0,20}(?:(?:token|jwt|bearer|oauth|oidc)_?(?:verif|validat|authenticat|check)|(?:verify|validate|check)\w{0,12}(?:token|jwt))/i
const IS_TOKEN = /^(?:access|bearer|auth)?_?(?:token|jwt)$/i

/** `createStorage({ … })` gives an object with the functions that do the work, on what this one was given. */
function runParts(machine: Machine, made: HeapObject): void {
  for (const { fn, self } of functionsIn(machine, made, 1).slice(0, MOST_PARTS)) {
    const isVerifier = VERIFIES_TOKEN.test(fn.name ?? nameBefore(fn.site))
    const args = isVerifier ? argumentsOf(machine, fn) : parametersOf(fn.node).map(() => UNKNOWN)
    call_(machine, object(fn), { site: fn.site, args, argSites: [], self, env: fn.env }, State.beginning())
  }
}

const MOST_PARTS = 12

/** With what it is called: `const resetToken = () => …`. */
function namedText({ site }: FunctionObject): string {
  return `${nameBefore(site)} ${textOf(site)}`
}

function placeOf({ env: { file } }: ClassObject, { value }: Node): Pick<Site, 'file' | 'start'> {
  return { file, start: (value as Node).start }
}

function codeOf(of: ClassObject, member: Node): string {
  return of.env.file.text.slice(member.start, member.end)
}
