/** Settings and their defaults: command lines, schemas, environment. An option without a default is off until someone sets it. */
import type { Call } from '../calls.ts'
import type { HeapObject, LibraryObject } from '../heap.ts'
import { LibraryObject as Library } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { call_ } from '../calls.ts'
import { runCallbacks } from '../opaque.ts'
import type { State } from '../state.ts'
import { Value, UNDEFINED, UNKNOWN, object, onlyString, strings, tagged, withTags } from '../value.ts'
import { refuseShort } from '../refused-texts.ts'
import { isSent, takenIn } from '../schemas.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf, itself } from './routing.ts'

function unset(name: string): Value {
  return new Value([undefined], [], [`opt:${name}`], true)
}

const camel = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** A default holds until someone sets the option: it is what an address falls back to, but it decides no branch. */
function preset(name: string, value: Value | undefined): Value {
  if (value === undefined) return unset(name)
  const isOn = value.objects.length > 0 || value.primitives.some(Boolean)
  return withTags(value, [isOn ? `setting:${name}` : `opt:${name}`])
}

function declare(target: LibraryObject, name: string, given: Value | undefined): void {
  const value = preset(name, given)
  const options = (target.data['options'] ??= new Map<string, Value>()) as Map<string, Value>
  options.set(name, value)
  options.set(camel(name), value)
}

function result(machine: Machine, target: LibraryObject, call: { readonly site: Call['site'] }): Value {
  const parsed = machine.library('parsed-options', call.site, { options: target.data['options'] })
  return object(parsed)
}

// yargs

const yargsOption: MethodHandler = (_machine, target, call) => {
  const [first, settings] = call.args
  const name = first === undefined ? undefined : onlyString(first)
  if (name !== undefined) declare(target, name, optionOf(settings, 'default'))
  else {
    for (const record of first?.objects ?? []) {
      for (const [key, cell] of record.properties) declare(target, key, optionOf(cell.value, 'default'))
    }
  }
  return object(target)
}

const yargsDefault: MethodHandler = (_machine, target, call) => {
  const name = onlyString(call.args[0] ?? UNKNOWN)
  if (name !== undefined) declare(target, name, call.args[1] ?? UNKNOWN)
  return object(target)
}

const createYargs: ExternalHandler = (machine, call) => object(machine.library('yargs', call.site))
const parseResult: MethodHandler = (machine, target, call) => result(machine, target, call)

// commander

const commanderOption: MethodHandler = (_machine, target, call) => {
  const flags = onlyString(call.args[0] ?? UNKNOWN) ?? ''
  const name = /--(?:no-)?([\w-]+)/.exec(flags)?.[1]
  if (name === undefined) return object(target)
  const rest = call.args.slice(2).filter((arg) => !arg.objects.some((item) => item.kind === 'function'))
  declare(target, name, flags.includes('--no-') ? UNKNOWN : rest.at(-1))
  return object(target)
}

const commanderAction: MethodHandler = (machine, target, call, state) => {
  runCallbacks(machine, call, state, result(machine, target, call))
  return object(target)
}

const createCommander: ExternalHandler = (machine, call) => object(machine.library('commander', call.site))

/** `parseArgs({ options: { host: { type, default } } })`. */
const parseArgs: ExternalHandler = (machine, call) => {
  const parsed = machine.library('parsed-options', call.site, { options: new Map<string, Value>() })
  for (const record of optionOf(call.args[0], 'options')?.objects ?? []) {
    for (const [name, cell] of record.properties) declare(parsed, name, optionOf(cell.value, 'default'))
  }
  const outer = machine.allocate('object', call.site)
  outer.property('values').write(object(parsed))
  return object(outer)
}

// Schemas: zod and its like

const schema: ExternalHandler = (machine, call, _state, path) => {
  const kind = path.split(/[#.]/).at(-1) ?? ''
  const created = machine.library('schema', call.site)
  const shape = call.args[0]
  if (kind === 'object' || kind === 'strictObject' || kind === 'looseObject')
    created.data['shape'] = shape?.objects ?? []
  if (kind === 'preprocess') return call.args[1] ?? object(created)
  return object(created)
}

const schemaStep: MethodHandler = (machine, target, call, _state, name) => {
  const next = machine.library('schema', call.site, { ...target.data, parsed: undefined })
  if (name === 'default' || name === 'catch' || name === 'prefault') {
    const [value = UNKNOWN] = call.args
    const [factory] = value.objects
    next.data['default'] = factory?.kind === 'function' ? UNKNOWN : value
  }
  const [least] = call.args[0]?.primitives ?? []
  if ((name === 'min' || name === 'length') && typeof least === 'number') next.data['least'] = least
  if (name === 'extend' || name === 'merge')
    next.data['shape'] = [
      ...((target.data['shape'] ?? []) as HeapObject[]),
      ...(call.args[0]?.objects ?? []).flatMap(shapeOf),
    ]
  return object(next)
}

function shapeOf(item: HeapObject): readonly HeapObject[] {
  return item instanceof Library ? ((item.data['shape'] ?? []) as HeapObject[]) : [item]
}

const schemaParse: MethodHandler = (machine, target, call) => {
  const value = parsedBy(machine, target, call, call.args[0] ?? UNKNOWN, 0)
  const outer = machine.allocate('object', call.site)
  outer.property('data').write(value)
  outer.property('success').write(UNKNOWN)
  return value
}

const schemaSafeParse: MethodHandler = (machine, target, call) => {
  const outer = machine.allocate('object', call.site)
  outer.property('data').write(parsedBy(machine, target, call, call.args[0] ?? UNKNOWN, 0))
  outer.property('success').write(UNKNOWN)
  return object(outer)
}

function parsedBy(machine: Machine, target: LibraryObject, call: Call, input: Value, depth: number): Value {
  // What a client sent is still that: its shape proves nothing.
  if (isSent(input)) return takenIn(machine, input, call)
  const isOpen = input.objects.length === 0
  const known = target.data['parsed'] as Value | undefined
  if (isOpen && known !== undefined) return known
  const value = parseShape(machine, target, call, input, depth)
  if (isOpen) target.data['parsed'] = value
  return value
}

function parseShape(machine: Machine, target: LibraryObject, call: Call, input: Value, depth: number): Value {
  const shape = target.data['shape'] as HeapObject[] | undefined
  const fallback = target.data['default'] as Value | undefined
  if (shape === undefined || depth > 4) return fallback ?? UNKNOWN
  const parsed = machine.allocate('object', call.site)
  for (const record of shape) {
    for (const [name, cell] of record.properties) {
      const named = optionOf(input, name)
      for (const item of cell.value.objects) {
        if (!(item instanceof Library) || item.type !== 'schema') continue
        const least = item.data['least']
        const given = named !== undefined && typeof least === 'number' ? refuseShort(machine, named, least) : named
        const value = parsedBy(machine, item, call, given ?? UNKNOWN, depth + 1)
        if (item.data['default'] !== undefined && strings(value).length > 0)
          machine.fallbacks.set(`setting:${name}`, item.site)
        parsed
          .property(name)
          .write(
            item.data['default'] === undefined && item.data['shape'] === undefined
              ? settingValue(given, name)
              : item.data['shape'] === undefined
                ? preset(name, value)
                : value,
          )
      }
    }
  }
  return object(parsed)
}

function settingValue(given: Value | undefined, name: string): Value {
  if (given === undefined || (given.open && given.tags.length === 0)) return unset(name)
  return given
}

/** `ConfigModule.forRoot({ load: [configuration] })`: what its functions give is asked for by path. */
const loadSettings: ExternalHandler = (machine, call, state) => {
  const loaded = machine.readyMade.get(LOADED) ?? machine.library(LOADED, call.site)
  machine.readyMade.set(LOADED, loaded)
  for (const list of optionOf(call.args[0], 'load')?.objects ?? [])
    for (const cell of list.properties.values()) load(machine, loaded, cell.value, call, state)
  return UNKNOWN
}

const LOADED = 'nest-settings'

function load(machine: Machine, loaded: LibraryObject, factory: Value, call: Call, state: State): void {
  for (const item of factory.objects) {
    const space = item instanceof Library && item.type === 'nest-namespace' ? item : undefined
    const made = space === undefined ? object(item) : (space.data['factory'] as Value)
    const settings = state.aside((fork) => call_(machine, made, { ...call, args: [] }, fork))
    if (space !== undefined) loaded.property(String(space.data['name'])).write(settings)
    else
      for (const record of settings.objects)
        for (const [name, { value }] of record.properties) loaded.property(name).write(value)
  }
}

/** `registerAs('auth', () => ({ … }))`. */
const registerAs: ExternalHandler = (machine, call) =>
  object(
    machine.library('nest-namespace', call.site, {
      name: onlyString(call.args[0] ?? UNKNOWN),
      factory: call.args[1] ?? UNKNOWN,
    }),
  )

/** What was loaded under a path such as `auth.secret`. */
function loadedSetting(machine: Machine, path: string): Value | undefined {
  const loaded = machine.readyMade.get(LOADED)
  if (loaded === undefined) return undefined
  return path.split('.').reduce<Value | undefined>((from, name) => optionOf(from, name), object(loaded))
}

/** `config.get('HOST', '127.0.0.1')` of @nestjs/config: a setting of the environment, by its name, or one that was loaded. */
const namedSetting: MethodHandler = (machine, _target, call, _state, method) => {
  const [given = UNKNOWN, fallback] = call.args
  const name = onlyString(given)
  if (name === undefined) return UNKNOWN
  const loaded = loadedSetting(machine, name)
  if (loaded !== undefined) return loaded
  if (fallback === undefined || fallback.objects.length > 0)
    return method === 'getOrThrow' ? tagged(`env:${name}`) : withTags(unset(name).with({ tags: [] }), [`env:${name}`])
  if (strings(fallback).some(Boolean)) machine.fallbacks.set(`setting:${name}`, call.argSites[1] ?? call.site)
  return preset(name, fallback)
}

export const settings: Model = {
  calls: {
    '@nestjs/config#ConfigModule.forRoot': loadSettings,
    '@nestjs/config#registerAs': registerAs,
    yargs: createYargs,
    'yargs/yargs': createYargs,
    'node:util#parseArgs': parseArgs,
    ...Object.fromEntries(
      [
        'string',
        'number',
        'boolean',
        'object',
        'strictObject',
        'looseObject',
        'enum',
        'nativeEnum',
        'array',
        'union',
        'literal',
        'any',
        'unknown',
        'preprocess',
        'record',
        'coerce.number',
        'coerce.boolean',
        'coerce.string',
      ].flatMap((name) => [
        [`zod#z.${name}`, schema],
        [`zod#${name}`, schema],
        [`zod/v4#z.${name}`, schema],
        [`zod/v3#z.${name}`, schema],
        [`zod/v4#${name}`, schema],
      ]),
    ),
    minimist: (machine, call) => {
      const parsed = machine.library('parsed-options', call.site, { options: new Map<string, Value>() })
      for (const record of optionOf(call.args[1], 'default')?.objects ?? [])
        for (const [name, cell] of record.properties) declare(parsed, name, cell.value)
      return object(parsed)
    },
    'dotenv#config': () => UNDEFINED,
  },
  constructors: { 'commander#Command': createCommander },
  methods: {
    yargs: {
      option: yargsOption,
      options: yargsOption,
      default: yargsDefault,
      parse: parseResult,
      parseSync: parseResult,
      parseAsync: parseResult,
      '*': itself,
    },
    commander: {
      option: commanderOption,
      requiredOption: commanderOption,
      opts: parseResult,
      action: commanderAction,
      '*': itself,
    },
    schema: { parse: schemaParse, safeParse: schemaSafeParse, parseAsync: schemaParse, '*': schemaStep },
    'parsed-options': { '*': () => UNKNOWN },
    'settings-service': { get: namedSetting, getOrThrow: namedSetting, '*': () => UNKNOWN },
  },
  properties: {
    yargs: (machine, target, name, _key, site) =>
      name === 'argv' ? result(machine, target, { site }) : object(target),
    commander: (_machine, target) => object(target),
    'parsed-options': (_machine, target, name) => {
      const options = target.data['options'] as Map<string, Value> | undefined
      if (name === undefined) return UNKNOWN
      return options?.get(name) ?? withTags(UNKNOWN, [`opt:${name}`])
    },
    schema: (_machine, target, name) => (name === 'data' ? UNKNOWN : object(target)),
  },
}
