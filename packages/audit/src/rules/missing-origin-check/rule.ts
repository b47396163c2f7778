import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'missing-origin-check',
  title: 'Any web page may talk to the server through a browser',
  severity: 'high',
  impact: 8,
  cwe: ['CWE-346', 'CWE-350', 'CWE-942', 'CWE-1385'],
  requirements: [
    'mcp-2025-11-25/validate-origin',
    'mcp-2026-07-28/validate-origin',
    'asvs-5.0/3.4.2',
    'asvs-5.0/3.5.1',
  ],
  eras: ['legacy', 'modern'],
  why: "Alice opens a page of Mallory's: its script reaches the server on Alice's machine, directly or by a name that Mallory points at 127.0.0.1, and calls tools as if it were Alice's own client.",
  todo: 'Before anything else, answer 403 to a request whose Origin is not on a list, and to one whose Host is not a name of this server; name the origins that CORS allows one by one.',
})
