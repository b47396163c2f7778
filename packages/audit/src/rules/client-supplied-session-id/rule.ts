import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'client-supplied-session-id',
  title: 'An ID taken from the request becomes the ID of a new session',
  severity: 'critical',
  impact: 25,
  cwe: ['CWE-384'],
  requirements: [
    'mcp-2025-11-25/server-assigns-session-id',
    'mcp-2025-11-25/not-found-after-termination',
    'owasp-session/strict-ids',
    'owasp-session/ids-are-untrusted-input',
    'asvs-5.0/7.2.3',
  ],
  eras: ['legacy'],
  why: "Mallory makes up an ID, gets Alice's client to send it, and the server opens Alice's session under an ID that Mallory knew beforehand.",
  todo: 'Generate the ID on the server for every new session, answer 404 to an ID that names no session, and never store a session under a value from a header, body or query.',
})
