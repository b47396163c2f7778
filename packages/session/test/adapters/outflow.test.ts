/** What waits for a client that does not read its streams: bounded, told, and cut off. */
import { get, type IncomingMessage } from 'node:http'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Accounts, Outflow, type UnreadLimits } from '../../src/adapters/mcp/outflow.ts'
import { createLayer } from '../layer.ts'
import { initializeCall, makeServer, createStage, startServer, toolCall } from './mcp-server.ts'

afterEach(() => void vi.useRealTimers())

const limits: UnreadLimits = { maxBytes: 1000, stalledMs: 5000 }

function createFlow(accounts = new Accounts(), key = 'alice', limited = limits) {
  let source: ReadableStreamDefaultController<Uint8Array> | undefined
  const told: string[] = []
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => void (source = controller),
    cancel: () => void told.push('cancelled'),
  })
  const account = accounts.enter(key)
  const flow = new Outflow(body, {
    limits: limited,
    account,
    onEnd: () => {
      accounts.leave(key, account)
      told.push('ended')
    },
    onStalled: () => told.push('stalled'),
  })
  flow.onCut(() => told.push('cut'))
  /** Says so many bytes, and waits until they have been taken from the source. */
  const say = async (bytes: number): Promise<void> => {
    source!.enqueue(new Uint8Array(bytes))
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
  }
  return { flow, say, told, accounts, account, source: source! }
}

describe('a stream on its way out', () => {
  test('gives what comes in its order, in pieces that show whether somebody reads, and ends as its source does', async () => {
    const roomy = { ...limits, maxBytes: 1_000_000 }
    const { flow, source, told, accounts } = createFlow(new Accounts(), 'alice', roomy)
    const bytes = new Uint8Array(200_000).map((_, place) => place % 251)
    source.enqueue(bytes)
    source.enqueue(new Uint8Array([1, 2]))
    source.close()
    const pieces: Uint8Array[] = []
    for (let piece = await flow.next(); piece; piece = await flow.next()) pieces.push(piece)
    expect(pieces.map(({ length }) => length)).toEqual([65_536, 65_536, 65_536, 3392, 2])
    expect(Buffer.concat(pieces).equals(Buffer.from([...bytes, 1, 2]))).toBe(true)
    expect(told).toEqual(['ended'])
    expect(accounts.size).toBe(0)
  })

  test('that breaks gives what came before', async () => {
    const { flow, say, source, told, account } = createFlow()
    await say(3)
    source.error(new Error('broke'))
    expect(await flow.next()).toHaveLength(3)
    await expect(flow.next()).rejects.toThrow('broke')
    expect(told).toEqual(['ended'])
    expect(account).toEqual({ bytes: 0, streams: 0 })
  })

  test('may hold any one message for as long as somebody reads', async () => {
    vi.useFakeTimers()
    const { flow, say, told } = createFlow()
    await say(10 * 65_536)
    for (let piece = 0; piece < 10; piece += 1) {
      await vi.advanceTimersByTimeAsync(limits.stalledMs - 1)
      expect(await flow.next()).toHaveLength(65_536)
    }
    await vi.advanceTimersByTimeAsync(10 * limits.stalledMs)
    expect(told).toEqual([])
  })

  test('of which nothing is taken is cut, and not a moment sooner', async () => {
    vi.useFakeTimers()
    const { flow, say, told, account } = createFlow()
    await say(limits.maxBytes)
    await vi.advanceTimersByTimeAsync(10 * limits.stalledMs)
    expect(told).toEqual([])
    await say(1)
    await vi.advanceTimersByTimeAsync(limits.stalledMs - 1)
    expect(told).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(told).toEqual(['stalled', 'ended', 'cut', 'cancelled'])
    expect(account).toEqual({ bytes: 0, streams: 0 })
    await expect(flow.next()).rejects.toThrow('not read')
  })

  test('into which far too much is put is cut at once, however slowly it is read', async () => {
    const { flow, say, told } = createFlow()
    for (let spoken = 0; spoken < 5; spoken += 1) {
      await say(limits.maxBytes)
      if (spoken === 1) await flow.next()
    }
    expect(told).toEqual([])
    await say(1)
    expect(told).toEqual(['stalled', 'ended', 'cut', 'cancelled'])
  })

  test('counts what waits in the other streams of its caller, and in nobody else’s', async () => {
    vi.useFakeTimers()
    const one = createFlow()
    const other = createFlow(one.accounts)
    const bob = createFlow(one.accounts, 'bob')
    await one.say(600)
    await bob.say(600)
    await other.say(600)
    expect(one.account).toEqual({ bytes: 1200, streams: 2 })
    await vi.advanceTimersByTimeAsync(limits.stalledMs)
    expect([one.told, other.told, bob.told]).toEqual([[], ['stalled', 'ended', 'cut', 'cancelled'], []])
    expect(one.account).toEqual({ bytes: 600, streams: 1 })
  })

  test('whose client is gone holds nothing', async () => {
    const { flow, say, told, account } = createFlow()
    await say(10)
    await flow.cancel()
    expect(told).toEqual(['ended', 'cancelled'])
    expect(account).toEqual({ bytes: 0, streams: 0 })
    expect(await flow.next()).toBeUndefined()
  })

  test('is a stream that breaks when it is cut, for runtimes that take it whole', async () => {
    const { flow, say, told } = createFlow()
    const reader = flow.toStream().getReader()
    await say(2)
    expect((await reader.read()).value).toHaveLength(2)
    while (!told.includes('cut') && !told.includes('ended')) await say(limits.maxBytes)
    await expect(reader.closed).rejects.toThrow('not read')
  })
})

test('a client that does not read its stream loses it, and keeps its session', async () => {
  const { sessions } = createLayer()
  const made: ReturnType<typeof makeServer>[] = []
  const createServer = () => {
    const server = makeServer(sessions, createStage())
    made.push(server)
    return server
  }
  const running = await startServer({ router: { createServer, unread: { maxBytes: 2_000_000, stalledMs: 50 } } })
  try {
    const session = await running.initialize('alice')
    const headers = {
      authorization: 'Bearer alice',
      accept: 'text/event-stream',
      'mcp-session-id': session,
      'mcp-protocol-version': '2025-11-25',
    }
    const stream = await new Promise<IncomingMessage>((resolve) => get(running.url, { headers }, resolve))
    const lost = new Promise((resolve) => stream.once('close', resolve))
    stream.pause().on('error', () => undefined)
    const stalled = () => running.events.find(({ kind }) => kind === 'stalled')
    // Until the buffers of the system are full, and then until it is seen.
    while (!stalled()) {
      await made[0]?.server.sendLoggingMessage({ level: 'info', data: 'x'.repeat(500_000) })
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(stalled()).toMatchObject({ principal: { subject: 'alice' } })
    stream.resume()
    await lost
    const call = await running.send({ token: 'alice', session, body: toolCall(7, 'progress') })
    expect(await call.text()).toContain('done')
    expect((await running.send({ token: 'alice', body: initializeCall })).status).toBe(200)
  } finally {
    await running.stop()
  }
})
