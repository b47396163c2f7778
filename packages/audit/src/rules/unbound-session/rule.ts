import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'unbound-session',
  title: 'A session is served to a principal who did not open it',
  severity: 'critical',
  impact: 20,
  cwe: ['CWE-639'],
  requirements: [
    'mcp-2025-11-25/bind-session-to-user',
    'mcp-2025-11-25/state-not-by-session-alone',
    'asvs-5.0/8.2.2',
    'asvs-5.0/10.3.3',
    'owasp-session/bind-to-client-properties',
  ],
  eras: ['legacy'],
  why: "Mallory logs in as himself and sends Alice's session ID: his own token passes the check, and nobody asks whether the session is his.",
  todo: 'Store issuer, subject and client of the verified token when the session opens, compare them with the caller on every verb before the request is dispatched, and answer 404 on a mismatch.',
})
