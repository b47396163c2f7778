/**
 * `logIn(request, user)` in a part of a server: a function that puts somebody into the session of a request. Who calls it is
 * elsewhere, and has found out by then who it is.
 */
import type { Node } from './ast.ts'
import type { Site } from './heap.ts'
import { ClassObject, FunctionObject } from './heap.ts'
import { parametersOf } from './invoke.ts'
import { nameBefore } from './logouts.ts'
import type { Machine } from './machine.ts'
import { wordsOf } from './made-secrets.ts'
import { exportedCells } from './modules.ts'
import { nameOfParameter, registerUncalled } from './roots.ts'
import { methodOf, sharedInstance } from './types.ts'
import type { Value } from './value.ts'
import { UNDEFINED, UNKNOWN, object, tagged } from './value.ts'

const WRITES_SESSION = /\bsession\s*[!?]?(?:\.\s*set\s*\(|\.\s*\w+\s*=[^=>]|\[[^\]\n]{1,80}\]\s*=[^=>])/
const SOMEBODY = /^(?:user|account|member|profile|principal|identity|admin|customer)\b/
const LOGS_IN = /^(?:(?:log|sign) in|(?:establish|start|open|create|begin) (?:\w+ )?session|authenticate|remember user)/

/** Where nothing listens: a whole server has the routes that call such a function, and says what they did before. */
export function registerLoginHelpers(machine: Machine): void {
  if (machine.listens) return
  for (const [node, fn] of machine.functions)
    if (machine.isLeft(node) && isLoginHelper(node, fn.site)) register(machine, fn, UNDEFINED)
  for (const module of machine.modules.values())
    for (const { value } of module.started ? exportedCells(module) : [])
      for (const item of value.objects) if (item instanceof ClassObject) registerMethods(machine, item)
}

function registerMethods(machine: Machine, of: ClassObject): void {
  for (const [name, member] of of.methods) {
    const node = member['value'] as Node
    if (machine.reached.has(node) || !isLoginHelper(node, machine.site(of.env.file, member))) continue
    const instance = object(sharedInstance(machine, of))
    for (const fn of methodOf(machine, instance, name, of.site).objects)
      if (fn instanceof FunctionObject) register(machine, fn, instance)
  }
}

function isLoginHelper(fn: Node, site: Site): boolean {
  const params = parametersOf(fn)
  if (params.length < 2 || !params.some(isRequest) || !WRITES_SESSION.test(site.file.text.slice(fn.start, fn.end)))
    return false
  const isSomebody = params.some((param) => SOMEBODY.test(wordsOf(nameOfParameter(param)).join(' ')))
  return isSomebody || LOGS_IN.test(wordsOf(nameBefore(site)).join(' '))
}

function isRequest(param: Node): boolean {
  return /^_?req(?:uest)?$/.test(nameOfParameter(param))
}

function register(machine: Machine, fn: FunctionObject, self: Value): void {
  registerUncalled(machine, fn, self, '*', (state, request = UNKNOWN) => {
    state.learn(['login'])
    return parametersOf(fn.node).map((param) => (isRequest(param) ? request : tagged('principal')))
  })
}
