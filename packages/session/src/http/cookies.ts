/** The session cookie: written with every protection there is, read without leniency. */
import type { RequestView } from './request.ts'

/** Secure, from this host alone, for all of it; no Domain, and no end, because the server knows when it ends. */
const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict'
const namePattern = /^__Host-[A-Za-z0-9_-]{1,64}$/

/** Whether a name has the prefix that makes browsers enforce what the attributes say. */
export function isHostCookieName(name: string): boolean {
  return namePattern.test(name)
}

/** The `Set-Cookie` that hands out a handle. */
export function writeCookie(name: string, handle: string): string {
  return `${name}=${handle}; ${attributes}`
}

/** The `Set-Cookie` that takes it back. The session itself ends on the server; this only tidies up. */
export function clearCookie(name: string): string {
  return `${name}=; ${attributes}; Max-Age=0`
}

/** The one cookie of this name. Two of them mean that somebody plants one, and neither is believed. */
export function readCookie(request: RequestView, name: string): string | undefined | { readonly many: true } {
  const values = cookiesOf(request, name)
  return values.length > 1 ? { many: true } : values[0]
}

/** Every cookie of this name. */
export function cookiesOf(request: RequestView, name: string): readonly string[] {
  const values: string[] = []
  for (const field of request.header('cookie')) {
    for (const pair of field.split(';')) {
      const cut = pair.indexOf('=')
      if (cut !== -1 && pair.slice(0, cut).trim() === name) values.push(pair.slice(cut + 1).trim())
    }
  }
  return values
}
