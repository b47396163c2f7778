import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'stream-outlives-token',
  title: 'A stream stays open after the token that opened it has expired',
  severity: 'medium',
  impact: 5,
  cwe: ['CWE-613'],
  requirements: [
    'mcp-2025-11-25/authorization-in-every-request',
    'mcp-2026-07-28/authorization-in-every-request',
    'asvs-5.0/7.4.1',
    'asvs-5.0/8.3.2',
  ],
  eras: ['legacy', 'modern'],
  why: "Mallory's access ends with his token, but the stream that he opened before is never asked for it again: he hears what happens for as long as he stays connected.",
  todo: 'Close the stream when the token that opened it expires: set a timer for that moment, or ask the clock before anything is sent.',
})
