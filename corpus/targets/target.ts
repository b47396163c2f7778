/** A server that others wrote, at a pinned version, as it is started and what a probe of it is to say. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from '../../packages/audit/src/finding/finding.ts'

export interface Expected {
  readonly outcome: Outcome
  /** How this is known. */
  readonly reason: string
}

export interface Target {
  /** As the accuracy page names it. */
  readonly name: string
  /** Packages and their exact versions, installed into a folder of the cache. */
  readonly install?: Readonly<Record<string, string>>
  /** Instead: a checkout of the corpus, and the packages that it asks for. */
  readonly fix?: { readonly number: number; readonly state: 'vulnerable' | 'fixed' }
  /** What is run, relative to that folder; a name that begins with `servers/` is a file beside this one. */
  readonly entry: string
  readonly arguments?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly path: string
  /** In the words of a configuration of the prober. `tokens`: bearer tokens of alice, bob and carol. */
  readonly tokens?: boolean
  readonly config?: Readonly<Record<string, unknown>>
  readonly expected: Readonly<Record<string, Expected>>
}

export function readTargets(): readonly Target[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'targets.json'), 'utf8')) as readonly Target[]
}

export const tokens = {
  alice: 'alice-0f6b2c1d9e8a4735',
  bob: 'bob-7c3e5a9d1f2b8640',
  carol: 'carol-4d8e1b6f9a3c2750',
} as const

/** The configuration of a probe, as a user would write it. */
export function configurationOf({ tokens: hasTokens, config = {} }: Target): string {
  const principals = Object.fromEntries(
    Object.entries(tokens).map(([name, token]) => [name, { headers: { authorization: `Bearer ${token}` } }]),
  )
  return JSON.stringify({ ...(hasTokens && { principals }), ...config })
}
