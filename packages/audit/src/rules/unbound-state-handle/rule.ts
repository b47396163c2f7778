import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'unbound-state-handle',
  title: 'State that a tool names is given to a principal who does not own it',
  severity: 'critical',
  impact: 20,
  cwe: ['CWE-639'],
  requirements: [
    'mcp-2026-07-28/bind-handles',
    'mcp-2026-07-28/no-handle-authentication',
    'mcp-2026-07-28/authorize-task-requests',
    'mcp-2025-11-25/bind-tasks-to-context',
    'asvs-5.0/8.2.2',
  ],
  eras: ['legacy', 'modern'],
  why: "Mallory calls the tool with his own token and Alice's handle as an argument: the handle is found, and nobody asks whose it is.",
  todo: 'Keep state under principal and handle together, or remember its owner and compare it with the verified caller in every tool that takes the handle; answer a foreign handle as an unknown one.',
})
