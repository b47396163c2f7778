/**
 * Sessions in tables, asked for step by step: `client.from('t').select().eq('id', id).single()`, `db('t').where({ id }).first()`,
 * `db.selectFrom('t').where('id', '=', id).executeTakeFirst()`. A chain is a statement of SQL that is run where it is awaited.
 */
import type { Call } from '../calls.ts'
import type { Site } from '../heap.ts'
import { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { Comparison, Statement, Written } from '../sql.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, strings } from '../value.ts'
import { relationalQuery, tableIn, tableOfTerms, termsIn, type Term } from './drizzle.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'
import { runStatement } from './sql.ts'

/** What a chain has been told so far. */
interface Chain {
  readonly table: string
  readonly verb: Statement['verb']
  readonly where: readonly Term[]
  readonly writes: readonly Term[]
  readonly single: boolean
  /** The answer is `{ data, error }`. */
  readonly wrapped: boolean
  /** What the database made up is given back. */
  readonly returns?: true
}

const STARTS: Readonly<Record<string, { readonly verb: Statement['verb']; readonly wrapped: boolean }>> = {
  from: { verb: 'select', wrapped: true },
  selectFrom: { verb: 'select', wrapped: false },
  insertInto: { verb: 'insert', wrapped: false },
  updateTable: { verb: 'update', wrapped: false },
  deleteFrom: { verb: 'delete', wrapped: false },
}

/** `client.from('sessions')` on a client whose making we do not see. */
export function beginQuery(machine: Machine, name: string | undefined, call: Call, state: State): Value | undefined {
  const typed = beginTyped(machine, name, call, state)
  if (typed !== undefined) return typed
  const start = name === undefined || !Object.hasOwn(STARTS, name) ? undefined : STARTS[name]
  const table = call.args.length === 1 ? onlyString(call.args[0]!) : undefined
  if (start === undefined || table === undefined || !/^[\w.]+$/.test(table)) return undefined
  return chained(machine, { table, where: [], writes: [], single: false, ...start }, call.site)
}

const TYPED: Readonly<Record<string, Statement['verb']>> = {
  from: 'select',
  insert: 'insert',
  update: 'update',
  delete: 'delete',
}

/** `db.select().from(sessions)`, `db.insert(sessions)`, `db.query.sessions.findFirst({ where: eq(sessions.id, id) })`. */
function beginTyped(machine: Machine, name: string | undefined, call: Call, state: State): Value | undefined {
  const verb = name === undefined || !Object.hasOwn(TYPED, name) ? undefined : TYPED[name]
  const table = tableIn(call.args[0])
  const begun = { where: [], writes: [], single: false, wrapped: false }
  if (verb !== undefined && table !== undefined) return chained(machine, { ...begun, table, verb }, call.site)
  const condition = name === 'findFirst' || name === 'findMany' ? optionOf(call.args[0], 'where') : undefined
  if (condition === undefined) return undefined
  const asked = tableOfTerms(condition)
  const found =
    asked === undefined
      ? relationalQuery(machine, call, condition, state)
      : { table: asked, where: termsIn(condition) ?? [] }
  if (found === undefined) return undefined
  const chain: Chain = { ...begun, ...found, verb: 'select' }
  return run(machine, { ...chain, single: name === 'findFirst' }, call, state)
}

function chained(machine: Machine, chain: Chain, site: Site): Value {
  return object(machine.library('query-chain', site, { chain }))
}

/** What is awaited is run, a chain too. */
export function runAwaited(machine: Machine, value: Value, call: Call, state: State): Value {
  const chains = value.objects.filter((item) => item instanceof LibraryObject && item.type === 'query-chain')
  const [first] = chains
  return first instanceof LibraryObject ? run(machine, chainOf(first), call, state) : value
}

function chainOf(target: LibraryObject): Chain {
  return target.data['chain'] as Chain
}

function run(machine: Machine, chain: Chain, call: Call, state: State): Value {
  // In one list, so that none of them is taken for a list of parameters itself.
  const given = machine.allocate('array', call.site)
  for (const [index, { value }] of [...chain.where, ...chain.writes].entries())
    given.property(String(index)).write(value)
  const at = (terms: readonly Term[], from: number): (Comparison & Written)[] =>
    terms.map(({ column, operator }, index) => ({
      column,
      operator,
      operand: { kind: 'parameter', index: from + index, name: undefined },
      sums: operator === '+',
    }))
  const statement: Statement = {
    verb: chain.verb,
    table: chain.table,
    where: at(chain.where, 0),
    writes: at(chain.writes, chain.where.length),
    ...(chain.returns === true ? { returns: true } : {}),
  }
  const rows = runStatement(machine, statement, [object(given)], chain.single ? 'first' : '', call, state)
  if (!chain.wrapped) return rows
  const answer = machine.allocate('object', call.site)
  answer.property('data').write(rows)
  answer.property('error').write(UNKNOWN.with({ primitives: [null] }))
  return object(answer)
}

/** A step of a chain: the same chain, which knows more. */
function step(more: (chain: Chain, call: Call, name: string) => Partial<Chain>): MethodHandler {
  return (machine, target, call, _state, name) => {
    const chain = chainOf(target)
    return chained(machine, { ...chain, ...more(chain, call, name) }, target.site)
  }
}

const OPERATORS: Readonly<Record<string, string>> = {
  eq: '=',
  neq: '!=',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  is: 'is',
}

const compare = step(({ where }, { args: [column = UNKNOWN, value = UNKNOWN] }, name) => ({
  where: [...where, { column: onlyString(column) ?? '*', operator: OPERATORS[name] ?? '=', value }],
}))

/** `where('id', id)`, `where('id', '=', id)`, `where({ id })`, `match({ id })`. */
const where = step((chain, { args }) => ({ where: [...chain.where, ...termsOf(args)] }))

function termsOf([first = UNKNOWN, second, third]: readonly Value[]): readonly Term[] {
  const terms = termsIn(first)
  if (terms !== undefined) return terms
  const column = onlyString(first)
  if (column !== undefined && second !== undefined) {
    const operator = third === undefined ? '=' : (onlyString(second) ?? '=')
    return [{ column, operator: operator === '==' ? '=' : operator, value: third ?? second }]
  }
  return fieldsOf(first)
}

function fieldsOf(value: Value): readonly Term[] {
  return value.objects
    .filter(({ kind }) => kind === 'object')
    .flatMap((item) => [...item.properties].map(([name, cell]) => ({ column: name, operator: '=', value: cell.value })))
}

function write(verb: Statement['verb']): MethodHandler {
  return step((_chain, { args }) => ({
    verb,
    writes: args
      .slice(0, 1)
      .flatMap((arg) => [
        ...fieldsOf(arg),
        ...arg.objects.filter(({ kind }) => kind === 'array').flatMap((list) => fieldsOf(list.item)),
      ]),
  }))
}

/** `increment('uses')`, `decrement('balance', amount)` */
const sum = step(({ writes }, { args: [column = UNKNOWN, value = UNKNOWN] }) => ({
  verb: 'update',
  writes: [...writes, { column: onlyString(column) ?? '*', operator: '+', value }],
}))

const single = step(() => ({ single: true }))

/** Steps that end a chain run it at once. */
const end: MethodHandler = (machine, target, call, state, name) =>
  run(machine, { ...chainOf(target), single: chainOf(target).single || /first|^get$/i.test(name) }, call, state)

/** `knex(options)` gives a function that begins chains. */
const knex: ExternalHandler = (machine, call) => object(machine.library('knex', call.site))

const begin: MethodHandler = (machine, _target, call) => {
  const table = strings(call.args[0] ?? UNDEFINED)[0] ?? '*'
  return chained(machine, { table, verb: 'select', where: [], writes: [], single: false, wrapped: false }, call.site)
}

export const queryChains: Model = {
  calls: { knex, 'knex#default': knex, 'knex#knex': knex },
  methods: {
    knex: { '()': begin, from: begin, table: begin, '*': () => UNKNOWN },
    'query-chain': {
      ...Object.fromEntries(Object.keys(OPERATORS).map((name) => [name, compare])),
      where,
      andWhere: where,
      match: where,
      filter: where,
      insert: write('insert'),
      values: write('insert'),
      upsert: write('insert'),
      update: write('update'),
      set: write('update'),
      increment: sum,
      decrement: sum,
      delete: write('delete'),
      del: write('delete'),
      returning: step(() => ({ returns: true })),
      returningAll: step(() => ({ returns: true })),
      single,
      maybeSingle: single,
      first: single,
      execute: end,
      get: end,
      all: end,
      run: end,
      executeTakeFirst: end,
      executeTakeFirstOrThrow: end,
      '*': (_machine, target) => object(target),
    },
  },
}
