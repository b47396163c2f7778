/** What a team says about its own tree: `sallyport.config.yaml` or `.json`, as values. */
import type { Profile, Severity, Surface } from '../finding/finding.ts'

export interface Config {
  /** The file, relative to the audited folder where it lies in it or above it. */
  readonly path: string
  /** Where the audited folder lies within the folder of the file, `/`-separated; '' where they are the same. */
  readonly prefix: string
  readonly profile?: Profile
  readonly failOn?: 'none' | Severity
  /** Rules turned off, or given another severity. Their impact on the score is the formula's. */
  readonly rules: ReadonlyMap<string, 'off' | Severity>
  /** Files that are not read: patterns as in a .gitignore, relative to the file's folder. */
  readonly ignore: readonly string[]
  /** What kind of code files are, by pattern; the first that matches decides. */
  readonly surfaces: ReadonlyMap<string, Surface>
  /** Proxies that stand before every listener and end TLS; named for the reader. */
  readonly trustedProxies: readonly string[]
  readonly authenticators: readonly string[]
  readonly stores: readonly DeclaredStore[]
  readonly suppressions: readonly ConfigSuppression[]
  /** Path of the baseline, relative to the file's folder. */
  readonly baseline?: string
}

/** A class or factory that keeps sessions: `@acme/sessions#SessionStore`, `src/store.ts#SessionStore`. */
export interface DeclaredStore {
  readonly name: string
  /** The timeouts that it enforces by itself. */
  readonly timeouts: readonly ('idle' | 'absolute')[]
}

/** Findings to live with. What is absent matches anything; one of the three is always present. */
export interface ConfigSuppression {
  readonly rule?: string
  /** A pattern as in a .gitignore. */
  readonly path?: string
  readonly fingerprint?: string
  readonly reason: string
  readonly expires?: string
}

/** Names under which a configuration is looked for. */
export const CONFIG_NAMES = ['sallyport.config.yaml', 'sallyport.config.yml', 'sallyport.config.json'] as const

/** A setting that cannot be used. Names the file and the field. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'ERR_CONFIG'
  readonly path: string
  /** `rules.session-fixation`, `suppress[2].expires`; absent where the whole file is at fault. */
  readonly field: string | undefined

  constructor(path: string, field: string | undefined, complaint: string) {
    super(field === undefined ? `${path}: ${complaint}` : `${path}: ${field} ${complaint}`)
    this.path = path
    this.field = field
  }
}
