/**
 * New passwords in code that nothing here serves: handlers of routes that are registered elsewhere, and methods of
 * services that nobody here calls. They are run last, and only what they do about passwords and sessions is recorded.
 */
import type { Node } from './ast.ts'
import { call_ } from './calls.ts'
import { parametersOf } from './invoke.ts'
import type { EventKind } from './events.ts'
import type { Environment, HeapObject, Site } from './heap.ts'
import { ClassObject, FunctionObject, textOf } from './heap.ts'
import type { Machine } from './machine.ts'
import { nameBefore, namesPasswordChange } from './logouts.ts'
import { argumentsFor, isHandlerOfRequests } from './roots.ts'
import { State } from './state.ts'
import { runModule } from './statements.ts'
import { methodOf, sharedInstance } from './types.ts'
import type { Value } from './value.ts'
import { UNDEFINED, object } from './value.ts'

const RECORDED: ReadonlySet<EventKind> = new Set(['password-set', 'cookie', 'token', 'login', 'web-session'])
/** What is stored of a password is a hash of it. */
const HASHES = /bcrypt|argon|scrypt|pbkdf2|hash/i
const NAMES_CHANGE = /(?:change|update|edit|reset)\w{0,60}pass/i
const PASSWORD = /pass(?:word|wd)|pash\b/i

/** Two looks at a text, and not one that looks for the second word after each first: a hostile text has many. */
function mayChange(text: string): boolean {
  return /pass/i.test(text) && (HASHES.test(text) || NAMES_CHANGE.test(text))
}

interface Left {
  readonly site: Site
  readonly node: Node
  readonly env: Environment
  readonly callee: () => Value
  readonly self: Value
}

interface Named extends Left {
  readonly name: string
}

/** Code that keeps logins, or that ends them: whoever has it has sessions that a new password should end. */
const KEEPS_LOGINS =
  /(?:\bfrom|\brequire\()\s*['"](?:express-session|cookie-session|passport|iron-session|lucia|better-auth|next-auth|@auth\/|@fastify\/(?:session|secure-session)|koa-session)|\b(?:revoke|delete|destroy|invalidate|end|remove|clear|drop|purge)\w{0,60}(?:Sessions?|RefreshTokens?|Logins)\w{0,60}\s{0,9}\(|\b(?:\w{0,60}[sS]essions?|refresh_?[tT]okens?)\w{0,60}\s{0,99}\.\s{0,99}(?:delete|destroy|remove|update|create|insert|save)\w{0,60}\s{0,9}\(/

/** Whether the text of a module shows that logins are kept. */
export function keepsLogins(text: string): boolean {
  return KEEPS_LOGINS.test(text)
}

export function runPasswordChanges(machine: Machine): void {
  const modules = [...machine.modules.values()].filter(({ file }) => mayChange(file.text))
  const isLeft = ({ node }: Left): boolean => machine.isLeft(node)
  machine.recordOnly(RECORDED, () => {
    for (const module of modules) runModule(machine, module)
    const methods = classesIn(modules).flatMap((of) => methodsOf(machine, of))
    const handlers = [...machine.functions.values()].map(functionOf)
    for (const left of [...handlers, ...methods])
      if (isLeft(left) && isHandlerOfRequests(left.node) && PASSWORD.test(textOf(left.site))) run(machine, left)
    for (const left of [...methods, ...(machine.listens ? [] : handlers)])
      if (isLeft(left) && isService(left)) run(machine, left)
  })
}

/** It is called after a change of passwords and makes the hash itself; what only stores it is for others to call. */
function isService(left: Named): boolean {
  return namesPasswordChange(left.name) && HASHES.test(textOf(left.site))
}

function functionOf(fn: FunctionObject): Named {
  return {
    name: fn.name ?? nameBefore(fn.site),
    site: fn.site,
    node: fn.node,
    env: fn.env,
    callee: () => object(fn),
    self: UNDEFINED,
  }
}

function classesIn(modules: readonly { readonly env: Environment }[]): readonly ClassObject[] {
  return modules.flatMap(({ env }) => [...env.ownCells()].flatMap((cell) => cell.value.objects.filter(isClass)))
}

function isClass(item: HeapObject): item is ClassObject {
  return item instanceof ClassObject
}

function methodsOf(machine: Machine, of: ClassObject): readonly Named[] {
  return [...of.methods].flatMap(([name, member]) => {
    const node = member['value'] as Node
    if (name === 'constructor' || !PASSWORD.test(of.env.file.text.slice(member.start, member.end))) return []
    const site = machine.site(of.env.file, node)
    const self = object(sharedInstance(machine, of))
    const callee = (): Value => methodOf(machine, self, name, site)
    return [{ name, site, node, env: of.env, callee, self }]
  })
}

function run(machine: Machine, { site, node, env, callee, self }: Left): void {
  machine.root({ trigger: 'request', activation: machine.newActivation() }, () =>
    machine.guarded('a function', () => {
      const args = parametersOf(node).length > 0 ? argumentsFor(machine, node, site) : []
      call_(machine, callee(), { site, args, argSites: [], self, env }, State.beginning())
    }),
  )
}

/** `users.changePassword(…)` on something we have not seen being made: the method of the only class that has it. */
export function onlyMethod(
  machine: Machine,
  name: string,
): { readonly fn: FunctionObject; readonly self: Value } | undefined {
  const definesIt = new RegExp(String.raw`\b${name}\s{0,9}(?:<[^>]{0,200}>)?\([^)]{0,600}\)[^;{]{0,300}\{`)
  const modules = [...machine.modules.values()].filter(({ file }) => definesIt.test(file.text))
  for (const module of modules) runModule(machine, module)
  const classes = classesIn(modules).filter(({ methods }) => methods.has(name))
  const [of] = classes
  if (of === undefined || classes.length > 1) return undefined
  const self = object(sharedInstance(machine, of))
  const method = methodOf(machine, self, name, of.site)
  const fn = method.objects.find((item) => item instanceof FunctionObject)
  return fn === undefined ? undefined : { fn, self }
}
