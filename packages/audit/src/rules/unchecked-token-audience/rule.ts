import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'unchecked-token-audience',
  title: 'A token that was issued for another service is accepted',
  severity: 'high',
  impact: 10,
  cwe: ['CWE-863', 'CWE-345'],
  requirements: [
    'mcp-2025-11-25/validate-audience',
    'mcp-2026-07-28/validate-audience',
    'asvs-5.0/9.2.3',
    'asvs-5.0/10.3.1',
  ],
  eras: ['legacy', 'modern'],
  why: 'Mallory runs a service of his own that Alice logs in to. The token she gives him is rightly signed by the issuer that both trust, and he presents it here as hers.',
  todo: 'Demand the audience and the issuer when the token is verified, and refuse every token that does not name this server.',
})
