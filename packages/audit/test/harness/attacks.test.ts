/** Attacks on requestState that work on an example, and on its fixed twin no longer; its own caller is served as before. */
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { rulesFolder } from './examples.ts'
import { Stage } from './start.ts'

const TIMEOUT_MS = 60_000
const TOKENS = JSON.stringify({ 'alice-token-0123456789': 'alice', 'bob-token-0123456789': 'bob' })

type Caller = 'alice' | 'bob'
type Params = Readonly<Record<string, unknown>>

const stage = new Stage()
afterAll(() => stage.close())

/** What a call gives: text, or the state that the client is to carry; undefined where it is refused. */
async function call(origin: string, caller: Caller, name: string, params: Params = {}): Promise<string | undefined> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  }
  const response = await fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${caller}-token-0123456789`,
      'content-type': 'application/json',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, ...params, _meta } }),
  })
  const text = await response.text()
  const line = /^data: (\{.*)$/m.exec(text)?.[1] ?? text
  const { result } = JSON.parse(line) as {
    result?: { isError?: boolean; requestState?: string; content?: readonly { text: string }[] }
  }
  return result?.isError === true ? undefined : (result?.requestState ?? result?.content?.[0]?.text)
}

const payment = { arguments: { to: 'acme', amount: 10 } }
const yes = { inputResponses: { approval: { action: 'accept', content: { approve: true } } } }
const sure = { inputResponses: { sure: { action: 'accept', content: {} } } }

interface Attack {
  readonly example: string
  readonly what: string
  /** What the caller gets who does all as it should be. */
  readonly used: (origin: string) => Promise<string | undefined>
  readonly attacked: (origin: string) => Promise<string | undefined>
}

const attacks: readonly Attack[] = [
  {
    example: 'unsigned-request-state/examples/vulnerable-base64-json',
    what: 'Bob writes a state himself',
    async used(origin) {
      const requestState = await call(origin, 'alice', 'note_delete')
      return call(origin, 'alice', 'note_delete', { requestState, ...sure })
    },
    attacked(origin) {
      const requestState = Buffer.from(JSON.stringify({ owner: 'alice' })).toString('base64url')
      return call(origin, 'bob', 'note_delete', { requestState, ...sure })
    },
  },
  {
    example: 'unbound-request-state/examples/vulnerable-client-id-only',
    what: 'Bob brings the state of Alice',
    async used(origin) {
      const requestState = await call(origin, 'alice', 'pay_send', payment)
      return call(origin, 'alice', 'pay_send', { ...payment, requestState, ...yes })
    },
    async attacked(origin) {
      const requestState = await call(origin, 'alice', 'pay_send', payment)
      return call(origin, 'bob', 'pay_send', { ...payment, requestState, ...yes })
    },
  },
  {
    example: 'replayable-request-state/examples/vulnerable-codec',
    what: 'a state is brought twice',
    async used(origin) {
      const requestState = await call(origin, 'alice', 'pay_send', payment)
      return call(origin, 'alice', 'pay_send', { ...payment, requestState, ...yes })
    },
    async attacked(origin) {
      const requestState = await call(origin, 'alice', 'pay_send', payment)
      await call(origin, 'alice', 'pay_send', { ...payment, requestState, ...yes })
      return call(origin, 'alice', 'pay_send', { ...payment, requestState, ...yes })
    },
  },
]

describe.each(attacks.map((attack) => [`${attack.example}: ${attack.what}`, attack] as const))('%s', (_, attack) => {
  it.each([
    ['and is served', '.ts', true],
    ['and is refused once it is fixed', '.fixed.ts', false],
  ])(
    '%s',
    async (_name, ending, isServed) => {
      const origin = await stage.start(join(rulesFolder, attack.example + ending), TIMEOUT_MS, { TOKENS })
      expect(await attack.used(origin)).toMatch(/^(?:sent 10 to acme|deleted)$/)
      const stolen = await attack.attacked(origin)
      if (isServed) expect(stolen).toMatch(/^(?:sent 10 to acme|deleted)$/)
      else expect(stolen).toBeUndefined()
    },
    TIMEOUT_MS,
  )
})
