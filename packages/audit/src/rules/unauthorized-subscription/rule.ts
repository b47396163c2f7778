import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'unauthorized-subscription',
  title: 'News of what belongs to somebody go to whoever asks for them',
  severity: 'high',
  impact: 8,
  cwe: ['CWE-862', 'CWE-639'],
  requirements: [
    'mcp-2026-07-28/access-control',
    'mcp-2026-07-28/authorize-task-requests',
    'mcp-2025-11-25/bind-tasks-to-context',
    'asvs-5.0/8.2.2',
  ],
  eras: ['legacy', 'modern'],
  why: "Mallory may not read Alice's inbox, but nobody asks when he subscribes to it: he is told the moment something arrives there, and her tasks answer to him.",
  todo: 'Ask of every URI, topic and task that a request names what reading it would ask: whether the caller may have it. Answer a foreign one as an unknown one.',
})
