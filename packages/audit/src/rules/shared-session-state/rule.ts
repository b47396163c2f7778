import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'shared-session-state',
  title: 'One session can reach or overwrite the state of another',
  severity: 'high',
  impact: 10,
  cwe: ['CWE-362', 'CWE-488'],
  requirements: [
    'mcp-2026-07-28/no-context-from-earlier-requests',
    'mcp-2026-07-28/explicit-state-handles',
    'asvs-5.0/15.4.1',
    'asvs-5.0/15.4.2',
    'asvs-5.0/8.4.1',
  ],
  eras: ['legacy', 'modern'],
  why: "While Alice's request waits, Mallory's replaces the transport, user or record that both of them share: Alice's answer goes to him, or his change undoes hers.",
  todo: 'Make the server, its transport and its state anew for each session, pass the caller along with the request, and hold a lock per session from a check to the write that rests on it.',
})
