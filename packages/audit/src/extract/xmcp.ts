/** xmcp: a framework that serves what lies in its folders, as its configuration says, behind what `src/middleware.ts` exports. */
import { posix } from 'node:path'
import type { Call } from './calls.ts'
import type { Machine } from './machine.ts'
import { flat } from './models/express.ts'
import { bag } from './models/requests.ts'
import { optionOf, registerRoute } from './models/routing.ts'
import type { Module } from './modules.ts'
import { State } from './state.ts'
import { runModule } from './statements.ts'
import type { Value } from './value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, truthiness } from './value.ts'

const CONFIG = /(?:^|\/)xmcp\.config\.[cm]?[jt]s$/
const MIDDLEWARE = /^(?:src\/)?middleware\.[cm]?[jt]s$/

/** Registers the server of each configuration in the tree, with its tools. */
export function registerXmcp(machine: Machine): void {
  for (const module of machine.modules.values()) {
    if (!CONFIG.test(module.file.path)) continue
    const config = exportedBy(machine, module)
    const [made] = config?.objects ?? []
    if (config === undefined || made === undefined) continue
    machine.servesMcp = true
    const call: Call = { site: made.site, args: [], argSites: [], self: UNDEFINED, env: module.env }
    const folder = posix.dirname(module.file.path)
    registerTools(machine, folder, config)
    const http = optionOf(config, 'http')
    if (http !== undefined && truthiness(http).canBeTrue) serve(machine, http, folder, call)
  }
}

/** It keeps no sessions: each request has a transport and a server of its own. */
function serve(machine: Machine, http: Value, folder: string, call: Call): void {
  const state = State.beginning()
  const app = machine.library('express-app', call.site)
  const host = optionOf(http, 'host') ?? UNDEFINED
  machine.emit('listen', call.site, state, { host, tls: false, defaultHost: 'localhost', what: 'xmcp', app: app.site })
  const before = [...machine.modules.values()].filter(({ file }) => MIDDLEWARE.test(posix.relative(folder, file.path)))
  const layers = before.flatMap((module) => exportedBy(machine, module) ?? [])
  const handlers = [...flat(layers), object(machine.library('xmcp-endpoint', call.site))]
  const path = onlyString(optionOf(http, 'endpoint') ?? UNKNOWN) ?? '/mcp'
  registerRoute(machine, app, { verb: '*', path, handlers, layer: false, flavour: 'express' }, call, state)
}

/** `export default` of each file of the folder of tools. */
function registerTools(machine: Machine, folder: string, config: Value): void {
  const told = onlyString(optionOf(optionOf(config, 'paths'), 'tools') ?? UNKNOWN) ?? 'src/tools'
  const tools = `${posix.join(folder, told)}/`
  for (const module of machine.modules.values()) {
    if (!module.file.path.startsWith(tools)) continue
    const tool = exportedBy(machine, module)
    const [made] = tool?.objects ?? []
    if (tool !== undefined && made !== undefined)
      machine.deferTool(tool, [bag(machine, 'body', made.site), UNKNOWN], State.beginning())
  }
}

function exportedBy(machine: Machine, module: Module): Value | undefined {
  runModule(machine, module)
  return module.exports.get('default')?.value
}
