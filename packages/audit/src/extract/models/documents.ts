/** Documents of Firestore, `db.collection('sessions').doc(id)`, and items of DynamoDB, `client.send(new GetCommand({ Key }))`. */
import type { Call } from '../calls.ts'
import { callWithin } from '../calls.ts'
import type { LibraryObject, Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, hasTag, object, onlyString, strings, tagged, tagsOf } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { libraryIn, optionOf } from './routing.ts'
import { TIMES, noteTimeToLive } from './times-to-live.ts'
import { callOnContainer } from './unseen-stores.ts'

function ask(
  machine: Machine,
  container: string,
  name: string,
  args: readonly Value[],
  call: Call,
  state: State,
): Value {
  const asked = { ...call, self: UNDEFINED, args }
  return callOnContainer(machine, { name: container, at: call.site }, name, asked, state) ?? UNKNOWN
}

// Firestore

const firestore: ExternalHandler = (machine, call) => object(machine.library('firestore', call.site))

const collection: MethodHandler = (machine, _target, call) =>
  object(machine.library('firestore-collection', call.site, { name: nameOf(call.args[0]) }))

/** `db.doc('sessions/' + id)` */
const documentAt: MethodHandler = (machine, _target, call) => {
  const [path = UNKNOWN] = call.args
  const name = (tagsOf(path, 'prefix')[0]?.slice('prefix:'.length) ?? strings(path)[0] ?? '').split('/')[0] ?? ''
  return object(machine.library('firestore-document', call.site, { name: name === '' ? '*' : name, key: path }))
}

const documentIn: MethodHandler = (machine, target, call) => {
  const key = call.args[0] ?? tagged('mint')
  return object(machine.library('firestore-document', call.site, { name: target.data['name'], key }))
}

function nameOf(value: Value | undefined): string {
  return value === undefined ? '*' : (onlyString(value) ?? '*')
}

const onDocument: MethodHandler = (machine, target, call, state, name) =>
  asDocument(machine, target, name, call.args, call, state)

function asDocument(
  machine: Machine,
  target: LibraryObject,
  name: string,
  given: readonly Value[],
  call: Call,
  state: State,
): Value {
  const container = String(target.data['name'])
  const key = target.data['key'] as Value
  if (name === 'get') return snapshot(machine, ask(machine, container, 'get', [key], call, state), call.site)
  const method = name === 'create' ? 'set' : name
  return ask(machine, container, method, [key, ...given.slice(0, 1)], call, state)
}

function snapshot(machine: Machine, data: Value, site: Site): Value {
  return object(machine.library('firestore-snapshot', site, { data }))
}

/** `getDoc(reference)`, `setDoc(reference, data)` of the library for the web. */
function onReference(name: string): ExternalHandler {
  return (machine, call, state) => {
    const target = libraryIn(call.args[0], 'firestore-document')
    return target === undefined ? UNKNOWN : asDocument(machine, target, name, call.args.slice(1), call, state)
  }
}

/** `doc(db, 'sessions', id)`, `doc(collection(db, 'sessions'), id)` */
const reference: ExternalHandler = (machine, call) => {
  const [first, second, third] = call.args
  const within = libraryIn(first, 'firestore-collection')
  const name = within === undefined ? nameOf(second) : within.data['name']
  const key = (within === undefined ? third : second) ?? tagged('mint')
  return object(machine.library('firestore-document', call.site, { name, key }))
}

/** `runTransaction(async (transaction) => …)`: asked about documents, as they can be asked themselves. */
const inTransaction: MethodHandler = (machine, target, call, state) =>
  callWithin(machine, object(target), call, state) ?? UNKNOWN

const through: MethodHandler = (machine, target, call, state, name) => {
  const about = libraryIn(call.args[0], 'firestore-document')
  if (about === undefined) return undefined
  const found = asDocument(machine, about, name, call.args.slice(1), call, state)
  return name === 'get' ? found : object(target)
}

// DynamoDB

const USES: Readonly<Record<string, string>> = { Get: 'get', Put: 'put', Update: 'update', Delete: 'delete' }

/** `new GetCommand(input)`, and with values that say their types `new GetItemCommand(input)`. */
function command(use: string): ExternalHandler {
  return (machine, call) =>
    object(machine.library('dynamo-command', call.site, { use, input: call.args[0] ?? UNKNOWN }))
}

/** `client.send(command)`, whatever made the client; undefined where it is given something else. */
export function sendCommand(machine: Machine, name: string, call: Call, state: State): Value | undefined {
  const sent = name === 'send' ? libraryIn(call.args[0], 'dynamo-command') : undefined
  if (sent === undefined) return undefined
  const input = sent.data['input'] as Value
  const use = String(sent.data['use'])
  const item = optionOf(input, 'Item')
  const args = use === 'put' ? [item ?? UNKNOWN] : [optionOf(input, 'Key') ?? UNKNOWN]
  const container = tableOf(optionOf(input, 'TableName'))
  const found = ask(machine, container, use === 'put' ? 'insertOne' : use, args, { ...call, site: sent.site }, state)
  if (item !== undefined) noteItemEnds(machine, container, item, sent.site, state)
  const answer = machine.allocate('object', call.site)
  for (const field of ['Item', 'Attributes']) answer.property(field).write(found)
  return object(answer)
}

function tableOf(name: Value | undefined): string {
  if (name === undefined) return 'table'
  return onlyString(name) ?? tagsOf(name, 'env')[0]?.slice('env:'.length) ?? 'table'
}

/** `{ ttl: Math.floor(Date.now() / 1000) + 3600 }`: a table is told which field says when its items end. */
function noteItemEnds(machine: Machine, container: string, item: Value, site: Site, state: State): void {
  const ends = [...TIMES, 'expires', 'expireAt', 'expires_at'].flatMap((field) => optionOf(item, field) ?? [])
  const store = { id: `unseen#${container}`, site, name: container, kind: 'database' as const }
  const given = ends.filter((value) => hasTag(value, 'clock'))
  if (given.length > 0) noteTimeToLive(machine, store, { given, site }, false, state)
}

export const documents: Model = {
  calls: {
    'firebase-admin/firestore#getFirestore': firestore,
    'firebase-admin#firestore': firestore,
    'firebase-admin#default.firestore': firestore,
    'firebase/firestore#getFirestore': firestore,
    'firebase/firestore#collection': (machine, call) =>
      object(machine.library('firestore-collection', call.site, { name: nameOf(call.args[1]) })),
    'firebase/firestore#doc': reference,
    'firebase/firestore#getDoc': onReference('get'),
    'firebase/firestore#setDoc': onReference('set'),
    'firebase/firestore#updateDoc': onReference('update'),
    'firebase/firestore#deleteDoc': onReference('delete'),
  },
  constructors: {
    '@google-cloud/firestore#Firestore': firestore,
    ...Object.fromEntries(
      Object.entries(USES).flatMap(([name, use]) => [
        [`@aws-sdk/lib-dynamodb#${name}Command`, command(use)],
        [`@aws-sdk/client-dynamodb#${name}ItemCommand`, command(use)],
      ]),
    ),
  },
  methods: {
    firestore: {
      collection,
      doc: documentAt,
      runTransaction: inTransaction,
      batch: (_machine, target) => object(target),
      get: through,
      set: through,
      create: through,
      update: through,
      delete: through,
      '*': () => UNKNOWN,
    },
    'firestore-collection': { doc: documentIn, '*': () => UNKNOWN },
    'firestore-document': {
      get: onDocument,
      set: onDocument,
      create: onDocument,
      update: onDocument,
      delete: onDocument,
      '*': () => UNKNOWN,
    },
    'firestore-snapshot': { data: (_machine, target) => target.data['data'] as Value, '*': () => UNKNOWN },
  },
  properties: {
    'firestore-snapshot': (_machine, target) => target.data['data'] as Value,
  },
}
