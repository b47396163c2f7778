/** Sessions over HTTP+SSE that a library keeps: a GET opens one, and each POST names it in its URL. */
import type { StoreRef } from '../events.ts'
import type { Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { noteLookUp } from '../properties.ts'
import { noteQueryRead } from '../secrets.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { object, primitive, tagged, withTags } from '../value.ts'
import { part } from './requests.ts'

export interface SseSessions {
  readonly store: StoreRef
  /** By whom the ID is made; who `adopts` one opens a session under whatever ID a client brings. */
  readonly id: 'minted' | 'adopted'
  readonly ends: 'with the connection' | 'never'
}

/** Both ways that a request can take at `site`. */
export function serveSseSessions(machine: Machine, sessions: SseSessions, site: Site, state: State): void {
  const { store } = sessions
  const presented = withTags(part('query', primitive('sessionId')), ['sse'])
  const transport = transportAt(machine, 'sse', site)
  noteQueryRead(machine, 'sessionId', site, state)
  open(machine, sessions, presented, transport, site, state.fork())
  state.learn(['verb:POST'])
  noteLookUp(machine, store, presented, site, state)
  dispatchTo(machine, store, transport, site, state)
}

function open(machine: Machine, sessions: SseSessions, presented: Value, value: Value, site: Site, state: State): void {
  const { store, id, ends } = sessions
  state.learn(id === 'adopted' ? [`absent:${store.id}`, 'verb:GET'] : ['verb:GET'])
  const key = id === 'adopted' ? withTags(presented, ['mint']) : tagged('mint', 'sid')
  machine.emit('store-write', site, state, { store, key, value })
  if (ends === 'never') return
  machine.within(machine.triggered('disconnect'), () =>
    machine.emit('store-remove', site, state, { store, key: withTags(key, [`key:${store.id}`]) }),
  )
}

/** The transport of a session, which the library never checks the origin for. */
export function transportAt(machine: Machine, kind: 'streamable' | 'sse', site: Site): Value {
  return object(machine.library('mcp-transport', site, { stateful: true, kind, check: 'never' }))
}

/** A request is handed to the transport that was found in the store. */
export function dispatchTo(machine: Machine, store: StoreRef, transport: Value, site: Site, state: State): void {
  const receiver = withTags(transport, [`entry:${store.id}`, 'held'])
  machine.emit('dispatch', site, state, { receiver, how: 'transport' })
}
