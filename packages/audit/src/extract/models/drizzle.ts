/**
 * Tables and conditions of Drizzle: `pgTable('sessions', { … })`, `eq(sessions.id, id)`. The statements that are made of
 * them are the chains of `query-chains.ts`.
 */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { Site } from '../heap.ts'
import { ExternalObject, isFunction } from '../heap.ts'
import { nameBefore } from '../logouts.ts'
import { callOpaque } from '../opaque.ts'
import type { State } from '../state.ts'
import type { Machine } from '../machine.ts'
import type { Value } from '../value.ts'
import { NEVER, UNKNOWN, object, onlyString } from '../value.ts'
import type { ExternalHandler, Model } from './model.ts'
import { libraryIn } from './routing.ts'

/** What a column is compared with. */
export interface Term {
  readonly column: string
  readonly operator: string
  readonly value: Value
}

interface Column {
  readonly table: string
  readonly column: string
}

const table: ExternalHandler = (machine, call) => {
  const name = onlyString(call.args[0] ?? object())
  const unique = name === undefined ? `at ${call.site.start}` : tableOf(machine, name, call.site)
  const made = machine.library('drizzle-table', call.site, { table: unique })
  machine.readyMade.set(`drizzle-variable ${nameBefore(call.site)}`, made)
  return object(made)
}

/**
 * The table and conditions of `db.query.sessions.findFirst({ where })`, where they are written as a function of the table or
 * as a record of its columns. Tables go by the variables that hold them there.
 */
export function relationalQuery(machine: Machine, call: Call, where: Value, state: State): Relational | undefined {
  const { file, start, end } = call.site
  const name = /\bquery\s*\.\s*(\w+)\s*\.\s*find/.exec(file.text.slice(start, Math.min(end, start + 200)))?.[1]
  const found = name === undefined ? undefined : machine.readyMade.get(`drizzle-variable ${name}`)
  if (found === undefined) return undefined
  const from = String(found.data['table'])
  if (!isFunction(where)) return { table: from, where: recordTerms(where) }
  const terms = state.aside((fork) =>
    call_(machine, where, { ...call, args: [object(found), operatorsAt(machine, call.site)] }, fork),
  )
  return { table: from, where: termsIn(terms) ?? [] }
}

interface Relational {
  readonly table: string
  readonly where: readonly Term[]
}

function operatorsAt(machine: Machine, site: Site): Value {
  const operators = machine.allocate('object', site)
  for (const name of [...Object.keys(OPERATORS), 'and', 'or'])
    operators.property(name).write(object(new ExternalObject(`drizzle-orm#${name}`, site)))
  return object(operators)
}

/** `{ id, expiresAt: { gt: now } }` */
function recordTerms({ objects }: Value): readonly Term[] {
  return objects
    .flatMap(({ properties }) => [...properties])
    .flatMap(([column, { value }]) => {
      const compared = value.objects.flatMap(({ properties }) => [...properties])
      if (compared.length === 0) return [{ column, operator: '=', value }]
      return compared.flatMap(([name, cell]) =>
        Object.hasOwn(OPERATORS, name)
          ? [{ column, operator: OPERATORS[name as keyof typeof OPERATORS], value: cell.value }]
          : [],
      )
    })
}

/** Packages side by side that define tables of one name have databases of their own. */
function tableOf(machine: Machine, name: string, site: Site): string {
  const first = machine.readyMade.get(`drizzle-table ${name}`)?.site
  if (first === undefined) machine.readyMade.set(`drizzle-table ${name}`, machine.library('drizzle-table', site))
  const [own, other] = [site, first ?? site].map(({ path }) => machine.tree.packageOf(path))
  return own === other ? name : `${name} of ${own?.name ?? site.path}`
}

/** The name of the table that a value is, or undefined where it is none. */
export function tableIn(value: Value | undefined): string | undefined {
  return libraryIn(value, 'drizzle-table')?.data['table'] as string | undefined
}

/** The conditions that a value is, or undefined where it is none. `or` says nothing for certain: it has no terms. */
export function termsIn(value: Value | undefined): readonly Term[] | undefined {
  return libraryIn(value, 'drizzle-term')?.data['terms'] as readonly Term[] | undefined
}

/** The table whose columns a condition speaks of. */
export function tableOfTerms(value: Value | undefined): string | undefined {
  return libraryIn(value, 'drizzle-term')?.data['table'] as string | undefined
}

function columnIn(value: Value | undefined): Column | undefined {
  return libraryIn(value, 'drizzle-column')?.data as Column | undefined
}

/** Of columns that are not seen, a condition is no more than what is in it. */
function comparing(operator: string): ExternalHandler {
  return (machine, call, state, path) => {
    const [left, right = UNKNOWN] = call.args
    const column = columnIn(left)
    if (column === undefined) return callOpaque(machine, path.split('#').at(-1), call, state, NEVER, 'library')
    return object(
      machine.library('drizzle-term', call.site, {
        terms: [{ column: column.column, operator, value: right }],
        table: column.table,
      }),
    )
  }
}

function joining(holds: boolean): ExternalHandler {
  return (machine, call, state, path) => {
    const named = call.args.map(tableOfTerms).find((name) => name !== undefined)
    if (named === undefined) return callOpaque(machine, path.split('#').at(-1), call, state, NEVER, 'library')
    const terms = holds ? call.args.flatMap((arg) => termsIn(arg) ?? []) : []
    return object(machine.library('drizzle-term', call.site, { terms, table: named }))
  }
}

const OPERATORS = { eq: '=', ne: '!=', gt: '>', gte: '>=', lt: '<', lte: '<=', is: 'is' }

const TABLES = { pg: 'pgTable', sqlite: 'sqliteTable', mysql: 'mysqlTable' }

export const drizzle: Model = {
  calls: {
    ...Object.fromEntries(Object.entries(TABLES).map(([of, name]) => [`drizzle-orm/${of}-core#${name}`, table])),
    ...Object.fromEntries(
      Object.entries(OPERATORS).map(([name, operator]) => [`drizzle-orm#${name}`, comparing(operator)]),
    ),
    'drizzle-orm#and': joining(true),
    'drizzle-orm#or': joining(false),
  },
  properties: {
    'drizzle-table': (machine, target, name, _key, site) =>
      object(machine.library('drizzle-column', site, { table: target.data['table'], column: name ?? '*' })),
  },
}
