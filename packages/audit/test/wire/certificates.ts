/** Certificates that nobody else made: an authority, and what it signs for this machine. DER by hand, as much as X.509 asks for. */
import { type KeyObject, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
}

export interface Authority extends Certificate {
  /** A certificate for 127.0.0.1. */
  issue(): Certificate
}

/** An authority of its own, good from yesterday until tomorrow. */
export function makeAuthority(name: string): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = { name, publicKey, extensions: [extension(BASIC_CONSTRAINTS, sequence(boolean(true)), true)] }
  return {
    ...pem(certificateOf(subject, { name, privateKey }), privateKey),
    issue() {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const here = extension(SUBJECT_ALT_NAME, sequence(der(0x87, Buffer.from([127, 0, 0, 1]))), false)
      const leaf = { name: '127.0.0.1', publicKey: own.publicKey, extensions: [here] }
      return pem(certificateOf(leaf, { name, privateKey }), own.privateKey)
    },
  }
}

interface Subject {
  readonly name: string
  readonly publicKey: KeyObject
  readonly extensions: readonly Buffer[]
}

const COMMON_NAME = '550403'
const BASIC_CONSTRAINTS = '551d13'
const SUBJECT_ALT_NAME = '551d11'
const ECDSA_WITH_SHA256 = '2a8648ce3d040302'
const DAY_MS = 86_400_000

function certificateOf(subject: Subject, issuer: { readonly name: string; readonly privateKey: KeyObject }): Buffer {
  const algorithm = sequence(objectId(ECDSA_WITH_SHA256))
  const now = Date.now()
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguishedName(issuer.name),
    sequence(utcTime(now - DAY_MS), utcTime(now + DAY_MS)),
    distinguishedName(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...subject.extensions)),
  )
  const signature = sign('sha256', body, issuer.privateKey)
  return sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])))
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 0xff : 0]))
}

function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${digits}Z`))
}

function distinguishedName(name: string): Buffer {
  return sequence(der(0x31, sequence(objectId(COMMON_NAME), der(0x0c, Buffer.from(name)))))
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  return sequence(objectId(id), ...(isCritical ? [boolean(true)] : []), der(0x04, value))
}

function pem(certificate: Buffer, key: KeyObject): Certificate {
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}
