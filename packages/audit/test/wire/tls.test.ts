/** Targets behind TLS: an authority that is named is trusted and no other, and what is said beside TLS is heard. */
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { probe } from '../../src/probe.ts'
import { ProbeError } from '../../src/probe-error.ts'
import { rules } from '../../src/rules/index.ts'
import { Connection } from '../../src/wire/connection.ts'
import { makeAuthority } from './certificates.ts'
import { configWith } from './principals.ts'
import { startTarget } from './target.ts'

const authority = makeAuthority('An authority of our own')
const other = makeAuthority('Another authority')
const played = rules.filter(({ rule }) => rule.id === 'plaintext-transport')
const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function secureTarget(): Promise<string> {
  const target = await startTarget({}, {}, authority.issue())
  closing.push(target.close)
  return target.url
}

describe('a target behind TLS', { timeout: 60_000 }, () => {
  it('is probed under the authority that the user names', async () => {
    const report = await probe(await secureTarget(), { config: configWith(), ca: authority.cert }, played)
    expect(report.subject).toMatchObject({ eras: ['legacy'] })
    expect(report.assessments).toMatchObject([{ outcome: 'pass', tried: ['TLS'] }])
  })

  it('is refused under another, and the user is told why', async () => {
    const refused = probe(await secureTarget(), { config: configWith(), ca: other.cert }, played)
    await expect(refused).rejects.toThrow(ProbeError)
    await expect(refused).rejects.toThrow(/certificate is signed by nobody who is trusted .*--ca/)
  })

  it('that speaks no TLS is told from one that is not there', async () => {
    const target = await startTarget()
    closing.push(target.close)
    await expect(probe(target.url.replace('http:', 'https:'), {}, played)).rejects.toThrow(/speaks no TLS/)
  })

  it('that takes the same port without TLS is weak', async () => {
    const secure = await startTarget({}, {}, authority.issue())
    const plain = await startTarget()
    closing.push(secure.close, plain.close)
    const port = await listenForBoth(Number(new URL(secure.url).port), Number(new URL(plain.url).port))
    const url = `https://127.0.0.1:${port}/mcp`
    const { findings, assessments } = await probe(url, { config: configWith(), ca: authority.cert }, played)
    expect(assessments).toMatchObject([{ outcome: 'fail' }])
    expect(findings[0]?.what).toContain('takes requests without it as well')
  })

  it('that answers without TLS only how it is to be asked is not', async () => {
    const secure = await startTarget({}, {}, authority.issue())
    const upgrade = createHttpServer((_request, response) => response.writeHead(426, { upgrade: 'TLS/1.2' }).end())
    const port = await listenForBoth(Number(new URL(secure.url).port), await listening(upgrade))
    closing.push(secure.close, () => stopped(upgrade))
    const url = `https://127.0.0.1:${port}/mcp`
    const { assessments } = await probe(url, { config: configWith(), ca: authority.cert }, played)
    expect(assessments).toMatchObject([{ outcome: 'pass' }])
  })
})

describe('old versions of TLS', { timeout: 60_000 }, () => {
  // Which versions there are is the business of the OpenSSL that Node was built with: where it has no old ones, it is open.
  it('that are taken are a weakness by half, and never pass', async () => {
    const old = { minVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    const target = await startTarget({}, {}, { ...authority.issue(), ...old })
    closing.push(target.close)
    const { assessments, findings } = await probe(target.url, { config: configWith(), ca: authority.cert }, played)
    expect(assessments[0]?.outcome).not.toBe('pass')
    expect(findings.filter(({ partial, what }) => !partial || !what.includes('TLS 1.1'))).toEqual([])
  })

  it('that this machine cannot offer leave it open', async () => {
    const signal = new AbortController().signal
    const tls = { verify: false, maxVersion: 'TLSv0.9' as 'TLSv1.1' }
    const refused = await Connection.open({ host: '127.0.0.1', port: 1, tls }, 1_000, signal)
    expect(refused).toEqual({ failure: expect.stringMatching(/^this machine cannot offer it/) })
  })
})

/** One port for both: the first byte of a client that speaks TLS is 22. */
async function listenForBoth(securePort: number, plainPort: number): Promise<number> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket)))
    return socket
  }
  const server = createServer((socket) => {
    keep(socket).once('data', (first: Buffer) => {
      const onward = keep(connect(first[0] === 22 ? securePort : plainPort, '127.0.0.1'))
      onward.write(first)
      socket.pipe(onward).pipe(socket)
    })
  })
  closing.unshift(() => {
    for (const socket of sockets) socket.destroy()
    return stopped(server)
  })
  return listening(server)
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function stopped(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
