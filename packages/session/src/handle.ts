/** Handles: made here, checked for form before anything is looked up, and turned into the digest that stores know. */
import { sha256 } from './digest.ts'
import { randomBytes, type RandomBytes } from './random.ts'

/**
 * How a handle travels. One that was handed out for one way is unknown on every other, so that a cookie is no
 * `Mcp-Session-Id` and neither is an argument of a tool.
 */
export type HandleKind = 'session' | 'cookie' | 'state'

/** Characters of a handle. */
export const handleLength = 43
const form = /^[A-Za-z0-9_-]{43}$/

/** 32 random bytes, base64url: 256 bits, 43 characters that are legal in headers, cookies and JSON alike. */
export function mintHandle(random: RandomBytes = randomBytes): string {
  return random(32).toString('base64url')
}

/** Whether a presented value could have been minted here. Asked first: what has not the form costs no look-up. */
export function hasHandleForm(presented: unknown): presented is string {
  return typeof presented === 'string' && presented.length === handleLength && form.test(presented)
}

/** What stores keep in place of a handle. From it nobody gets back to the handle. */
export function digestOf(handle: string): string {
  return sha256(handle)
}
