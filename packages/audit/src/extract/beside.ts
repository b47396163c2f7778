/**
 * Code that frameworks call beside the handler of a request lets nobody in and serves no session, but it sees the whole
 * request: what it writes down, sets as a cookie and answers with is recorded, nothing else.
 */
import type { Call } from './calls.ts'
import { call_ } from './calls.ts'
import type { EventKind } from './events.ts'
import type { HeapObject, Site } from './heap.ts'
import { FunctionObject } from './heap.ts'
import { parametersOf } from './invoke.ts'
import type { Machine } from './machine.ts'
import type { Beside, Given } from './models/beside.ts'
import { isErrorHandler, noteBeside } from './models/beside.ts'
import { exportedCells } from './modules.ts'
import { State } from './state.ts'
import type { Value } from './value.ts'
import { UNKNOWN, object, tagged } from './value.ts'

const RECORDED: ReadonlySet<EventKind> = new Set(['log', 'answer-body', 'cookie'])

export function runBeside(machine: Machine): void {
  noteExported(machine)
  machine.recordOnly(RECORDED, () => {
    for (const item of machine.beside.values())
      machine.guarded('what stands beside a handler', () => run(machine, item))
  })
}

/** `export function onError(error, req, res, next)`: which app it is for may not be in the tree. */
function noteExported(machine: Machine): void {
  for (const module of machine.modules.values()) {
    if (!module.started || !module.file.text.includes('next')) continue
    for (const { value } of exportedCells(module))
      if (isErrorHandler(value) && value.objects.every(isCalledSo))
        noteBeside(machine, value, ['error', 'request', 'response', 'next'])
  }
}

function isCalledSo(item: HeapObject): boolean {
  const [, request] = item instanceof FunctionObject ? parametersOf(item.node) : []
  return request?.type === 'Identifier' && /^_?req(?:uest)?$/.test(String(request['name']))
}

function run(machine: Machine, { callee, given, self }: Beside): void {
  const { site } = callee.objects[0]!
  const args = given.map((what) => argument(machine, what, site))
  const call: Call = { site, args, argSites: [], self, env: undefined as never }
  machine.root({ trigger: 'request', activation: machine.newActivation() }, () => {
    call_(machine, callee, call, State.beginning())
  })
}

function argument(machine: Machine, what: Given, site: Site): Value {
  if (what === 'unknown') return UNKNOWN
  return what === 'error' ? tagged('error').with({ open: true }) : object(machine.library(what, site))
}
