/** The settings of the session layer, their defaults, and what they may not be. */
import { MisuseError } from './errors.ts'
import type { SessionStore } from './store/store.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

export interface SessionOptions {
  /** Where sessions live. Memory of this process unless said otherwise. */
  readonly store?: SessionStore
  /** From opening to end, however active. Never renewed. 4 hours: within NIST SP 800-63B AAL2 and ASVS 7.3.2. */
  readonly absoluteTimeoutMs?: number
  /** Since the last request that counts as activity. 30 minutes: NIST SP 800-63B AAL2. */
  readonly idleTimeoutMs?: number
  /** For so long after a regeneration the old handle is a late request and not a theft, and reads in flight go on. */
  readonly graceMs?: number
  readonly caps?: {
    /** Sessions of one principal. */
    readonly perPrincipal?: number
    /** State handles of one principal. */
    readonly statesPerPrincipal?: number
    /** Agent instances of one principal that were reset within the absolute timeout. One more ends all of the principal. */
    readonly agentsReset?: number
    /** Sessions without a principal, all together. */
    readonly anonymous?: number
    readonly total?: number
    /** At the cap of a principal: refuse the new session, or end the longest unused one. */
    readonly whenFull?: 'refuse' | 'end-idlest'
  }
  /** Whether sessions without a principal may be opened. Then the handle is all that protects them. */
  readonly public?: boolean
  /** A store that takes longer is taken for gone. With the default the answer 503 is there within 250 ms. */
  readonly storeDeadlineMs?: number
  /** JSON of the application's data, in bytes. */
  readonly maxDataBytes?: number
  /** How often open streams are checked against the store. */
  readonly watchIntervalMs?: number
  /** How often the store is asked to remove what is over; 0 if something else calls `sweep`. */
  readonly sweepIntervalMs?: number
}

export interface Settings {
  readonly absoluteTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly graceMs: number
  readonly caps: {
    readonly perPrincipal: number
    readonly statesPerPrincipal: number
    readonly agentsReset: number
    readonly anonymous: number
    readonly total: number
    readonly whenFull: 'refuse' | 'end-idlest'
  }
  readonly public: boolean
  readonly storeDeadlineMs: number
  readonly maxDataBytes: number
  readonly watchIntervalMs: number
  readonly sweepIntervalMs: number
}

/** Timeouts by the assurance levels of NIST SP 800-63B, to be spread into the options. */
export const profiles = {
  /** Multi-factor authentication expected: 4 hours and 30 minutes, the default. */
  aal2: { absoluteTimeoutMs: 4 * hourMs, idleTimeoutMs: 30 * minuteMs },
  /** Hardware-bound authentication expected: 4 hours and 15 minutes. */
  aal3: { absoluteTimeoutMs: 4 * hourMs, idleTimeoutMs: 15 * minuteMs },
} as const

/** The options with their defaults. @throws MisuseError for a value that would weaken what is promised */
export function settle(options: SessionOptions): Settings {
  const absoluteTimeoutMs = options.absoluteTimeoutMs ?? profiles.aal2.absoluteTimeoutMs
  const settings: Settings = {
    absoluteTimeoutMs,
    idleTimeoutMs: options.idleTimeoutMs ?? Math.min(profiles.aal2.idleTimeoutMs, absoluteTimeoutMs),
    graceMs: options.graceMs ?? 5000,
    caps: {
      perPrincipal: options.caps?.perPrincipal ?? 50,
      statesPerPrincipal: options.caps?.statesPerPrincipal ?? 1000,
      agentsReset: options.caps?.agentsReset ?? 1000,
      anonymous: options.caps?.anonymous ?? 1000,
      total: options.caps?.total ?? 100_000,
      whenFull: options.caps?.whenFull ?? 'refuse',
    },
    public: options.public ?? false,
    storeDeadlineMs: options.storeDeadlineMs ?? 200,
    maxDataBytes: options.maxDataBytes ?? 64 * 1024,
    watchIntervalMs: options.watchIntervalMs ?? 1000,
    sweepIntervalMs: options.sweepIntervalMs ?? 1000,
  }
  requireRange('absoluteTimeoutMs', absoluteTimeoutMs, 1, 30 * 24 * hourMs)
  requireRange('idleTimeoutMs', settings.idleTimeoutMs, 1, absoluteTimeoutMs)
  requireRange('graceMs', settings.graceMs, 0, minuteMs)
  requireRange('storeDeadlineMs', settings.storeDeadlineMs, 1, 5000)
  requireRange('maxDataBytes', settings.maxDataBytes, 2, 16 * 1024 * 1024)
  requireRange('watchIntervalMs', settings.watchIntervalMs, 10, minuteMs)
  requireRange('sweepIntervalMs', settings.sweepIntervalMs, 0, hourMs)
  for (const scope of ['perPrincipal', 'statesPerPrincipal', 'agentsReset', 'anonymous', 'total'] as const)
    requireRange(`caps.${scope}`, settings.caps[scope], 0, Number.MAX_SAFE_INTEGER)
  return settings
}

/** @throws MisuseError where the value is no number within the range */
export function requireRange(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) throw new MisuseError(`${name} must be a number from ${min} to ${max}`)
}
