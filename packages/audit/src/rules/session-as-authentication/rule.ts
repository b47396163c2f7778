import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'session-as-authentication',
  title: 'A session ID alone is accepted as authentication',
  severity: 'critical',
  impact: 20,
  cwe: ['CWE-287', 'CWE-306'],
  requirements: [
    'mcp-2025-11-25/no-session-authentication',
    'mcp-2025-11-25/verify-every-request',
    'mcp-2025-11-25/authorization-in-every-request',
    'mcp-2026-07-28/no-handle-authentication',
    'mcp-2026-07-28/verify-every-request',
    'asvs-5.0/8.3.1',
  ],
  eras: ['legacy', 'modern'],
  why: "Mallory has no account and no token, only Alice's session ID from a log or a URL, and the server serves him: where one door asks for a credential, another does not.",
  todo: 'Verify the credential on every verb and side endpoint before any session is looked up, and take the user from the verified token of that very request.',
})
