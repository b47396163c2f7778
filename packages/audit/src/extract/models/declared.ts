/** Own code of a team that its configuration vouches for. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { HeapObject, Site } from '../heap.ts'
import { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { hasTag, object, tagged } from '../value.ts'
import type { MethodHandler, Model } from './model.ts'

/** What an import of a declared authenticator is: middleware, a check to call, or a factory of either. */
export function declaredAuthenticator(machine: Machine, path: string, site: Site): HeapObject | undefined {
  if (!machine.declared.authenticators.has(path)) return undefined
  return machine.library('middleware', site, { facts: [...VERIFIED], principal: true, declared: true })
}

/** A store of a declared name: what is put in is found again, and lives as long as was said. */
export function declaredStore(machine: Machine, path: string, call: Call, state: State): Value | undefined {
  const timeouts = machine.declared.stores.get(path)
  if (timeouts === undefined) return undefined
  const created = machine.allocate('map', call.site)
  for (const limit of timeouts) {
    // Two limits at one place are two events only on two paths.
    const told = state.fork()
    told.learn([`declared:${limit}`])
    machine.emit('expiry', call.site, told, { store: `${call.site.path}#${call.site.start}`, limit, enabled: true })
  }
  return object(created)
}

/** `await requireUser(request)` checks here and now; `requireUser({ scope })` makes what will check. */
const callAuthenticator: MethodHandler = (machine, target, call, state) => {
  if (target.data['declared'] !== true) return undefined
  if (!call.args.some(isFromRequest)) return object(target)
  state.learn(VERIFIED)
  const goesOn = call.args.find((arg) => arg.objects.some(isNext))
  if (goesOn !== undefined) call_(machine, goesOn, { ...call, args: [] }, state)
  return tagged('cred', 'principal', 'verdict')
}

const REQUESTS = /^(?:request|fastify-request|hono-context|koa-context|fetch-request)$/

function isFromRequest(value: Value): boolean {
  return (
    hasTag(value, 'header') ||
    hasTag(value, 'cookie') ||
    value.objects.some((item) => item instanceof LibraryObject && REQUESTS.test(item.type))
  )
}

function isNext(item: HeapObject): boolean {
  return item.kind === 'function' || (item instanceof LibraryObject && item.type === 'next')
}

export const declared: Model = { methods: { middleware: { '()': callAuthenticator } } }
