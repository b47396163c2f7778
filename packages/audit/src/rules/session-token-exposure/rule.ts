import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'session-token-exposure',
  title: 'A session ID or token is logged, or told to whoever asks',
  severity: 'medium',
  impact: 5,
  cwe: ['CWE-532', 'CWE-200'],
  requirements: [
    'asvs-5.0/16.2.5',
    'asvs-5.0/14.2.6',
    'owasp-session/hashed-ids-in-logs',
    'mcp-2025-11-25/store-tokens-securely',
  ],
  eras: ['legacy', 'modern'],
  why: "Logs are copied, searched and kept by many. Mallory, who may read one line of them, or who asks the page that lists sessions, has Alice's session ID and goes on as Alice.",
  todo: 'Log a short digest of the ID instead, never a credential or all headers, and let status pages count sessions without naming them.',
})
