import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'header-body-mismatch',
  title: 'What may be called is decided by a header, and what the body calls is done',
  severity: 'high',
  impact: 8,
  cwe: ['CWE-436', 'CWE-863'],
  requirements: [
    'mcp-2026-07-28/headers-match-body',
    'mcp-2026-07-28/no-policy-on-unvalidated-headers',
    'asvs-5.0/8.3.1',
  ],
  eras: ['legacy', 'modern'],
  why: 'Mallory writes a harmless name into Mcp-Name and the forbidden one into the body: the policy reads the one, the server does the other.',
  todo: 'Decide by what the body calls, or answer 400 to every request whose header and body differ before the policy is asked.',
})
