import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'plaintext-transport',
  title: 'Session tokens travel over plain HTTP',
  severity: 'critical',
  impact: 22,
  cwe: ['CWE-319', 'CWE-614'],
  requirements: [
    'mcp-2025-11-25/secure-communication',
    'mcp-2025-11-25/bind-to-loopback',
    'mcp-2026-07-28/secure-communication',
    'asvs-5.0/12.2.1',
    'asvs-5.0/4.1.2',
    'asvs-5.0/3.3.1',
    'owasp-session/tls-for-the-whole-session',
    'owasp-session/secure-cookie',
    'rfc-9700/2.6-end-to-end-tls',
  ],
  eras: ['legacy', 'modern'],
  why: "Mallory, anywhere on the network between Alice and the server, reads the session token from Alice's request and sends requests of his own with it.",
  todo: 'Listen on 127.0.0.1 only, or serve HTTPS, or refuse every request that did not arrive over TLS (426 for an API) before any token is read; set Secure on session cookies.',
})
