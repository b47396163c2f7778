/** What the routers are made of, where a client alone cannot bring about what matters. */
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/adapters/mcp/messages.ts'
import { sendServed } from '../../src/adapters/mcp/node.ts'
import { Outflow } from '../../src/adapters/mcp/outflow.ts'
import { SessionServer, type SdkTransport } from '../../src/adapters/mcp/session-server.ts'
import { ToolModes } from '../../src/adapters/mcp/tool-modes.ts'
import { SessionEndedError } from '../../src/index.ts'
import { alice, createLayer } from '../layer.ts'

test('a stream that breaks while its client does not read ends its response and nothing else', async () => {
  let breakOff = (): void => undefined
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new Uint8Array(50_000_000))
      breakOff = () => controller.error(new Error('broke'))
    },
  })
  let sent: Promise<void> | undefined
  const server = createServer((_request, response) => {
    const limits = { maxBytes: 1e9, stalledMs: 60_000 }
    const account = { bytes: 0, streams: 1 }
    const parts = { limits, account, onEnd: () => undefined, onStalled: () => undefined }
    sent = sendServed(response, { status: 200, headers: {}, body: new Outflow(body, parts) })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const response = await new Promise<IncomingMessage>((resolve) => get({ port, host: '127.0.0.1' }, resolve))
  response.pause().on('error', () => undefined)
  breakOff()
  // An error that nobody listened for is told, and ends the run, once this turn is over.
  await new Promise((resolve) => setTimeout(resolve, 20))
  response.destroy()
  await sent
  server.close()
})

test('a request that comes when its session is being ended begins nothing', async () => {
  const { sessions } = createLayer()
  const { session } = await sessions.open({ principal: alice })
  const transport: SdkTransport = {
    onmessage: () => undefined,
    send: async () => undefined,
    close: async () => undefined,
    handleRequest: async () => new Response(new ReadableStream({})),
  }
  const server = await SessionServer.begin({
    sessions,
    session,
    settings: { turns: false, events: false, maxCalls: 1, maxStreams: 1 },
    mayHear: async () => true,
    createTransport: () => transport,
    createServer: () => ({ connect: async () => undefined, close: async () => undefined }),
    onEnd: () => undefined,
  })
  const ending = server.end('session')
  const request = new Request('http://app.test/mcp')
  await expect(server.get(request)).rejects.toThrow(SessionEndedError)
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call' }
  await expect(server.post(request, call, {}, () => undefined)).rejects.toThrow(SessionEndedError)
  await ending
  expect(server.isBusy).toBe(false)
})

describe('what is known of the tools', () => {
  const listOf = (readOnlyHint: boolean) => ({ tools: [{ name: 'pay', annotations: { readOnlyHint } }] })

  test('is not learned from a list that was asked for before they changed', async () => {
    const modes = new ToolModes()
    const before = modes.revision
    modes.forget()
    modes.learn(listOf(true), before)
    const asked: Message[] = []
    const mode = modes.modeOf('pay', (question) => asked.push(question))
    modes.takes({ jsonrpc: '2.0', id: asked[0]!.id!, result: listOf(false) })
    expect(await mode).toBe('exclusive')
  })

  test('is asked for again where they change while they are asked for', async () => {
    const modes = new ToolModes()
    const asked: Message[] = []
    const ask = (question: Message) => void asked.push(question)
    const first = modes.modeOf('pay', ask)
    modes.forget()
    modes.takes({ jsonrpc: '2.0', id: asked[0]!.id!, result: listOf(true) })
    // Nothing is known, so it may write.
    expect(await first).toBe('exclusive')
    const second = modes.modeOf('pay', ask)
    expect(asked).toHaveLength(2)
    modes.takes({ jsonrpc: '2.0', id: asked[1]!.id!, result: listOf(true) })
    expect(await second).toBe('shared')
  })
})
