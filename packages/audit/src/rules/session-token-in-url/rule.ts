import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'session-token-in-url',
  title: 'A session ID or credential travels in a URL',
  severity: 'high',
  impact: 8,
  cwe: ['CWE-598'],
  requirements: [
    'mcp-2025-11-25/no-token-in-query',
    'mcp-2026-07-28/no-token-in-query',
    'asvs-5.0/14.2.1',
    'owasp-session/one-exchange-mechanism',
  ],
  eras: ['legacy', 'modern'],
  why: "URLs are written down wherever they pass: in the logs of proxies and servers, in histories and referrers. Mallory reads Alice's token in one of them and uses it.",
  todo: 'Take session IDs and credentials from headers or cookies only, and refuse them in a query string or path; for old SSE clients, ask for a credential in a header as well.',
})
