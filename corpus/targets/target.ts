/**
 * A server that others wrote, at a pinned version: how it is started (targets.json), and what a probe of it is to say
 * (expected.json). Two files, since a server without a published advisory is known by a number where its verdicts stand.
 */
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from '../../packages/audit/src/finding/finding.ts'

export interface Expected {
  readonly outcome: Outcome
  /** Where one verdict holds several findings: words of one that must be among them, and of one that must not. */
  readonly says?: string
  readonly saysNot?: string
  /** How this is known. */
  readonly reason: string
}

export interface Target {
  /** As the accuracy page names it. */
  readonly name: string
  /** Packages and their exact versions, installed into a folder of the cache. */
  readonly install?: Readonly<Record<string, string>>
  /** A checkout of the corpus, copied beside those packages. */
  readonly fix?: { readonly number: number; readonly state: 'vulnerable' | 'fixed' }
  /** Settings that the checkout lacks, as JSON. */
  readonly files?: Readonly<Record<string, unknown>>
  /** How that is built, before its first start: a script and its arguments. */
  readonly build?: readonly string[]
  /** What is run, relative to that folder; a name that begins with `servers/` is a file beside this one. */
  readonly entry: string
  readonly arguments?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly path: string
  /** In the words of a configuration of the prober. `tokens`: bearer tokens of alice, bob and carol. */
  readonly tokens?: boolean
  /** Instead: tokens that are signed with this secret (HS256), each with its claims. */
  readonly jwt?: { readonly secret: string; readonly claims: Readonly<Record<string, object>> }
  readonly config?: Readonly<Record<string, unknown>>
  readonly expected: Readonly<Record<string, Expected>>
}

export function readTargets(): readonly Target[] {
  const expected = read('expected.json') as Readonly<Record<string, Target['expected']>>
  return (read('targets.json') as readonly Omit<Target, 'expected'>[]).map((target) => {
    const own = expected[target.name]
    if (own === undefined) throw new Error(`Nothing is expected of ${target.name}.`)
    return { ...target, expected: own }
  })
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8'))
}

export const tokens = {
  alice: 'alice-0f6b2c1d9e8a4735',
  bob: 'bob-7c3e5a9d1f2b8640',
  carol: 'carol-4d8e1b6f9a3c2750',
} as const

/** The configuration of a probe, as a user would write it. `$PORT` is where the target listens. */
export function configurationOf({ tokens: hasTokens, jwt, config = {} }: Target, port: string): string {
  const given = jwt ? signed(jwt) : hasTokens ? tokens : undefined
  const principals = Object.entries(given ?? {}).map(([name, token]) => [
    name,
    { headers: { authorization: `Bearer ${token}` } },
  ])
  return JSON.stringify({ ...(given && { principals: Object.fromEntries(principals) }), ...config }).replaceAll(
    '$PORT',
    port,
  )
}

function signed({ secret, claims }: NonNullable<Target['jwt']>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(claims).map(([name, own]) => [name, jwtOf(own, secret)]))
}

function jwtOf(claims: object, secret: string): string {
  const parts = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return [...parts, createHmac('sha256', secret).update(parts.join('.')).digest('base64url')].join('.')
}
