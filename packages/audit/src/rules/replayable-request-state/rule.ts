import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'replayable-request-state',
  title: 'A requestState that does something once can be redeemed again',
  severity: 'high',
  impact: 8,
  cwe: ['CWE-294', 'CWE-841'],
  requirements: ['mcp-2026-07-28/single-use-request-state', 'asvs-5.0/2.3.4'],
  eras: ['modern'],
  why: 'Alice approves one payment. Mallory, or a client that repeats itself, sends the same state and answer again, and the money leaves again.',
  todo: 'Give each state an identifier of its own and mark it as used, in one atomic step, before the effect; refuse a second redemption.',
})
