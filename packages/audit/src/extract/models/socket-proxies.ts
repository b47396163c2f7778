/** Proxies that take a WebSocket in by the request that asks for it, and hand it on to a server behind them. */
import { noteSocket } from '../messages.ts'
import { UNDEFINED, UNKNOWN, object } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'

const proxy: ExternalHandler = (machine, call) => object(machine.library('socket-proxy', call.site))

/**
 * `proxy.ws(request, socket, head, { target })`. The headers go along: where nothing is asked here, what stands behind may
 * well ask for credentials and for the origin itself.
 */
const handOn: MethodHandler = (machine, _target, call, state) => {
  noteSocket(machine, call.site, state, false)
  return UNDEFINED
}

const PACKAGES = ['http-proxy', 'http-proxy-3', 'httpxy'] as const
const MAKERS = ['createProxyServer', 'createServer', 'createProxy', 'default#createProxyServer'] as const

export const socketProxies: Model = {
  calls: Object.fromEntries(PACKAGES.flatMap((name) => MAKERS.map((maker) => [`${name}#${maker}`, proxy]))),
  constructors: Object.fromEntries(
    PACKAGES.flatMap((name) => [name, `${name}#ProxyServer`].map((path) => [path, proxy])),
  ),
  methods: {
    'socket-proxy': {
      ws: handOn,
      on: (_machine, target) => object(target),
      '*': () => UNKNOWN,
    },
  },
}
