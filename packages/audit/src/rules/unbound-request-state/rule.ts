import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'unbound-request-state',
  title: 'A genuine requestState serves another caller, another request, or for ever',
  severity: 'high',
  impact: 12,
  cwe: ['CWE-639', 'CWE-613'],
  requirements: [
    'mcp-2026-07-28/bind-request-state-to-principal',
    'mcp-2026-07-28/expire-request-state',
    'mcp-2026-07-28/bind-request-state-to-request',
    'asvs-5.0/9.2.1',
  ],
  eras: ['modern'],
  why: "A seal proves where a requestState comes from, not who may use it. Mallory brings Alice's, with his own valid token, and goes on where she stopped.",
  todo: 'Put issuer and subject of the caller, a time of a few minutes, and the tool with a digest of its arguments into what is sealed, and compare all of it before anything is done.',
})
