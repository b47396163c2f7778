import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'missing-session-invalidation',
  title: 'Logout, reset or close does not destroy the session',
  severity: 'medium',
  impact: 6,
  cwe: ['CWE-613'],
  requirements: [
    'mcp-2025-11-25/not-found-after-termination',
    'mcp-2025-11-25/delete-terminates-session',
    'asvs-5.0/7.4.1',
    'owasp-session/destroy-on-server',
    'owasp-session/logout',
  ],
  eras: ['legacy'],
  why: 'Alice logs out and believes herself safe, but the session ID that Mallory has copied still works: only her own copy is gone.',
  todo: 'Write one function that closes the transport and deletes the server-side record, call it on logout, reset, DELETE, close and error, and answer 404 from then on.',
})
