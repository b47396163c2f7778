import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'insecure-session-cookie',
  title: 'A session cookie lacks HttpOnly, Secure or SameSite',
  severity: 'medium',
  impact: 6,
  cwe: ['CWE-1004', 'CWE-614', 'CWE-1275'],
  requirements: [
    'asvs-5.0/3.3.1',
    'asvs-5.0/3.3.2',
    'asvs-5.0/3.3.4',
    'owasp-session/secure-cookie',
    'owasp-session/http-only-cookie',
    'owasp-session/same-site-cookie',
    'mcp-2025-11-25/harden-consent-cookies',
  ],
  eras: ['legacy', 'modern'],
  why: 'Without HttpOnly a script that Mallory smuggles into a page reads the cookie, without Secure he reads it on the wire, and without SameSite his own page sends requests with it.',
  todo: 'Set HttpOnly, Secure and SameSite=Lax or Strict, and give the cookie a name with the __Host- prefix.',
})
