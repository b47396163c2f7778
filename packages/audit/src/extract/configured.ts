/**
 * State that outlives requests though no variable of the program holds it: clients made by code we cannot see, packages,
 * settings of the process. A request tells them whom to speak for, and the next one finds them so.
 */
import type { Node } from './ast.ts'
import { bare, isNode } from './ast.ts'
import type { Call } from './calls.ts'
import type { Cell, Environment, HeapObject, Site } from './heap.ts'
import type { LibraryObject } from './heap.ts'
import { ExternalObject, FunctionObject, InstanceObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { contentOf } from './secrets.ts'
import { emitSharedRead, emitSharedWrite, inRequest, isIdentityService, noteClientUse } from './shared.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { hasTag, withTags } from './value.ts'

/** `client.setToken(token)`, `oauth.setCredentials({ access_token })`: one caller for all that it is asked from now on. */
const SPEAKS_FOR =
  /^(?:set|use|configure)_?\w*(?:auth|token|credential|api_?key|bearer|jwt|password|cookie|session)\w*$/i

/** `supabase.auth.signInWithPassword(…)`: from then on, whatever that client asks for it asks for as this user. */
const LOGS_IN = /^(?:signInWith(?:Password|Otp|IdToken)|signUp|verifyOtp|setSession|exchangeCodeForSession)$/

function logsIn(receiver: Node, name: string): boolean {
  const of = bare(receiver)
  return LOGS_IN.test(name) && of.type === 'MemberExpression' && (of['property'] as Node)['name'] === 'auth'
}

/** A method of an object that start-up made is told a credential that a request brought. What also takes a key keeps many. */
export function noteConfigured(
  machine: Machine,
  receiver: Node,
  name: string,
  call: Call,
  state: State,
  env: Environment,
): void {
  if (!inRequest(machine) || call.args.length !== 1 || !isUnseen(call.self)) return
  if (!SPEAKS_FOR.test(name) && !logsIn(receiver, name)) return
  const told = contentOf(call.args)
  // That tokens are put in to be renewed says nothing to anybody else.
  const services = call.self.objects.filter(isLastingService)
  if (services.length > 0 && !hasTag(told, 'granted') && !hasTag(told, 'header')) return
  const cell = noteToldOf(machine, receiver, told, call.site, state, env)
  for (const service of services) service.data['told'] = cell
}

/** `api.defaults.headers.common.Authorization = token`: a part of such an object is set. */
export function noteConfiguredPart(
  machine: Machine,
  receiver: Node,
  target: Value,
  value: Value,
  site: Site,
  state: State,
  env: Environment,
): void {
  if (inRequest(machine) && isUnseen(target)) noteToldOf(machine, receiver, contentOf([value]), site, state, env)
}

/** Made elsewhere: nothing of it is in the tree. */
function isUnseen({ objects, open, primitives }: Value): boolean {
  if (objects.length > 0) return objects.every((item) => isOfPackage(item) || isLastingService(item))
  return open && primitives.every((item) => item === undefined || item === null)
}

function isOfPackage(item: HeapObject): boolean {
  return item instanceof ExternalObject && !isOfPlatform(item)
}

/** Made at start-up, it has the tokens of one caller at a time. */
function isLastingService(item: HeapObject): item is LibraryObject {
  return isIdentityService(item) && item.born === 0
}

/** `google.drive({ auth: client })`: what is made of a client speaks for whoever it does. */
export function noteClientsGiven(machine: Machine, { args, site }: Call, state: State): void {
  if (!inRequest(machine)) return
  for (const options of args.flatMap(({ objects }) => objects)) {
    if (options.kind !== 'object') continue
    for (const name of ['auth', 'authClient'])
      for (const item of options.properties.get(name)?.value.objects ?? []) noteClientUse(machine, item, site, state)
  }
}

function isOfPlatform({ path }: ExternalObject): boolean {
  return path.startsWith('global:') || path.startsWith('node:')
}

function noteToldOf(
  machine: Machine,
  node: Node,
  told: Value,
  site: Site,
  state: State,
  env: Environment,
): Cell | undefined {
  if (!hasTag(told, 'cred') || hasTag(told, 'hash')) return undefined
  const cell = lastingCell(machine, node, env)
  if (cell !== undefined) emitSharedWrite(machine, cell, told, site, state)
  return cell
}

/** Where what `api.defaults.headers` is a part of stands, if that outlives the request. */
function lastingCell(machine: Machine, node: Node, env: Environment): Cell | undefined {
  const inner = bare(node)
  if (inner.type === 'Identifier') return lastingVariable(machine, String(inner['name']), env)
  if (inner.type === 'CallExpression') return lastingAnswer(machine, bare(inner['callee'] as Node), env)
  if (inner.type !== 'MemberExpression') return undefined
  const of = bare(inner['object'] as Node)
  if (of.type !== 'ThisExpression') return lastingCell(machine, of, env)
  const name = inner['computed'] === true ? undefined : String((inner['property'] as Node)['name'])
  const holder = env.findSelf()?.objects.find((item) => item instanceof InstanceObject && item.born === 0)
  return name === undefined ? undefined : holder?.properties.get(name)
}

/** What `getClient()` gives everybody: the variable that it returns. */
function lastingAnswer(machine: Machine, callee: Node, env: Environment): Cell | undefined {
  const named = callee.type === 'Identifier' ? env.find(String(callee['name']))?.value : undefined
  for (const item of named?.objects ?? []) {
    const body = item instanceof FunctionObject ? (item.node['body'] as Node) : undefined
    const last = body?.type === 'BlockStatement' ? (body['body'] as Node[]).at(-1) : undefined
    const returned = last?.type === 'ReturnStatement' ? (last['argument'] as Node | null) : undefined
    if (!isNode(returned) || bare(returned).type !== 'Identifier') continue
    return lastingVariable(machine, String(bare(returned)['name']), (item as FunctionObject).env)
  }
  return undefined
}

function lastingVariable(machine: Machine, name: string, env: Environment): Cell | undefined {
  const cell = env.find(name)
  const library = cell?.value.objects.find((item): item is ExternalObject => item instanceof ExternalObject)
  if (library !== undefined) return machine.libraryCell(packageOf(library.path))
  return cell?.born === 0 ? cell : undefined
}

/** Whatever is asked of a package finds what it was told before. */
export function noteLibraryUse(machine: Machine, path: string, site: Site, state: State): void {
  const cell = machine.toldLibraries.get(packageOf(path))
  if (cell === undefined || !inRequest(machine)) return
  emitSharedRead(machine, cell, true, site, state)
}

/** `new Client({ auth: token })`: what it is asked for is what this caller may have. */
export function speakingFor(machine: Machine, made: Value, args: readonly Value[]): Value {
  if (made.objects.length > 0 || !inRequest(machine)) return made
  const given = contentOf(args)
  return hasTag(given, 'cred') && !hasTag(given, 'hash') ? withTags(made, ['speaks-for']) : made
}

function packageOf(path: string): string {
  return path.split('#')[0] ?? path
}
