/** GraphQL over HTTP: resolvers answer the requests that come to the handler of their schema, behind whatever stands before it. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { LibraryObject } from '../heap.ts'
import { isFunction } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object } from '../value.ts'
import { flat } from './express.ts'
import { noteAnswer } from './http.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag } from './requests.ts'
import { emitListen, libraryIn, optionOf, registerRoute } from './routing.ts'

const MOST_RESOLVERS = 60

/** What is given resolvers, or a schema with resolvers in it, answers by them. */
const withResolvers: ExternalHandler = (machine, call) => {
  const [options] = call.args
  const schema = libraryIn(optionOf(options, 'schema'), 'graphql')
  const resolvers = schema === undefined ? optionOf(options, 'resolvers') : (schema.data['resolvers'] as Value)
  const context = optionOf(options, 'context')
  return object(machine.library('graphql', call.site, { resolvers: resolvers ?? UNDEFINED, context }))
}

/** `expressMiddleware(server, { context })` */
const serving: ExternalHandler = (machine, call) => {
  const server = libraryIn(call.args[0], 'graphql')
  const context = optionOf(call.args[1], 'context')
  return server === undefined
    ? object(machine.library('middleware', call.site, { facts: [] }))
    : object(machine.library('graphql', call.site, { ...server.data, context }))
}

/** `startStandaloneServer(server, { listen: { port }, context })` */
const standalone: ExternalHandler = (machine, call, state) => {
  const handler = serving(machine, call, state, '')
  const app = machine.library('http-server', call.site, { tls: false })
  const listening = { ...call, args: [optionOf(call.args[1], 'listen') ?? UNDEFINED] }
  emitListen(machine, listening, state, { tls: false, defaultHost: '::', what: 'startStandaloneServer', app })
  const given = { verb: '*', path: '/graphql', handlers: [handler], layer: false, flavour: 'express' } as const
  registerRoute(machine, app, given, call, state)
  return UNKNOWN
}

/** The functions that stand under the fields of types, as such or as `{ resolve }`. */
function resolversIn(resolvers: Value): readonly Value[] {
  return flat([resolvers])
    .flatMap(({ objects }) => objects)
    .filter(({ kind }) => kind === 'object')
    .flatMap(({ properties }) => [...properties.values()])
    .flatMap(({ value }) => value.objects.filter(({ kind }) => kind === 'object'))
    .flatMap(({ properties }) => [...properties.values()])
    .map(({ value }) => optionOf(value, 'resolve') ?? value)
    .filter(isFunction)
    .slice(0, MOST_RESOLVERS)
}

/** One request asks for some of it: each is a way of its own. */
const answer: MethodHandler = (machine, target, call, state) => {
  const context = contextOf(machine, target, call, state)
  const args = [UNKNOWN, bag(machine, 'body', call.site), context, UNKNOWN]
  const ways: State[] = []
  for (const resolver of resolversIn(target.data['resolvers'] as Value)) {
    const way = state.fork()
    const site = resolver.objects[0]!.site
    const value = call_(machine, resolver, { ...call, site, args, argSites: [], self: UNDEFINED }, way)
    if (!way.dead) noteAnswer(machine, { ...call, site, args: [value] }, way)
    way.dead = false
    ways.push(way)
  }
  if (ways.length > 0) state.merge(ways)
  return UNKNOWN
}

/** What a function makes of the request for resolvers to find. */
function contextOf(machine: Machine, target: LibraryObject, call: Call, state: State): Value {
  const request = call.args[0] ?? UNKNOWN
  const given = machine.allocate('object', call.site)
  for (const name of ['req', 'request']) given.property(name).write(request)
  const make = target.data['context'] as Value | undefined
  return make !== undefined && isFunction(make)
    ? call_(machine, make, { ...call, args: [object(given)], self: UNDEFINED }, state)
    : (make ?? object(given))
}

const SCHEMAS = [
  'graphql-yoga#createSchema',
  '@graphql-tools/schema#makeExecutableSchema',
  '@apollo/subgraph#buildSubgraphSchema',
]
const HANDLERS = [
  'graphql-yoga#createYoga',
  'graphql-http/lib/use/express#createHandler',
  'graphql-http/lib/use/http#createHandler',
  'graphql-http/lib/use/fetch#createHandler',
]

export const graphql: Model = {
  calls: {
    ...Object.fromEntries([...SCHEMAS, ...HANDLERS].map((path) => [path, withResolvers])),
    ...Object.fromEntries(
      ['@as-integrations/express5', '@as-integrations/express4', '@apollo/server/express4'].map((path) => [
        `${path}#expressMiddleware`,
        serving,
      ]),
    ),
    '@apollo/server/standalone#startStandaloneServer': standalone,
  },
  constructors: { '@apollo/server#ApolloServer': withResolvers },
  methods: {
    graphql: { '()': answer, fetch: answer, handle: answer, start: () => UNKNOWN, '*': () => UNKNOWN },
  },
}
