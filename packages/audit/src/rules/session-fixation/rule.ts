import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'session-fixation',
  title: 'The session from before authentication is still the session after it',
  severity: 'critical',
  impact: 25,
  cwe: ['CWE-384'],
  requirements: ['asvs-5.0/7.2.4', 'owasp-session/renew-id-after-privilege-change'],
  eras: ['legacy', 'modern'],
  why: 'Mallory opens a session, has Alice log in with its ID, and then uses that ID as Alice: he knew it before it was worth anything.',
  todo: 'Regenerate the session ID on every path from successful authentication to the first write of authenticated state, and destroy the old session.',
})
