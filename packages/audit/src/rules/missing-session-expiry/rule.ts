import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'missing-session-expiry',
  title: 'Sessions never expire, or only by one of the two timeouts',
  severity: 'high',
  impact: 15,
  cwe: ['CWE-613'],
  requirements: [
    'mcp-2025-03-26/handle-session-timeouts',
    'mcp-2025-11-25/expire-session-ids',
    'mcp-2026-07-28/expire-handles',
    'asvs-5.0/7.3.1',
    'asvs-5.0/7.3.2',
    'owasp-session/idle-timeout',
    'owasp-session/absolute-timeout',
  ],
  eras: ['legacy', 'modern'],
  why: "A session ID that Mallory finds months later, in a log or a backup, still opens Alice's session; and sessions that nobody ends fill the memory.",
  todo: 'Give every session an idle timeout (for example 30 minutes since its last authorized request) and an absolute one (for example 4 hours since it was opened), and let the server delete its record at whichever comes first.',
})
