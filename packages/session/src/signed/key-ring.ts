/** Keys for what leaves the server and comes back: one that makes, several that are still believed. */
import { createHmac, createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto'
import { MisuseError } from '../errors.ts'

export interface RingKey {
  /** Names the key in what it made; 1 to 32 letters, digits, `-` or `_`. No secret. */
  readonly id: string
  /** At least 32 bytes from a random generator; a text is taken as base64url. */
  readonly secret: string | Uint8Array
}

const idPattern = /^[A-Za-z0-9_-]{1,32}$/
const keyBytes = 32

/**
 * A ring whose first key makes and whose others still verify. To rotate, add the new key on every process and let the
 * old one go once nothing that it made can be valid any more: nobody is logged out.
 *
 * @throws MisuseError where there is no key, an id is taken or no id, or a secret is too short to be one
 */
export function createKeyRing(keys: readonly RingKey[]): KeyRing {
  return new KeyRing(keys)
}

export class KeyRing {
  readonly #secrets = new Map<string, Buffer>()
  readonly #derived = new Map<string, KeyObject>()
  #current = ''

  constructor(keys: readonly RingKey[]) {
    for (const key of keys.toReversed()) this.add(key)
    if (this.#current === '') throw new MisuseError('a key ring needs a key')
  }

  /** From now on this key makes, and the ones before verify. */
  add({ id, secret }: RingKey): void {
    const bytes = typeof secret === 'string' ? Buffer.from(secret, 'base64url') : Buffer.from(secret)
    if (!idPattern.test(id) || this.#secrets.has(id))
      throw new MisuseError('the id of a key must be new and well-formed')
    if (bytes.length < keyBytes) throw new MisuseError(`the secret of key ${id} is shorter than ${keyBytes} bytes`)
    this.#secrets.set(id, bytes)
    this.#current = id
  }

  /** What this key made is worth nothing from now on. The one that makes cannot go. */
  remove(id: string): void {
    if (id === this.#current) throw new MisuseError('add another key before the one in use is removed')
    this.#secrets.get(id)?.fill(0)
    this.#secrets.delete(id)
    for (const name of Array.from(this.#derived.keys())) if (name.startsWith(`${id} `)) this.#derived.delete(name)
  }

  /** The id of the key that makes. */
  get current(): string {
    return this.#current
  }

  /** The key of an id for one purpose, so that what was made for one is nothing for another. */
  keyFor(id: string, purpose: string): KeyObject | undefined {
    const name = `${id} ${purpose}`
    const known = this.#derived.get(name)
    if (known) return known
    const secret = this.#secrets.get(id)
    if (!secret) return undefined
    const key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', `sallyport ${purpose}`, keyBytes)))
    this.#derived.set(name, key)
    return key
  }

  /** A MAC of a text under the current key. */
  sign(purpose: string, text: string): { readonly id: string; readonly mac: string } {
    const id = this.#current
    return { id, mac: macOf(this.keyFor(id, purpose) as KeyObject, text).toString('base64url') }
  }

  /** Whether the MAC is that of the text under this key. In constant time. */
  verify(purpose: string, id: string, text: string, mac: string): boolean {
    const key = this.keyFor(id, purpose)
    if (!key) return false
    const given = Buffer.from(mac, 'base64url')
    const right = macOf(key, text)
    // Another encoding of the same bytes is another text, so it is refused.
    return given.length === right.length && timingSafeEqual(given, right) && given.toString('base64url') === mac
  }
}

function macOf(key: KeyObject, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
