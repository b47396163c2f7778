import { createGuard, createSessions, type Credential, type RequestView } from '@sallyport/session'
import { createRemoteJWKSet, jwtVerify } from 'jose'

/** Who issues the tokens, for whom they have to be, and where the issuer's keys are. */
const issuer = setting('NOTES_ISSUER')
export const audience = setting('NOTES_AUDIENCE')
const keys = createRemoteJWKSet(new URL(setting('NOTES_KEYS')))

export const sessions = createSessions()

/** A server that serves itself alone: TLS ends at a proxy on the private network, or nothing but this machine may call. */
export const guard = createGuard({
  sessions,
  authenticate,
  transport: { hosts: [new URL(audience).host], trustedProxies: ['10.0.0.0/8'], allowPlaintextLoopback: true },
})

async function authenticate(request: RequestView): Promise<Credential | undefined> {
  const [authorization = ''] = request.header('authorization')
  const [scheme = '', token = ''] = authorization.split(' ')
  if (scheme.toLowerCase() !== 'bearer') return undefined
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, audience })
    const { sub, client_id: client, exp } = payload
    if (typeof sub !== 'string' || typeof client !== 'string' || exp === undefined) return undefined
    return { principal: { issuer, subject: sub, client }, expiresAt: exp * 1000 }
  } catch {
    return undefined
  }
}

export function setting(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}
