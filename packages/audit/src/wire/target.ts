/** The address of a server, and what may be sent where. */
import { isIP } from 'node:net'

/** A target that cannot be probed, in words for the user. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
}

/** Reads an address. Throws TargetError. A name and password in it would be a secret in every report. */
export function targetOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new TargetError(`${JSON.stringify(text)} is no address of an HTTP server, such as http://127.0.0.1:3000/mcp.`)
  if (url.username !== '' || url.password !== '')
    throw new TargetError('The address holds a name or a password. Put credentials under "principals" of --config.')
  url.hash = ''
  return url
}

export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
}

/** Host name without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

/** The machine itself: nobody listens on the way. */
export function isLoopback(url: URL): boolean {
  const host = hostOf(url)
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    (isIP(host) === 4 && host.startsWith('127.'))
  )
}

/** Loopback, or an address of a private network: whoever can reach it is trusted to be allowed to. */
export function isPrivate(url: URL): boolean {
  const host = hostOf(url)
  if (isLoopback(url)) return true
  if (isIP(host) === 6) return /^(?:f[cd][\da-f]{2}|fe[89ab][\da-f]):/i.test(host)
  if (isIP(host) !== 4) return false
  const [a = 0, b = 0] = host.split('.').map(Number)
  return a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 169 && b === 254)
}

/** `reference` seen from `base`, where it stays on the same origin; undefined where it leads elsewhere. */
export function sameOrigin(reference: string, base: URL): URL | undefined {
  if (!URL.canParse(reference, base.href)) return undefined
  const url = new URL(reference, base)
  return url.origin === base.origin ? url : undefined
}
