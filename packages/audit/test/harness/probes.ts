/**
 * How the examples of a rule are probed: `examples/probe.yaml` beside them.
 *
 *   defaults:   what holds for every example: env, path, config
 *   examples:   by name, what is different
 *
 * `env` is set before the example starts; `$FREE_PORT` in it is a port that nobody listens on, and null takes a default
 * away, in `config` as well. `unprovenFix` is the reason why the wire cannot show that a fixed twin is cured. `path` is where it is probed. `config` is a probe configuration. A header value
 * `Bearer $JWT {claims}` is a token of these claims, signed with ISSUER_KEY when the probe begins, and good for an hour;
 * `$JWT(8s)` for eight seconds.
 */
import { createHmac } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type Example, rulesFolder } from './examples.ts'

export interface Probing {
  readonly env: Readonly<Record<string, string>>
  readonly path: string
  readonly config: Readonly<Record<string, unknown>>
  /** How ISSUER_KEY in `env` is written. */
  readonly key?: 'hex' | 'utf8'
  readonly unprovenFix?: string
}

interface Document {
  readonly defaults?: Partial<Probing>
  readonly examples?: Readonly<Record<string, Partial<Probing>>>
}

/** Undefined where the rule's folder says nothing of probing: it has no scenario. */
export function probingOf({ rule, name }: Pick<Example, 'rule' | 'name'>): Probing | undefined {
  const path = join(rulesFolder, rule, 'examples', 'probe.yaml')
  if (!existsSync(path)) return undefined
  const { defaults = {}, examples = {} } = (parse(readFileSync(path, 'utf8'), { merge: true }) ?? {}) as Document
  const own = examples[name.slice(rule.length + 1)] ?? {}
  const env = without(null, { ...defaults.env, ...own.env })
  return {
    env,
    path: own.path ?? defaults.path ?? '/mcp',
    ...(own.unprovenFix !== undefined && { unprovenFix: own.unprovenFix }),
    ...(own.key !== undefined && { key: own.key }),
    config: without(null, { ...defaults.config, ...own.config }),
  }
}

/** The configuration for a probe that begins now. */
export function configNow({ config, env, key = 'hex' }: Probing): Probing['config'] {
  return withTokens(config, Buffer.from(env['ISSUER_KEY'] ?? '', key))
}

function without<T>(unwanted: unknown, fields: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== unwanted))
}

/** Names in `probe.yaml` that are no example. */
export function strayNames(rule: string, examples: readonly Example[]): readonly string[] {
  const path = join(rulesFolder, rule, 'examples', 'probe.yaml')
  if (!existsSync(path)) return []
  const known = new Set(examples.map(({ name }) => name.slice(rule.length + 1)))
  return Object.keys((parse(readFileSync(path, 'utf8'), { merge: true }) as Document).examples ?? {}).filter(
    (name) => !known.has(name),
  )
}

function withTokens<T>(value: T, key: Buffer): T
function withTokens(value: unknown, key: Buffer): unknown {
  if (typeof value === 'string')
    return value.replace(/\$JWT(?:\((\d+)s\))? (\{.*\})/, (_, seconds: string | undefined, claims: string) =>
      signed(JSON.parse(claims) as object, key, Number(seconds ?? 3_600)),
    )
  if (Array.isArray(value)) return value.map((item: unknown) => withTokens(item, key))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withTokens(item, key)]))
}

function signed(claims: object, key: Buffer, seconds: number): string {
  const now = Math.floor(Date.now() / 1000)
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url')
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: now, exp: now + seconds, ...claims })}`
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
}
