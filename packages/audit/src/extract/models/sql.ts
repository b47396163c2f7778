/** Sessions in tables: what a statement of SQL, given to whatever driver, does to the table it names. */
import type { Call } from '../calls.ts'
import { callWithin, call_ } from '../calls.ts'
import type { StoreRef } from '../events.ts'
import type { LibraryObject, Site } from '../heap.ts'
import { isFunction, siteKey } from '../heap.ts'
import { notePasswordField, noteTouch } from '../logouts.ts'
import type { Machine } from '../machine.ts'
import { noteAskedField } from '../marks.ts'
import { foundTags, noteLookUp } from '../properties.ts'
import type { Comparison, Operand, Statement } from '../sql.ts'
import { parseSql } from '../sql.ts'
import { withColumns } from '../sql-tables.ts'
import type { State } from '../state.ts'
import {
  Value,
  NEVER,
  UNDEFINED,
  UNKNOWN,
  derived,
  hasTag,
  join,
  joinAll,
  object,
  onlyString,
  tagged,
  withCondition,
  withTags,
  isDrawn,
} from '../value.ts'
import { conditionOf, isOfCaller, isOwnerName, isPresentedHandle } from '../conditions.ts'
import { noteRowMade, summed } from '../request-state.ts'
import { noteRowsReplayed } from '../replays.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'

const CLOCK_VALUE = tagged('clock')
const PREPARES = /^(?:prepare|query|sql)$/i
const ONE_ROW = /^(?:get|getAsObject|step|first|one|oneOrNone|maybeOne|queryOne)$/i

/** A call that is given a statement; undefined where it is given none. */
export function callWithSql(machine: Machine, name: string | undefined, call: Call, state: State): Value | undefined {
  const [first] = call.args
  if (first === undefined) return undefined
  const text = onlyString(first) ?? onlyString(optionOf(first, 'sql') ?? optionOf(first, 'text') ?? UNDEFINED)
  const statement = text === undefined ? undefined : parseSql(text)
  if (statement === undefined) return undefined
  const rest = call.args.slice(1)
  const packed = [optionOf(first, 'args'), optionOf(first, 'values')].filter((value) => value !== undefined)
  if (
    name !== undefined &&
    PREPARES.test(name) &&
    rest.length === 0 &&
    packed.length === 0 &&
    takesParameters(statement)
  )
    return object(machine.library('sql-statement', call.site, { statement, bound: [] }))
  return runStatement(machine, statement, [...packed, ...rest], name ?? '', call, state)
}

/** `` sql`select … where id = ${id}` `` */
export function runTemplate(
  machine: Machine,
  parts: readonly string[],
  args: readonly Value[],
  call: Call,
  state: State,
): Value | undefined {
  const { text, given } = spelledOut(parts, args)
  const statement = parseSql(text)
  return statement === undefined ? undefined : runStatement(machine, statement, given, '', call, state)
}

/** `` sql`insert into t ${sql(row)}` ``, `` sql`update t set ${sql(changes)}` ``: a record stands for its columns. */
function spelledOut(
  parts: readonly string[],
  args: readonly Value[],
): { readonly text: string; readonly given: readonly Value[] } {
  let text = parts[0] ?? ''
  const given: Value[] = []
  for (const [index, arg] of args.entries()) {
    const columns = FOR_RECORD.test(text) ? columnsOf(arg) : []
    const names = columns.map(([name]) => name)
    if (columns.length === 0) text += '?'
    else if (/\bset\s*$/i.test(text)) text += names.map((name) => `${name} = ?`).join(', ')
    else text += `(${names.join(', ')}) values (${names.map(() => '?').join(', ')})`
    given.push(...(columns.length === 0 ? [arg] : columns.map(([, value]) => value)))
    text += parts[index + 1] ?? ''
  }
  return { text, given }
}

const FOR_RECORD = /\b(?:insert\s+into\s+[\w."]+|set)\s*$/i

function columnsOf({ objects }: Value): readonly (readonly [string, Value])[] {
  const record = objects.find(
    ({ kind, item, properties }) => kind === 'object' || (kind === 'array' && item !== NEVER && properties.size > 0),
  )
  const row = record?.kind === 'array' ? record.item.objects.find(({ kind }) => kind === 'object') : record
  return row === undefined ? [] : [...row.properties].map(([name, { value }]) => [name, value] as const)
}

function takesParameters({ where, writes }: Statement): boolean {
  return [...where, ...writes].some(({ operand }) => operand.kind === 'parameter')
}

/** Runs a statement with its parameters, and gives what the driver's method of this name would. */
export function runStatement(
  machine: Machine,
  written: Statement,
  args: readonly Value[],
  name: string,
  call: Call,
  state: State,
): Value {
  const statement = withColumns(machine, written, call.site.file)
  const store = tableStore(statement, call)
  const given = (operand: Operand): Value => valueOf(operand, args)
  for (const term of statement.where) {
    noteTime(machine, store, term, given(term.operand), call, state)
    if (statement.verb === 'select' || statement.returns === true) noteAskedField(machine, `${store.id}:${term.column}`)
  }
  const key = keyOf(statement, given)
  noteColumns(machine, statement, store, call.site)
  const result = perform(machine, statement, store, key, given, call, state)
  const answer = ONE_ROW.test(name) || result === NEVER ? result : asResult(machine, result, call, store)
  for (const callback of args.filter(isFunction))
    call_(machine, callback, { ...call, args: [UNDEFINED, answer] }, state)
  return answer === NEVER ? UNKNOWN : answer
}

function tableStore(statement: Statement, call: Call): StoreRef {
  return { id: `table#${statement.table}`, site: call.site, name: `table ${statement.table}`, kind: 'database' }
}

/** Parameters come one by one, in a list, or by name. */
function valueOf(operand: Operand, args: readonly Value[]): Value {
  if (operand.kind === 'clock') return CLOCK_VALUE
  if (operand.kind === 'other') return UNKNOWN
  const lists = args.flatMap((arg) => arg.objects.filter((item) => item.kind === 'array'))
  if (operand.name !== undefined) {
    const { name } = operand
    return joinAll(
      args.flatMap((arg) => optionOf(arg, name) ?? optionOf(arg, `$${name}`) ?? optionOf(arg, `:${name}`) ?? []),
    )
  }
  const listed = lists.flatMap((list) => list.properties.get(String(operand.index))?.value ?? [])
  if (listed.length > 0) return joinAll(listed)
  return lists.length > 0 ? UNKNOWN : (args[operand.index] ?? UNKNOWN)
}

/** What a row is found by: everything that it is compared with, so that an owner in it counts. */
function keyOf(statement: Statement, given: (operand: Operand) => Value): Value {
  const equal = statement.where.filter(({ operator, operand }) => operator === '=' && operand.kind === 'parameter')
  const values = equal.map(({ operand }) => given(operand))
  return values.length === 1 ? values[0]! : derived(...values)
}

/** Which columns a row is looked up by here, where all of them are told. */
function noteColumns(machine: Machine, { where }: Statement, store: StoreRef, site: Site): void {
  const columns = where.filter(({ operator }) => operator === '=').map(({ column }) => column)
  const place = `${store.id}@${siteKey(site)}`
  if (columns.length === 0) return
  // A helper runs many statements.
  const known = machine.askedColumns.get(place) ?? new Set()
  for (const column of columns) known.add(column)
  machine.askedColumns.set(place, known)
}

/** Whether a row is looked up by a column that holds what was made here: told of tables that have such columns. */
export function isAskedByMade(machine: Machine, store: string, site: Site): boolean {
  const made = machine.madeColumns.get(store)
  const asked = machine.askedColumns.get(`${store}@${siteKey(site)}`)
  return made === undefined || asked === undefined || [...asked].some((column) => made.has(column))
}

/** `created_at > $2`: rows beyond that time are not found, or are the ones that are removed. */
function noteTime(machine: Machine, store: StoreRef, term: Comparison, value: Value, call: Call, state: State): void {
  if (!/[<>]/.test(term.operator) || !hasTag(value, 'clock')) return
  machine.emit('time-check', call.site, state, { store: store.id, field: term.column })
  state.note(`timed:${store.id}:${term.column}`)
}

function perform(
  machine: Machine,
  statement: Statement,
  store: StoreRef,
  key: Value,
  given: (operand: Operand) => Value,
  call: Call,
  state: State,
): Value {
  const isFound = statement.returns === true && statement.verb !== 'insert'
  const found = isFound ? selectRow(machine, store, key, call, state) : NEVER
  switch (statement.verb) {
    case 'insert':
      return insertRow(machine, statement, store, given, call, state)
    case 'update':
      for (const { column, operand, sums } of statement.writes) {
        const value = sums === true ? summed(given(operand), state) : given(operand)
        const conditional = statement.where.some((term) => term.column === column)
        const written = { store: store.id, field: column, value, conditional }
        machine.emit('entry-write', call.site, state, written)
        notePasswordField(machine, store.id, column, call.site, state)
        if (OF_SESSIONS.test(store.name) && NAMES_SESSION.test(column)) noteTouch(machine, state)
      }
      return found
    case 'delete':
      machine.emit('store-remove', call.site, state, {
        store,
        key: isSweep(statement) ? tagged(`key:${store.id}`) : key,
      })
      return found
    default:
      noteRowsReplayed(
        machine,
        {
          store: store.id,
          later: valuesOf(statement, /^>=?$/, given),
          equal: valuesOf(statement, /^=$/, given),
        },
        call.site,
        state,
      )
      return selectRow(machine, store, key, call, state)
  }
}

/** `UPDATE sessions SET token = ?`: what went by the old one has ended. */
const OF_SESSIONS = /sess|refresh/i
const NAMES_SESSION = /^(?:id|sid|key)$|token|secret|hash|session_?id/i

function valuesOf({ where }: Statement, operator: RegExp, given: (operand: Operand) => Value): readonly Value[] {
  return where.filter((term) => operator.test(term.operator)).map(({ operand }) => given(operand))
}

/** `DELETE FROM sessions WHERE user_id = ?`: all of somebody, none of which was named. */
function isSweep({ where }: Statement): boolean {
  return where.every(
    ({ operator, operand, column }) => operator !== '=' || operand.kind !== 'parameter' || isOwnerName(column),
  )
}

function insertRow(
  machine: Machine,
  statement: Statement,
  store: StoreRef,
  given: (operand: Operand) => Value,
  call: Call,
  state: State,
): Value {
  const row = machine.allocate('object', call.site)
  const values = statement.writes.map(({ column, operand }) => ({ column, value: given(operand) }))
  for (const { column, value } of values) row.property(column).write(value)
  const isMadeThere = statement.returns === true && values.some(({ value }) => isOfCaller(value))
  const named = values.filter(({ column, value }) => !(hasTag(value, 'clock') && NAMES_TIME.test(column)))
  noteMadeColumns(machine, store, named)
  const key =
    named.find(({ value }) => (isMadeThere ? isMade(value) : isHandle(value)))?.value ??
    (isMadeThere ? MADE_BY_DATABASE : (values[0]?.value ?? UNKNOWN))
  machine.databaseCell(store.id).write(object(row))
  if (statement.yields !== true) noteRowMade(machine, values, call.site, state)
  machine.emit('store-write', call.site, state, { store, key, value: object(row) })
  if (key !== MADE_BY_DATABASE) return NEVER
  row.property('id').write(key)
  return object(row)
}

/** When something was is not what it is called. */
const NAMES_TIME = /(?:_at|_on|time|date|stamp|(?:^|_)ts|created|updated|started|seen|modified)$/i

function noteMadeColumns(
  machine: Machine,
  store: StoreRef,
  values: readonly { readonly column: string; readonly value: Value }[],
): void {
  const made = values.filter(({ value }) => isMade(value)).map(({ column }) => column)
  // Columns that go by their places are not known by name.
  if (made.length === 0 || made.some((column) => /^\d+$/.test(column))) return
  machine.madeColumns.set(store.id, new Set([...(machine.madeColumns.get(store.id) ?? []), ...made]))
}

/** The key of a row that says whose it is, and that the program is told afterwards. */
const MADE_BY_DATABASE = tagged('mint')

function isMade(value: Value): boolean {
  return hasTag(value, 'mint') || hasTag(value, 'sid') || isDrawn(value)
}

function isHandle(value: Value): boolean {
  return isMade(value) || isPresentedHandle(value)
}

function selectRow(machine: Machine, store: StoreRef, key: Value, call: Call, state: State): Value {
  noteLookUp(machine, store, key, call.site, state)
  const stored = machine.databaseCell(store.id).value
  return withTags(new Value([undefined], stored.objects, [], true), foundTags(store, key))
}

/** A list of rows, however the driver wraps it. */
function asResult(machine: Machine, row: Value, call: Call, store: StoreRef): Value {
  return object(machine.library('sql-result', call.site, { row, store: store.id })).with({ open: true })
}

/** Some drivers bind the statement itself, others give back another one: whichever is run, these are its parameters. */
const bind: MethodHandler = (_machine, target, call) => {
  target.data['bound'] = call.args
  return object(target)
}

const runPrepared: MethodHandler = (machine, target, call, state, name) => {
  const bound = target.data['bound'] as readonly Value[]
  return runStatement(machine, target.data['statement'] as Statement, [...bound, ...call.args], name, call, state)
}

/** `postgres(url)`, and that of Bun: a tag of statements, which is asked as well to write a record as its columns. */
const client: ExternalHandler = (machine, call) => object(machine.library('sql-tag', call.site))

const asColumns: ExternalHandler = (_machine, call) => call.args[0] ?? UNKNOWN

/** `sql.begin(async (sql) => …)` */
const inTransaction: MethodHandler = (machine, target, call, state) =>
  callWithin(machine, object(target), call, state) ?? UNKNOWN

const WRAPPERS = new Set(['rows', 'results', 'recordset', 'recordsets', 'data'])
const COUNTS = new Set(['length', 'rowCount', 'size', 'changes', 'affectedRows'])

export const sql: Model = {
  calls: { postgres: client, 'postgres#default': client, 'bun#sql': asColumns },
  constructors: { 'bun#SQL': client },
  methods: {
    'sql-tag': {
      '()': (_machine, _target, call) => call.args[0] ?? UNKNOWN,
      begin: inTransaction,
      transaction: inTransaction,
      savepoint: inTransaction,
      reserve: (_machine, target) => object(target),
      unsafe: () => undefined,
      '*': () => UNKNOWN,
    },
    'sql-statement': { bind, finalize: () => UNKNOWN, reset: () => UNKNOWN, free: () => UNKNOWN, '*': runPrepared },
    'sql-result': {
      map: visit,
      forEach: visit,
      find: visit,
      filter: (machine, target, call, state) => {
        visit(machine, target, call, state)
        return object(target)
      },
      at: (_machine, target) => rowOf(target),
      shift: (_machine, target) => rowOf(target),
      pop: (_machine, target) => rowOf(target),
      '*': (_machine, target) => rowOf(target),
    },
  },
  properties: {
    'sql-result': (_machine, target, name) => {
      if (name !== undefined && WRAPPERS.has(name)) return object(target)
      if (name !== undefined && COUNTS.has(name)) return countOf(target)
      // `const [rows] = await …` and `result[0]` look the same: either is met with the row itself.
      return rowOf(target)
    },
  },
}

/** How many rows there are says whether there is one, which may say who asks. */
function countOf(target: LibraryObject): Value {
  const row = rowOf(target)
  const count = tagged(`entry:${String(target.data['store'])}`, ...(hasTag(row, 'verdict') ? ['verdict'] : []))
  return withCondition(count, conditionOf(row))
}

function rowOf(target: LibraryObject): Value {
  return target.data['row'] as Value
}

function visit(machine: Machine, target: LibraryObject, call: Call, state: State): Value {
  const given = { ...call, args: [rowOf(target)] }
  const result = state.aside((fork) => call_(machine, call.args[0] ?? UNKNOWN, given, fork))
  return join(result, rowOf(target))
}
