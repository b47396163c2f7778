/** The client that begins anew, with the official clients of both SDKs against a server of ours that ends sessions. */
import {
  Client as ClientV2,
  ProtocolError,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpError } from '@modelcontextprotocol/sdk/types.js'
import { afterEach, describe, expect, test } from 'vitest'
import { createReopeningClient, SessionLostError } from '../../src/adapters/mcp-client.ts'
import { alice } from '../layer.ts'
import { startServer, type Running } from './mcp-server.ts'

let running: Running | undefined
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  await running?.stop()
  running = undefined
})

const headers = { authorization: 'Bearer alice' }
const textOf = (result: unknown) => JSON.parse((result as { content: { text: string }[] }).content[0]!.text) as unknown

async function connectV1(url: URL): Promise<ClientV1> {
  const client = new ClientV1({ name: 'v1', version: '1' })
  await client.connect(new TransportV1(url, { requestInit: { headers } }) as Parameters<ClientV1['connect']>[0])
  return client
}

async function connectV2(url: URL): Promise<ClientV2> {
  const client = new ClientV2({ name: 'v2', version: '1' })
  await client.connect(new TransportV2(url, { requestInit: { headers } }))
  return client
}

describe.each([
  ['v1', connectV1],
  ['v2', connectV2],
] as const)('with the client of SDK %s', (_, connectTo) => {
  async function begin(options: { maxPerMinute?: number } = {}) {
    running = await startServer()
    const { url } = running
    const reopened: unknown[] = []
    let connected = 0
    const mcp = createReopeningClient({
      connect: () => {
        connected += 1
        return connectTo(url) as Promise<ClientV1>
      },
      onReopened: (client) => void reopened.push(client),
      ...options,
    })
    closing.push(() => mcp.close())
    const endAll = () => running!.sessions.revoke({ principal: alice }, 'test')
    return { ...running, mcp, reopened, endAll, connections: () => connected }
  }

  test('a call that the server refused with 404 runs in a new session', async () => {
    const { mcp, endAll, reopened, connections } = await begin()
    expect(textOf(await mcp.callTool({ name: 'count' }))).toBe(1)
    await endAll()
    expect(textOf(await mcp.callTool({ name: 'count' }))).toBe(1)
    expect(textOf(await mcp.callTool({ name: 'count' }))).toBe(2)
    expect([connections(), reopened.length]).toEqual([2, 1])
  })

  test('many calls that find the session over open one new session', async () => {
    const { mcp, endAll, connections, router } = await begin()
    await mcp.callTool({ name: 'count' })
    await endAll()
    const counts = await Promise.all(Array.from({ length: 10 }, () => mcp.callTool({ name: 'count' })))
    expect(new Set(counts.map(textOf)).size).toBe(10)
    expect([connections(), router.size]).toEqual([2, 1])
  })

  test('a call that may have run is not repeated, unless its tool only reads', async () => {
    const { mcp, endAll, stage } = await begin()
    const writes = mcp.callTool({ name: 'slow', arguments: { name: 'w' } })
    await stage.running('w')
    await endAll()
    await expect(writes).rejects.toMatchObject({ code: 'session-lost', ran: 'unknown' })
    expect(stage.started.filter((name) => name === 'w')).toHaveLength(1)

    const reads = mcp.callTool({ name: 'slow-read', arguments: { name: 'r' } })
    await stage.running('r')
    stage.gate('r').resolve()
    expect(textOf(await reads)).toBe('r')
    const again = mcp.callTool({ name: 'slow-read', arguments: { name: 's' } })
    await stage.running('s')
    await endAll()
    await expect.poll(() => stage.started.filter((name) => name === 's').length).toBe(2)
    stage.gate('s').resolve()
    expect(textOf(await again)).toBe('s')
  })

  test('other work is repeated where its author says that it may be', async () => {
    const { mcp, endAll } = await begin()
    await mcp.client()
    await endAll()
    const { tools } = await mcp.run((client) => client.listTools(), { repeatable: true })
    expect(tools.length).toBeGreaterThan(3)
  })

  test('a server that ends every session is left alone', async () => {
    const { mcp, endAll, connections } = await begin({ maxPerMinute: 2 })
    await mcp.callTool({ name: 'peek' })
    await endAll()
    await mcp.callTool({ name: 'peek' })
    await endAll()
    await expect(mcp.callTool({ name: 'peek' })).rejects.toThrow(SessionLostError)
    await expect(mcp.callTool({ name: 'peek' })).rejects.toThrow(SessionLostError)
    expect(connections()).toBe(2)
  })

  test('what is no matter of sessions is thrown as it is', async () => {
    const { mcp, connections } = await begin()
    expect(await mcp.callTool({ name: 'no such tool' }).catch(() => ({ isError: true }))).toMatchObject({
      isError: true,
    })
    await expect(mcp.run(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
    let runs = 0
    for (const error of [new McpError(404, 'no such note'), new ProtocolError(404, 'no such note')]) {
      const work = () => {
        runs += 1
        return Promise.reject(error)
      }
      await expect(mcp.run(work)).rejects.toBe(error)
    }
    expect([runs, connections()]).toEqual([2, 1])
  })
})
