/**
 * Tables and conditions of Drizzle: `pgTable('sessions', { … })`, `eq(sessions.id, id)`. The statements that are made of
 * them are the chains of `query-chains.ts`.
 */
import type { HeapObject } from '../heap.ts'
import { LibraryObject } from '../heap.ts'
import type { Value } from '../value.ts'
import { object, onlyString } from '../value.ts'
import type { ExternalHandler, Model } from './model.ts'

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
  return object(machine.library('drizzle-table', call.site, { table: name ?? `at ${call.site.start}` }))
}

/** The name of the table that a value is, or undefined where it is none. */
export function tableIn(value: Value | undefined): string | undefined {
  const found = value?.objects.find((item): item is LibraryObject => isOf(item, 'drizzle-table'))
  return found === undefined ? undefined : String(found.data['table'])
}

/** The conditions that a value is, or undefined where it is none. `or` says nothing for certain: it has no terms. */
export function termsIn(value: Value | undefined): readonly Term[] | undefined {
  const found = value?.objects.find((item): item is LibraryObject => isOf(item, 'drizzle-term'))
  return found?.data['terms'] as readonly Term[] | undefined
}

/** The table whose columns a condition speaks of. */
export function tableOfTerms(value: Value | undefined): string | undefined {
  const found = value?.objects.find((item): item is LibraryObject => isOf(item, 'drizzle-term'))
  return found?.data['table'] as string | undefined
}

function isOf(item: HeapObject, type: string): boolean {
  return item instanceof LibraryObject && item.type === type
}

function columnIn(value: Value | undefined): Column | undefined {
  const found = value?.objects.find((item): item is LibraryObject => isOf(item, 'drizzle-column'))
  return found?.data as Column | undefined
}

function comparing(operator: string): ExternalHandler {
  return (machine, call) => {
    const [left, right] = call.args
    const column = columnIn(left)
    const terms = column === undefined || right === undefined ? [] : [{ column: column.column, operator, value: right }]
    return object(machine.library('drizzle-term', call.site, { terms, table: column?.table }))
  }
}

const all: ExternalHandler = (machine, call) =>
  object(
    machine.library('drizzle-term', call.site, {
      terms: call.args.flatMap((arg) => termsIn(arg) ?? []),
      table: call.args.map(tableOfTerms).find((name) => name !== undefined),
    }),
  )

const either: ExternalHandler = (machine, call) =>
  object(
    machine.library('drizzle-term', call.site, {
      terms: [],
      table: call.args.map(tableOfTerms).find((name) => name !== undefined),
    }),
  )

const OPERATORS = { eq: '=', ne: '!=', gt: '>', gte: '>=', lt: '<', lte: '<=', is: 'is' }

const TABLES = { pg: 'pgTable', sqlite: 'sqliteTable', mysql: 'mysqlTable' }

export const drizzle: Model = {
  calls: {
    ...Object.fromEntries(Object.entries(TABLES).map(([of, name]) => [`drizzle-orm/${of}-core#${name}`, table])),
    ...Object.fromEntries(
      Object.entries(OPERATORS).map(([name, operator]) => [`drizzle-orm#${name}`, comparing(operator)]),
    ),
    'drizzle-orm#and': all,
    'drizzle-orm#or': either,
  },
  properties: {
    'drizzle-table': (machine, target, name, _key, site) =>
      object(machine.library('drizzle-column', site, { table: target.data['table'], column: name ?? '*' })),
  },
}
