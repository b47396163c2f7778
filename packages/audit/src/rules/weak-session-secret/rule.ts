import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'weak-session-secret',
  title: 'A secret that protects sessions is written down or weak',
  severity: 'high',
  impact: 12,
  cwe: ['CWE-798', 'CWE-1392', 'CWE-331'],
  requirements: ['asvs-5.0/13.3.1', 'asvs-5.0/13.2.3', 'asvs-5.0/11.5.1'],
  eras: ['legacy', 'modern'],
  why: 'Mallory reads the secret in the source, or tries the default that nobody changed, and signs whatever he likes: a session as Alice, a token as an administrator.',
  todo: 'Take the secret from the environment or a secrets manager, refuse to start without it, and make it from at least 32 random bytes.',
})
