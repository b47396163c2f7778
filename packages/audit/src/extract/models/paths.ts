/** Paths that a program puts together, and modules that it loads by them. */
import { posix } from 'node:path'
import type { Call } from '../calls.ts'
import { ExternalObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { requireModule } from '../modules.ts'
import { runModule } from '../statements.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, derived, joinAll, object, onlyString, primitive, strings } from '../value.ts'
import type { ExternalHandler, Model } from './model.ts'

/** A path in the tree as the program sees it: its root stands for wherever it is checked out. */
function ownPath(call: Call): string {
  return `/${call.site.path}`
}

function textOf(value: Value, call: Call): string | undefined {
  for (const item of value.objects) {
    if (!(item instanceof ExternalObject)) continue
    if (item.path === 'global:__dirname' || item.path === 'global:import.meta#dirname')
      return posix.dirname(ownPath(call))
    if (/^global:(?:__filename|import\.meta#(?:url|filename))$/.test(item.path)) return ownPath(call)
  }
  return onlyString(value)
}

const joined: ExternalHandler = (_machine, call) => {
  const parts = call.args.map((arg) => textOf(arg, call))
  return parts.length > 0 && parts.every((part) => part !== undefined)
    ? primitive(posix.join(...parts))
    : derived(...call.args)
}

const resolved: ExternalHandler = (_machine, call) => {
  const parts = call.args.map((arg) => textOf(arg, call))
  return parts[0]?.startsWith('/') === true && parts.every((part) => part !== undefined)
    ? primitive(posix.resolve(...parts))
    : derived(...call.args)
}

const dirname: ExternalHandler = (_machine, call) => {
  const path = textOf(call.args[0] ?? UNKNOWN, call)
  return path === undefined ? derived(...call.args) : primitive(posix.dirname(path))
}

const asPath: ExternalHandler = (_machine, call) => {
  const path = textOf(call.args[0] ?? UNKNOWN, call)
  return path === undefined ? derived(...call.args) : primitive(path)
}

/** What `require` gives for any of the texts that its argument may be. */
const load: ExternalHandler = (machine, call) => {
  const found = strings(call.args[0] ?? UNKNOWN).map((specifier) => loaded(machine, specifier, call))
  return found.length === 0 ? UNKNOWN : joinAll(found)
}

function loaded(machine: Machine, specifier: string, call: Call): Value {
  return requireModule(machine, withinTree(specifier, call), call.env.file, (module) => runModule(machine, module))
}

/** `/node_modules/some/file.js` is of that package, whoever asks; any other path is seen from the file that asks. */
export function withinTree(specifier: string, call: Pick<Call, 'site'>): string {
  const inPackage = /^\/(?:.*\/)?node_modules\/((?!.*\/node_modules\/).+)$/.exec(specifier)?.[1]
  if (inPackage !== undefined) return inPackage
  if (!specifier.startsWith('/')) return specifier
  const path = posix.relative(posix.dirname(`/${call.site.path}`), specifier)
  return path.startsWith('.') ? path : `./${path}`
}

export const paths: Model = {
  calls: {
    ...Object.fromEntries(
      ['node:path#', 'node:path#posix.', 'node:path/posix#'].flatMap((path) => [
        [`${path}join`, joined],
        [`${path}resolve`, resolved],
        [`${path}dirname`, dirname],
      ]),
    ),
    'node:url#fileURLToPath': asPath,
    'node:module#createRequire': (_machine, call) => object(new ExternalObject('global:require', call.site)),
    'global:require': load,
    'global:require#resolve': (_machine, call) => call.args[0] ?? UNKNOWN,
  },
}
