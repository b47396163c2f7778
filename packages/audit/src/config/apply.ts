/** What a configuration changes: which files are read, which rules run, what is taken as given. */
import type { Declared } from '../extract/declared.ts'
import type { ServerFacts } from '../facts/facts.ts'
import { notApplicable, type RuleEntry } from '../rules/rule.ts'
import type { Selection } from '../source/read.ts'
import type { Config } from './config.ts'
import { matcherOf } from './patterns.ts'

/** Which files are read, and as what. */
export function selectionOf({ ignore, surfaces, prefix }: Config): Selection {
  const placed = [...surfaces].map(([pattern, surface]) => ({ matches: matcherOf([pattern], prefix), surface }))
  return {
    leaveOut: matcherOf(ignore, prefix),
    surfaceOf: (path) => placed.find(({ matches }) => matches(path))?.surface,
  }
}

/** A rule that is off does not apply, and says so; one with another severity keeps its impact, which is the formula's. */
export function rulesUnder({ rules, path }: Config, all: readonly RuleEntry[]): readonly RuleEntry[] {
  return all.map((entry) => {
    const setting = rules.get(entry.rule.id)
    if (setting === undefined) return entry
    if (setting !== 'off') return { ...entry, rule: { ...entry.rule, severity: setting } }
    return { ...entry, detect: () => notApplicable(`Turned off in ${path}.`) }
  })
}

/** A listener that only trusted proxies reach is served over TLS. */
export function factsUnder({ trustedProxies }: Config, facts: ServerFacts): ServerFacts {
  if (trustedProxies.length === 0) return facts
  return { ...facts, listeners: facts.listeners.map((listener) => ({ ...listener, tlsEnforced: true })) }
}

/** Names that the configuration vouches for, with paths as the audited folder has them. */
export function declaredIn({ authenticators, stores, prefix }: Config): Declared {
  const within = (name: string) =>
    prefix !== '' && name.startsWith(`${prefix}/`) ? name.slice(prefix.length + 1) : name
  return {
    authenticators: new Set(authenticators.map(within)),
    stores: new Map(stores.map(({ name, timeouts }) => [within(name), timeouts])),
  }
}

/** What a reader must know that the audit did not see for itself. */
export function declarationsOf({
  path,
  rules,
  ignore,
  trustedProxies,
  authenticators,
  stores,
}: Config): readonly string[] {
  const off = [...rules].filter(([, setting]) => setting === 'off').map(([id]) => id)
  const changed = [...rules].filter(([, setting]) => setting !== 'off').map(([id, setting]) => `${id} is ${setting}`)
  return [
    sentence('Not audited', ignore),
    sentence('Rules turned off', off),
    sentence('Severities changed', changed),
    sentence('TLS is ended by trusted proxies', trustedProxies),
    sentence('Taken to authenticate', authenticators),
    sentence(
      'Taken to keep sessions',
      stores.map(({ name, timeouts }) => (timeouts.length > 0 ? `${name} (${timeouts.join(' and ')} timeout)` : name)),
    ),
  ].flatMap((text) => (text === undefined ? [] : [`${text} (${path}).`]))
}

function sentence(what: string, items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : `${what}: ${items.join(', ')}`
}
