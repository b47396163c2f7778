/** When a session is over: the one judgement that stores without a language of their own share. */
import type { EndReason } from '../events.ts'

/** What decides over the life of a session; times by the store's clock, 0 for none. */
export interface Lifetime {
  readonly absoluteEnd: number
  readonly credentialEnd: number
  readonly lastUsedAt: number
  readonly idleTimeoutMs: number
}

/** The timeout that a session has reached at `now`, if any. The moment of the timeout itself is too late. */
export function timedOut(life: Lifetime, now: number): EndReason | undefined {
  if (now >= life.absoluteEnd) return 'absolute-timeout'
  if (life.credentialEnd !== 0 && now >= life.credentialEnd) return 'credential-expired'
  if (now - life.lastUsedAt >= life.idleTimeoutMs) return 'idle-timeout'
  return undefined
}

/** Whether activity at `now` is to be written down: see `coalesceMs` of the store's requests. */
export function isNews(life: Lifetime, now: number, coalesceMs: number): boolean {
  const sinceMs = now - life.lastUsedAt
  return sinceMs > 0 && sinceMs >= Math.min(coalesceMs, life.idleTimeoutMs / 30)
}

/** When the session ends however active it is. */
export function latestEnd(life: Lifetime): number {
  return life.credentialEnd === 0 ? life.absoluteEnd : Math.min(life.absoluteEnd, life.credentialEnd)
}

/** When the session ends unless it is used. */
export function nextEnd(life: Lifetime): number {
  return Math.min(latestEnd(life), life.lastUsedAt + life.idleTimeoutMs)
}
