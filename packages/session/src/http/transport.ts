/**
 * What must hold before a request is worth authenticating: it came over TLS, to a name of ours, from a page we trust,
 * and carries no secret where secrets are written down.
 */
import { handleLength, hasHandleForm } from '../handle.ts'
import { addressList, isLoopback } from './addresses.ts'
import { answer, singleHeader, type Answer, type RequestView } from './request.ts'

export interface TransportPolicy {
  /** Values of `Host` that are ours, with the port where it is not the default one: `mcp.example.com`, `127.0.0.1:3000`. */
  readonly hosts: readonly string[]
  /** Values of `Origin` that may call, such as `https://app.example.com`. Requests without one pass: they come from no page. */
  readonly origins?: readonly string[]
  /** Addresses and ranges of proxies whose `X-Forwarded-Proto` counts. */
  readonly trustedProxies?: readonly string[]
  /** Whether this machine may call itself in plain text, for development. */
  readonly allowPlaintextLoopback?: boolean
  /** `Strict-Transport-Security`, or false where a proxy sets it. */
  readonly hsts?: string | false
  /** Query parameters that are credentials whatever their value. */
  readonly credentialParameters?: readonly string[]
}

/** Why a request was refused before anybody was asked who sent it. */
export type TransportFault = 'plaintext' | 'host' | 'origin' | 'credential-in-url'

export interface TransportRefusal {
  readonly fault: TransportFault
  readonly answer: Answer
}

const twoYears = 'max-age=63072000; includeSubDomains'
const usualCredentialParameters = [
  'access_token',
  'api_key',
  'apikey',
  'auth_token',
  'authorization',
  'mcp-session-id',
  'session',
  'session_id',
  'session_token',
  'sessionid',
  'token',
]
/** How many values of one request are looked up because they may be handles that were exposed. */
export const maxSuspects = 8
const none: Readonly<Record<string, string>> = Object.freeze({})
/** What a proxy says of itself. */
const forwarding = ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'via'] as const

export interface Transport {
  /** Why the request must not go on, or undefined. */
  refuse(request: RequestView): TransportRefusal | undefined
  /** Whether the client's side of the connection is encrypted. */
  isEncrypted(request: RequestView): boolean
  /** Headers for every answer. */
  headers(request: RequestView): Readonly<Record<string, string>>
}

/** Makes the checks of a policy. @throws MisuseError where it names something that is no address */
export function createTransport(policy: TransportPolicy): Transport {
  const hosts = new Set(policy.hosts.map((host) => host.toLowerCase()))
  const origins = new Set(policy.origins ?? [])
  const isTrustedProxy = addressList(policy.trustedProxies ?? [])
  const parameters = new Set(policy.credentialParameters ?? usualCredentialParameters)
  const hsts = policy.hsts ?? twoYears
  const withHsts = Object.freeze(hsts === false ? {} : { 'strict-transport-security': hsts })

  const isEncrypted = (request: RequestView): boolean =>
    request.encrypted || (isTrustedProxy(request.remoteAddress) && isForwardedSecurely(request))
  const mayBePlain = (request: RequestView): boolean =>
    policy.allowPlaintextLoopback === true && isLoopback(request.remoteAddress) && !isForwarded(request)

  return {
    isEncrypted,
    headers: (request) => (hsts !== false && isEncrypted(request) ? withHsts : none),
    refuse(request) {
      if (!isEncrypted(request) && !mayBePlain(request)) return { fault: 'plaintext', answer: upgradeRequired() }
      if (!isOurs(request, hosts)) return forbidden('host', 'this host is not served here')
      if (!isFromTrustedPage(request, origins)) return forbidden('origin', 'requests from this origin are not allowed')
      if (namesCredential(request.target, parameters)) return { fault: 'credential-in-url', answer: noSecretsInUrls() }
      return undefined
    },
  }
}

/** Parts of a URL that may be handles: at most eight, so that a long URL does not buy a flood of look-ups. */
export function handlesInUrl(target: string): readonly string[] {
  if (target.length < handleLength) return []
  return target
    .split(/[/?&=#;]/)
    .filter(hasHandleForm)
    .slice(0, maxSuspects)
}

/** The answer to a secret in a URL, which by then stands in logs and histories. */
export function noSecretsInUrls(): Answer {
  return answer(400, { error: 'invalid_request', error_description: 'credentials do not belong into a URL' })
}

/** Never a redirect: what was to be protected has been sent in the clear by then, and would be again. */
function upgradeRequired(): Answer {
  return answer(
    426,
    { error: 'upgrade_required', error_description: 'this service is reached over TLS only' },
    { upgrade: 'TLS/1.2, HTTP/1.1', connection: 'Upgrade' },
  )
}

function forbidden(fault: 'host' | 'origin', description: string): TransportRefusal {
  return { fault, answer: answer(403, { error: 'forbidden', error_description: description }) }
}

/** Every proxy on the way must have seen TLS, or one of them was reached without. */
function isForwardedSecurely(request: RequestView): boolean {
  const hops = request.header('x-forwarded-proto').flatMap((value) => value.split(','))
  return hops.length > 0 && hops.every((hop) => hop.trim().toLowerCase() === 'https')
}

/** A proxy on this machine makes the whole world look like this machine. */
function isForwarded(request: RequestView): boolean {
  for (const name of forwarding) if (request.header(name).length > 0) return true
  return false
}

function isOurs(request: RequestView, hosts: ReadonlySet<string>): boolean {
  const host = singleHeader(request, 'host')
  return typeof host === 'string' && hosts.has(host.toLowerCase())
}

function isFromTrustedPage(request: RequestView, origins: ReadonlySet<string>): boolean {
  const origin = singleHeader(request, 'origin')
  return origin === undefined || (typeof origin === 'string' && origins.has(origin))
}

function namesCredential(target: string, parameters: ReadonlySet<string>): boolean {
  const start = target.indexOf('?')
  if (start === -1) return false
  for (const name of new URLSearchParams(target.slice(start)).keys())
    if (parameters.has(name.toLowerCase())) return true
  return false
}
