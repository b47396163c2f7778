/** Each scenario of 2026-07-28 finds its weakness, and nothing in a server that has none. */
import { describe, expect, it } from 'vitest'
import { probe } from '../../../src/probe.ts'
import { rules } from '../../../src/rules/index.ts'
import { configWith } from '../principals.ts'
import { tokens } from '../target.ts'
import { type Options, shortLived, startModern } from './modern.ts'

/** Of a state, where its time is tried. */
const LIFE_MS = 1_000

const flow = {
  tool: 'pay_send',
  arguments: { to: '$CANARY', amount: 10 },
  respond: { approval: { action: 'accept' } },
  effect: { tool: 'pay_history' },
  sibling: 'pay_schedule',
  amountArgument: 'amount',
}
const cart = {
  make: { tool: 'cart_make', handle: 'cart' },
  put: { tool: 'cart_put', arguments: { cart: '$HANDLE', text: '$CANARY' } },
  get: { tool: 'cart_get', arguments: { cart: '$HANDLE' } },
}
const more = {
  flow,
  canary: cart,
  timeouts: { absoluteMs: LIFE_MS },
  resource: { uri: 'inbox://alice/new', trigger: { tool: 'mail_put', arguments: {} } },
  tasks: { tool: 'job_run', arguments: { text: '$CANARY' } },
  mismatch: {
    shown: { tool: 'cart_get' },
    real: { tool: 'pay_send', arguments: { to: '$CANARY', amount: 1 } },
    get: { tool: 'pay_history' },
  },
}

const everybody = {
  ...Object.fromEntries(Object.entries(tokens).map(([name, token]) => [name, bearer(token)])),
  shortLived: { ...bearer(shortLived.token), expiresInMs: shortLived.lifeMs },
}

function bearer(token: string) {
  return { headers: { authorization: `Bearer ${token}` } }
}

async function probed(rule: string, options: Options) {
  const target = await startModern({ ...(rule === 'unbound-request-state' && { lifeMs: LIFE_MS }), ...options })
  try {
    const chosen = rules.filter((entry) => entry.rule.id === rule)
    const { assessments, findings } = await probe(
      target.url,
      { config: configWith({ ...more, principals: everybody }) },
      chosen,
    )
    const { outcome, reasons } = assessments[0]!
    return { outcome, reasons, said: findings.map(({ what }) => what).join('\n') }
  } finally {
    await target.close()
  }
}

describe.each<[string, readonly (readonly [string, Options, string])[]]>([
  [
    'unsigned-request-state',
    [
      ['plain base64', { state: 'plain' }, 'says something else'],
      ['JSON as it stands', { state: 'json' }, 'says something else'],
      ['a MAC that may be missing', { state: 'mac if there is one' }, 'has lost its signature'],
      ['a cipher that proves nothing', { state: 'stream cipher' }, 'one bit was changed'],
    ],
  ],
  [
    'unbound-request-state',
    [
      ['anybody', { anyUser: true }, 'bob brings it'],
      ['any tool', { anyTool: true }, 'to another tool'],
      ['new arguments', { newArguments: true }, 'with other arguments'],
      ['any age', { anyAge: true }, 'after its time'],
    ],
  ],
  [
    'replayable-request-state',
    [
      ['a second redemption', { redeemed: 'again' }, 'a second time'],
      ['many at once', { redeemed: 'racing' }, 'times at once'],
      ['no answer', { unasked: true }, 'without an answer'],
    ],
  ],
  ['unbound-state-handle', [['anybody', { anyHandle: true }, "names Alice's handle"]]],
  [
    'unauthorized-subscription',
    [
      ['any subscriber', { anySubscriber: true }, 'subscribes to a resource'],
      ['anybody asking for tasks', { anyTask: true }, 'names a task'],
    ],
  ],
  ['stream-outlives-token', [['streams that stay', { longStreams: true }, 'stays open']]],
  ['header-body-mismatch', [['headers that nobody compares', { anyHeaders: true }, 'carried out by its body']]],
])('%s', (rule, cases) => {
  it.each(cases)('fails with %s', async (_name, options, words) => {
    expect(await probed(rule, options)).toMatchObject({ outcome: 'fail', said: expect.stringContaining(words) })
  })

  it('passes a sound server', async () => {
    expect(await probed(rule, {})).toMatchObject({ outcome: 'pass', said: '' })
  })
})
