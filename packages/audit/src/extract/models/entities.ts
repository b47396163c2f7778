/**
 * Rows that a mapper knows by their class: `Session.findByPk(id)`, `em.findOne(Session, { id })`, repositories of TypeORM. The
 * class names the table, whatever what is asked is called.
 */
import type { Call } from '../calls.ts'
import { callWithin } from '../calls.ts'
import { isOfCaller } from '../conditions.ts'
import type { HeapObject, Site } from '../heap.ts'
import { ClassObject, ExternalObject, InstanceObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, hasTag, isDrawn, object, onlyString, tagged } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { keyIn } from './queries.ts'
import { optionOf } from './routing.ts'
import { callOnContainer } from './unseen-stores.ts'

interface Entity {
  readonly name: string
  readonly at: Site
}

/** `Session.findOne(…)` of a class that extends one of a package, `em.findOne(Session, …)`; undefined where it is neither. */
export function callOnEntity(machine: Machine, name: string, call: Call, state: State): Value | undefined {
  const own = call.self.objects.map(mappedClass).find((entity) => entity !== undefined)
  if (own !== undefined) return asked(machine, own, name, call, state)
  if (call.self.objects.some((item) => item instanceof InstanceObject || item instanceof ClassObject)) return undefined
  const given = call.args.length > 1 ? entityIn(call.args[0]) : undefined
  if (given === undefined || !ASKS_MANAGER.test(name)) return undefined
  return asked(machine, given, name, { ...call, args: call.args.slice(1), argSites: call.argSites.slice(1) }, state)
}

const ASKS_MANAGER =
  /^(?:find\w*|exists\w*|create|insert|save|persist\w*|upsert\w*|update\w*|delete\w*|remove\w*|native(?:Insert|Update|Delete))$/

/** The class of a table, where what it extends is a package's. */
function mappedClass(item: HeapObject): Entity | undefined {
  if (!(item instanceof ClassObject) || item.name === undefined) return undefined
  const isMapped = item.parent.objects.some((parent) => parent instanceof ExternalObject && MAPPERS.test(parent.path))
  return isMapped ? { name: item.name, at: item.site } : undefined
}

const MAPPERS =
  /^(?:sequelize|sequelize-typescript|@sequelize\/core|objection|typeorm|@mikro-orm\/\w+)#\w*(?:Model|Entity)$/

/** The entity that a value is: its class, or what it is called. */
function entityIn(value: Value | undefined): Entity | undefined {
  const of = value?.objects.find((item) => item instanceof ClassObject)
  return of instanceof ClassObject && of.name !== undefined ? { name: of.name, at: of.site } : undefined
}

/** What each mapper calls what all of them do. */
const USUAL_NAMES: ReadonlyMap<string, string> = new Map([
  ['nativeInsert', 'insert'],
  ['nativeUpdate', 'update'],
  ['nativeDelete', 'delete'],
  ['findOneOrFail', 'findOne'],
  ['build', 'create'],
])

function asked(machine: Machine, { name: called, at }: Entity, name: string, call: Call, state: State): Value {
  const usual = USUAL_NAMES.get(name) ?? name
  const container = { name: called, at }
  if (!WRITES.test(usual))
    return callOnContainer(machine, container, usual, { ...call, self: UNDEFINED }, state) ?? UNKNOWN
  return written(machine, container, call, state)
}

const WRITES = /^(?:create|insert|save|upsert)$/

/** A record is put in; where it has no key of its own and says whose it is, the database makes one up. */
function written(machine: Machine, container: { name: string; at: Site }, call: Call, state: State): Value {
  const [record = UNKNOWN] = call.args
  const isNamed = keyIn(record, isMade, 1) !== undefined || KEYS.some((name) => optionOf(record, name) !== undefined)
  if (!isNamed && keyIn(record, isOfCaller, 1) !== undefined)
    for (const target of record.objects) target.property('id').write(tagged('mint'))
  callOnContainer(machine, container, 'insertOne', { ...call, args: [record], self: UNDEFINED }, state)
  return record
}

const KEYS = ['id', '_id', 'uuid']

function isMade(value: Value): boolean {
  return value.objects.length === 0 && (hasTag(value, 'mint') || hasTag(value, 'sid') || isDrawn(value))
}

/** `dataSource.getRepository(Session)` */
const repositoryOf: MethodHandler = (machine, _target, call) => {
  const entity = entityIn(call.args[0]) ?? { name: onlyString(call.args[0] ?? UNKNOWN) ?? '', at: call.site }
  return entity.name === '' ? UNKNOWN : object(machine.library('entity-repository', call.site, { entity }))
}

/** The record that is made is in no table before it is saved. */
const made: MethodHandler = (machine, target, call, state, name) =>
  target.data['creates'] === true ? onRepository(machine, target, call, state, name) : (call.args[0] ?? UNKNOWN)

const onRepository: MethodHandler = (machine, target, call, state, name) =>
  asked(machine, target.data['entity'] as Entity, name, call, state)

/** `define(name, attributes)` of Sequelize: a class by another way. */
const define: MethodHandler = (machine, _target, call) => {
  const name = onlyString(call.args[0] ?? UNKNOWN)
  return name === undefined
    ? UNKNOWN
    : object(machine.library('entity-repository', call.site, { entity: { name, at: call.site }, creates: true }))
}

const sequelize: ExternalHandler = (machine, call) => object(machine.library('sequelize', call.site))

const dataSource: ExternalHandler = (machine, call) => object(machine.library('entity-manager', call.site))

/** `em.create(Session, data)` and `em.findOne(Session, …)`: of TypeORM, which saves it later, and of MikroORM, which does. */
const onManager: MethodHandler = (machine, target, call, state, name) => {
  if (call.args.length > 1 && entityIn(call.args[0]) !== undefined)
    return callOnEntity(machine, name, { ...call, self: UNDEFINED }, state) ?? UNKNOWN
  // `transaction(async (em) => …)`
  return callWithin(machine, object(target), call, state) ?? object(target)
}

export const entities: Model = {
  calls: {
    'typeorm#createConnection': dataSource,
    ...Object.fromEntries(
      ['core', 'postgresql', 'mysql', 'mariadb', 'sqlite', 'better-sqlite', 'libsql', 'mongodb'].map((driver) => [
        `@mikro-orm/${driver}#MikroORM.init`,
        dataSource,
      ]),
    ),
  },
  constructors: {
    'typeorm#DataSource': dataSource,
    'sequelize#Sequelize': sequelize,
    '@sequelize/core#Sequelize': sequelize,
  },
  methods: {
    sequelize: { define, model: define, query: () => undefined, '*': () => UNKNOWN },
    'entity-manager': { getRepository: repositoryOf, query: () => undefined, '*': onManager },
    'entity-repository': { create: made, new: made, '*': onRepository },
  },
  properties: {
    'entity-manager': (_machine, target, name) => (name === 'manager' || name === 'em' ? object(target) : UNKNOWN),
  },
}
