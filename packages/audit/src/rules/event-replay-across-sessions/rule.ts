import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'event-replay-across-sessions',
  title: 'A stream is resumed with the events of another session',
  severity: 'high',
  impact: 10,
  cwe: ['CWE-639', 'CWE-488'],
  requirements: ['mcp-2025-11-25/no-cross-stream-replay', 'mcp-2025-11-25/unique-event-ids', 'asvs-5.0/8.2.2'],
  eras: ['legacy'],
  why: "Mallory opens a session of his own and sends the ID of an event of Alice's in Last-Event-ID: the store that both share replays to him what was meant for her.",
  todo: 'Give every session an event store of its own, or let the store refuse event IDs of streams that the asking session did not open.',
})
