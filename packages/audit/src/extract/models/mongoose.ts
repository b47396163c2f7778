/** Mongoose: schemas, the models made of them, and documents, whose keys are ObjectIds where nobody says otherwise. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { LibraryObject } from '../heap.ts'
import { FunctionObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { objectId } from './randomness.ts'
import { libraryIn, optionOf } from './routing.ts'
import { callOnContainer } from './unseen-stores.ts'

/** `new Schema(fields, options)`: what is written to `statics` and `methods` is found there by the models. */
const schema: ExternalHandler = (machine, call) => {
  const made = machine.library('mongoose-schema', call.site, { fields: call.args[0] ?? UNKNOWN, ends: [] })
  for (const name of ['statics', 'methods'])
    made.property(name).write(optionOf(call.args[1], name) ?? object(machine.allocate('object', call.site)))
  for (const target of call.args[0]?.objects ?? [])
    for (const [field, { value }] of target.properties) if (endsBy(value)) endsOf(made).push({ field, call })
  return object(made)
}

interface End {
  readonly field: string
  readonly call: Pick<Call, 'site'>
}

function endsOf({ data }: LibraryObject): End[] {
  return data['ends'] as End[]
}

/** `{ type: Date, expires: 3600 }`, `{ index: { expireAfterSeconds: 0 } }`: the database ends what is older by that field. */
function endsBy(options: Value | undefined): boolean {
  const index = optionOf(options, 'index')
  return [options, index].some((one) => TTL.some((name) => optionOf(one, name) !== undefined))
}

const TTL = ['expires', 'expireAfterSeconds']

const index: MethodHandler = (_machine, target, call) => {
  if (!endsBy(call.args[1])) return object(target)
  for (const keys of call.args[0]?.objects ?? [])
    for (const field of keys.properties.keys()) endsOf(target).push({ field, call })
  return object(target)
}

/** `schema.static('resume', function (id) { … })`, `schema.static({ resume })` */
const addStatic: MethodHandler = (_machine, target, call) => {
  const name = onlyString(call.args[0] ?? UNKNOWN)
  const added = name === undefined ? (call.args[0]?.objects ?? []).flatMap(({ properties }) => [...properties]) : []
  for (const statics of target.property('statics').value.objects) {
    if (name !== undefined) statics.property(name).write(call.args[1] ?? UNKNOWN)
    for (const [known, { value }] of added) statics.property(known).write(value)
  }
  return object(target)
}

/** `mongoose.model('Session', schema)`; without a schema, the one that was made before. */
const modelNamed: ExternalHandler = (machine, call, state) => {
  const name = onlyString(call.args[0] ?? UNKNOWN)
  if (name === undefined) return UNKNOWN
  const by = libraryIn(call.args[1], 'mongoose-schema')
  const key = `mongoose:${name}`
  if (by === undefined) return machine.readyMade.has(key) ? object(machine.readyMade.get(key)!) : UNKNOWN
  const made = machine.library('mongoose-model', call.site, { name, schema: by })
  machine.readyMade.set(key, made)
  for (const { field, call: at } of endsOf(by))
    machine.emit('time-check', at.site, state, { store: `unseen#${name}`, field })
  return object(made)
}

function schemaOf({ data }: LibraryObject): LibraryObject {
  return data['schema'] as LibraryObject
}

/** Methods of its own first, then those that every model has. */
const callModel: MethodHandler = (machine, target, call, state, name) => {
  const own = optionOf(schemaOf(target).property('statics').value, name)
  if (own?.objects.some((item) => item instanceof FunctionObject) === true)
    return call_(machine, own, { ...call, self: object(target) }, state)
  if (name === 'create' || name === 'insertOne') return saved(machine, documentOf(machine, target, call), call, state)
  return onModel(machine, target, name, call, state) ?? UNKNOWN
}

function onModel(machine: Machine, { data }: LibraryObject, name: string, call: Call, state: State): Value | undefined {
  const { site } = data['schema'] as LibraryObject
  return callOnContainer(machine, { name: String(data['name']), at: site }, name, { ...call, self: UNDEFINED }, state)
}

function documentOf(machine: Machine, target: LibraryObject, call: Call): LibraryObject {
  const given = call.args[0] ?? UNDEFINED
  const made = machine.library('mongoose-document', call.site, { model: target })
  for (const record of given.objects)
    for (const [name, { value }] of record.properties) made.property(name).write(value)
  const key = optionOf(given, '_id') ?? keyByDefault(machine, target, call)
  made.property('_id').write(key)
  made.property('id').write(key)
  return made
}

/** A function of the schema's, or what the library draws. */
function keyByDefault(machine: Machine, target: LibraryObject, call: Call): Value {
  const field = optionOf(schemaOf(target).data['fields'] as Value, '_id')
  const state = State.beginning()
  if (field === undefined) return objectId(machine, { ...call, args: [] }, state, '')
  const made = optionOf(field, 'default')
  return made === undefined ? UNKNOWN : call_(machine, made, { ...call, args: [], self: UNDEFINED }, state)
}

function saved(machine: Machine, made: LibraryObject, call: Call, state: State): Value {
  const model = made.data['model'] as LibraryObject
  onModel(machine, model, 'insertOne', { ...call, args: [recordOf(machine, made, call)] }, state)
  return object(made)
}

function recordOf(machine: Machine, made: LibraryObject, call: Call): Value {
  const record = machine.allocate('object', call.site)
  for (const [name, { value }] of made.properties) if (name !== 'id') record.property(name).write(value)
  return object(record)
}

const save: MethodHandler = (machine, target, call, state) => saved(machine, target, call, state)

const end: MethodHandler = (machine, target, call, state) => {
  const { value } = target.property('_id')
  onModel(machine, target.data['model'] as LibraryObject, 'deleteOne', { ...call, args: [value] }, state)
  return UNKNOWN
}

export const mongoose: Model = {
  calls: {
    'mongoose#model': modelNamed,
    'mongoose#createConnection': (machine, call) => object(machine.library('mongoose-connection', call.site)),
  },
  constructors: { 'mongoose#Schema': schema },
  methods: {
    'mongoose-connection': {
      model: (machine, _target, call, state) => modelNamed(machine, call, state, ''),
      '*': () => UNKNOWN,
    },
    'mongoose-schema': { index, static: addStatic, statics: addStatic, '*': (_machine, target) => object(target) },
    'mongoose-model': {
      new: (machine, target, call) => object(documentOf(machine, target, call)),
      '*': callModel,
    },
    'mongoose-document': {
      save,
      deleteOne: end,
      remove: end,
      toObject: (_machine, target) => object(target),
      toJSON: (_machine, target) => object(target),
      '*': () => UNKNOWN,
    },
  },
}
