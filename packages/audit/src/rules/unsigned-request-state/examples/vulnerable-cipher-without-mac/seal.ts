import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

export interface Trip {
  user: string
  city: string | undefined
  until: number
}

const key = randomBytes(32)

export function seal(trip: Trip): string {
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-ctr', key, iv)
  const text = Buffer.concat([cipher.update(JSON.stringify(trip), 'utf8'), cipher.final()])
  return Buffer.concat([iv, text]).toString('base64url')
}

export function unseal(sealed: string): Trip {
  const bytes = Buffer.from(sealed, 'base64url')
//              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 taken apart, unproven
  const decipher = createDecipheriv('aes-256-ctr', key, bytes.subarray(0, 16))
  const text = Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()])
  return JSON.parse(text.toString('utf8'))
}
