import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'vulnerable-session-dependency',
  title: 'A dependency is pinned to a version with weak sessions',
  severity: 'high',
  impact: 10,
  cwe: ['CWE-1395'],
  requirements: ['asvs-5.0/15.2.1', 'owasp-session/current-framework'],
  eras: ['legacy', 'modern'],
  why: 'The weakness is in the library, known and described. Mallory needs no discovery of his own: he looks for servers that still run the version.',
  todo: 'Raise the dependency to the version that mends it, and renew the lockfile.',
})
