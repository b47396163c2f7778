import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'predictable-session-id',
  title: 'A session ID or token can be predicted',
  severity: 'high',
  impact: 12,
  cwe: ['CWE-330', 'CWE-338', 'CWE-340'],
  requirements: [
    'mcp-2025-11-25/secure-session-ids',
    'mcp-2025-11-25/unique-session-ids',
    'mcp-2026-07-28/secure-state-handles',
    'asvs-5.0/7.2.3',
    'asvs-5.0/11.5.1',
    'owasp-session/unpredictable-ids',
    'owasp-session/long-ids',
    'owasp-session/meaningless-ids',
  ],
  eras: ['legacy', 'modern'],
  why: 'Mallory opens a few sessions of his own, sees how their IDs are made, and computes the one that Alice was given.',
  todo: "Make the ID with a cryptographically secure generator and at least 128 bits: randomBytes(32).toString('base64url'), or crypto.randomUUID().",
})
