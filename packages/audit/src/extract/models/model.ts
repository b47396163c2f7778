/** How a model of a library is written: handlers by path, by type and method, by type and property. */
import type { Call } from '../calls.ts'
import type { LibraryObject, Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'

export type ExternalHandler = (machine: Machine, call: Call, state: State, path: string) => Value
export type MethodHandler = (
  machine: Machine,
  target: LibraryObject,
  call: Call,
  state: State,
  name: string,
) => Value | undefined
export type PropertyHandler = (
  machine: Machine,
  target: LibraryObject,
  name: string | undefined,
  key: Value,
  site: Site,
  state: State,
) => Value | undefined
export type PropertySetter = (
  machine: Machine,
  target: LibraryObject,
  name: string | undefined,
  value: Value,
  site: Site,
  state: State,
) => void

export interface Model {
  /** Calls of imported functions: `express`, `node:crypto#randomUUID`. */
  readonly calls?: Readonly<Record<string, ExternalHandler>>
  /** `new` of imported classes. */
  readonly constructors?: Readonly<Record<string, ExternalHandler>>
  /** Methods by type, then by name; `*` catches the rest. */
  readonly methods?: Readonly<Record<string, Readonly<Record<string, MethodHandler>>>>
  readonly properties?: Readonly<Record<string, PropertyHandler>>
  readonly setters?: Readonly<Record<string, PropertySetter>>
}
