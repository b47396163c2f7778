/**
 * State that outlives requests though no variable of the program holds it: clients made by code we cannot see, packages,
 * settings of the process. A request tells them whom to speak for, and the next one finds them so.
 */
import type { Node } from './ast.ts'
import { bare } from './ast.ts'
import type { Call } from './calls.ts'
import type { Cell, Environment, Site } from './heap.ts'
import { ExternalObject, InstanceObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { contentOf } from './secrets.ts'
import { emitSharedWrite, inRequest } from './shared.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { hasTag, withTags } from './value.ts'

/** `client.setToken(token)`, `oauth.setCredentials({ access_token })`: one caller for all that it is asked from now on. */
const SPEAKS_FOR =
  /^(?:set|use|configure)_?\w*(?:auth|token|credential|api_?key|bearer|jwt|password|cookie|session)\w*$/i

/** A method of an object that start-up made is told a credential that a request brought. What also takes a key keeps many. */
export function noteConfigured(
  machine: Machine,
  receiver: Node,
  name: string,
  call: Call,
  state: State,
  env: Environment,
): void {
  if (!inRequest(machine) || call.args.length !== 1 || !SPEAKS_FOR.test(name) || !isUnseen(call.self)) return
  noteToldOf(machine, receiver, contentOf(call.args), call.site, state, env)
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
  if (objects.length > 0) return objects.every((item) => item instanceof ExternalObject && !isOfPlatform(item))
  return open && primitives.every((item) => item === undefined || item === null)
}

function isOfPlatform({ path }: ExternalObject): boolean {
  return path.startsWith('global:') || path.startsWith('node:')
}

function noteToldOf(machine: Machine, node: Node, told: Value, site: Site, state: State, env: Environment): void {
  if (!hasTag(told, 'cred') || hasTag(told, 'hash')) return
  const cell = lastingCell(machine, node, env)
  if (cell !== undefined) emitSharedWrite(machine, cell, told, site, state)
}

/** Where what `api.defaults.headers` is a part of stands, if that outlives the request. */
function lastingCell(machine: Machine, node: Node, env: Environment): Cell | undefined {
  const inner = bare(node)
  if (inner.type === 'Identifier') return lastingVariable(machine, String(inner['name']), env)
  if (inner.type !== 'MemberExpression') return undefined
  const of = bare(inner['object'] as Node)
  if (of.type !== 'ThisExpression') return lastingCell(machine, of, env)
  const name = inner['computed'] === true ? undefined : String((inner['property'] as Node)['name'])
  const holder = env.findSelf()?.objects.find((item) => item instanceof InstanceObject && item.born === 0)
  return name === undefined ? undefined : holder?.properties.get(name)
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
  machine.emit('shared-read', site, state, { cell, name: cell.name, moment: machine.moment, ofOthers: true })
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
