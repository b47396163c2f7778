import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'unsigned-request-state',
  title: 'A requestState is trusted without proof that it is the one given out',
  severity: 'critical',
  impact: 20,
  cwe: ['CWE-345', 'CWE-353', 'CWE-565'],
  requirements: ['mcp-2026-07-28/protect-request-state', 'asvs-5.0/9.1.1'],
  eras: ['modern'],
  why: 'requestState passes through the client. Mallory decodes it, writes another amount, another account or "approved" into it, and sends it back.',
  todo: 'Seal it with authenticated encryption or a MAC before it leaves, check that on every path before anything of it is used, and refuse the request where the check fails.',
})
