/** Text of a configuration → Config. */
import { parseDocument } from 'yaml'
import type { Profile, Severity, Surface } from '../finding/finding.ts'
import { severities } from '../finding/severity.ts'
import { ConfigError, type Config, type ConfigSuppression, type DeclaredStore } from './config.ts'
import { choiceOf, dayOf, entriesOf, type Field, fieldsOf, itemsOf, refuse, textOf } from './fields.ts'

const SETTINGS = [
  '$schema',
  'profile',
  'failOn',
  'rules',
  'ignore',
  'surfaces',
  'trustedProxies',
  'authenticators',
  'stores',
  'suppress',
  'baseline',
] as const

export const profiles = ['regular', 'pedantic', 'auditor'] as const satisfies readonly Profile[]
const surfaces = ['runtime', 'example', 'script', 'test', 'generated'] as const satisfies readonly Surface[]
const thresholds = ['none', ...severities] as const satisfies readonly ('none' | Severity)[]
const timeouts = ['idle', 'absolute'] as const

/** Where a configuration lies, and what it may name. */
export interface Place {
  readonly path: string
  readonly prefix: string
  /** Ids of the rules there are. */
  readonly rules: readonly string[]
}

/** Reads YAML or JSON, which is YAML. Throws ConfigError for whatever is not as documented. */
export function parseConfig(text: string, { path, prefix, rules }: Place): Config {
  const fields = fieldsOf({ file: path, name: '', value: documentOf(text, path) ?? {} }, SETTINGS)
  const ruleId = (field: Field) => choiceOf(field, rules)
  const optional = <T>(name: (typeof SETTINGS)[number], read: (field: Field) => T): T | undefined => {
    const field = fields.get(name)
    return field && read(field)
  }
  const texts = (name: (typeof SETTINGS)[number]) => itemsOf(fields.get(name)).map(textOf)
  return {
    path,
    prefix,
    ...defined(
      'profile',
      optional('profile', (field) => choiceOf(field, profiles)),
    ),
    ...defined(
      'failOn',
      optional('failOn', (field) => choiceOf(field, thresholds)),
    ),
    ...defined('baseline', optional('baseline', pathWithin)),
    rules: optional('rules', (field) => ruleSettings(field, rules)) ?? new Map(),
    ignore: itemsOf(fields.get('ignore')).map(patternOf),
    surfaces: optional('surfaces', surfaceSettings) ?? new Map(),
    trustedProxies: texts('trustedProxies'),
    authenticators: itemsOf(fields.get('authenticators')).map(nameOf),
    stores: itemsOf(fields.get('stores')).map(storeOf),
    suppressions: itemsOf(fields.get('suppress')).map((field) => suppressionOf(field, ruleId)),
  }
}

/** Aliases are bounded by the parser, so no small file becomes a huge one. */
function documentOf(text: string, path: string): unknown {
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'silent' })
  const [mistake] = document.errors
  if (mistake)
    throw new ConfigError(path, undefined, `cannot be read: ${mistake.message.split('\n')[0]?.replace(/:$/, '')}.`)
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown
  } catch (error) {
    throw new ConfigError(path, undefined, `cannot be read: ${(error as Error).message}.`)
  }
}

function ruleSettings(field: Field, rules: readonly string[]): ReadonlyMap<string, 'off' | Severity> {
  return new Map(
    [...fieldsOf(field, rules)].map(([id, setting]) => [id, choiceOf(withOff(setting), ['off', ...severities])]),
  )
}

/** YAML 1.1 reads a bare `off` as false; people who write it mean the word. */
function withOff(field: Field): Field {
  return field.value === false ? { ...field, value: 'off' } : field
}

function surfaceSettings(field: Field): ReadonlyMap<string, Surface> {
  return new Map(
    [...entriesOf(field)].map(([pattern, surface]) => [
      patternOf({ ...surface, value: pattern }),
      choiceOf(surface, surfaces),
    ]),
  )
}

/** A pattern is matched against every path: a few wildcards are enough for any tree, and cheap. */
function patternOf(field: Field): string {
  const pattern = textOf(field)
  const wildcards = pattern.replaceAll(/\*+/g, '*').split('*').length - 1
  if (wildcards > 6) refuse(field, 'must not hold more than six wildcards.')
  return pattern
}

/** A path below the configuration's folder: who writes into a tree does not decide which files outside it are read and written. */
function pathWithin(field: Field): string {
  const path = textOf(field)
  if (/^(?:[\\/]|[a-z]:)|(?:^|[\\/])\.\.(?:[\\/]|$)/i.test(path))
    refuse(field, 'must be a path below the folder of this file, without "..".')
  return path
}

function nameOf(field: Field): string {
  const name = textOf(field)
  if (!/^[^\s#]+(?:#[\w$]+)?$/.test(name))
    refuse(field, 'must name an export: package#name, path/to/file.ts#name, or a package alone for its default export.')
  return name
}

function storeOf(field: Field): DeclaredStore {
  if (typeof field.value === 'string') return { name: nameOf(field), timeouts: [] }
  const fields = fieldsOf(field, ['name', 'timeouts'])
  const name = fields.get('name') ?? refuse(field, 'must hold "name".')
  return { name: nameOf(name), timeouts: itemsOf(fields.get('timeouts')).map((item) => choiceOf(item, timeouts)) }
}

function suppressionOf(field: Field, ruleId: (field: Field) => string): ConfigSuppression {
  const fields = fieldsOf(field, ['rule', 'path', 'fingerprint', 'reason', 'expires'])
  const [rule, path, fingerprint, expires] = ['rule', 'path', 'fingerprint', 'expires'].map((name) => fields.get(name))
  if (!rule && !path && !fingerprint) refuse(field, 'must hold "rule", "path" or "fingerprint".')
  const reason = fields.get('reason') ?? refuse(field, 'must hold "reason": why this finding is lived with.')
  return {
    ...defined('rule', rule && ruleId(rule)),
    ...defined('path', path && patternOf(path)),
    ...defined('fingerprint', fingerprint && fingerprintOf(fingerprint)),
    reason: textOf(reason),
    ...defined('expires', expires && dayOf(expires)),
  }
}

function fingerprintOf(field: Field): string {
  const text = textOf(field)
  return /^[0-9a-f]{16}$/.test(text)
    ? text
    : refuse(field, 'must be 16 hex digits, as the JSON report has them (in quotes).')
}

/** `{ [name]: value }`, or nothing where there is no value. */
function defined<const Name extends string, T>(name: Name, value: T | undefined): { readonly [K in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in Name]?: T })
}
