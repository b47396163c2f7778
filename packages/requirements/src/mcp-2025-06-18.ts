/**
 * MCP 2025-06-18, the revision that made the server an OAuth resource server and first said that sessions are not
 * authentication. Here stands only what this revision says alone; see the note in mcp-2025-03-26.ts.
 */
import { clausesOf } from './requirement.ts'

const authorization = 'https://modelcontextprotocol.io/specification/2025-06-18/basic/authorization'
const elicitation = 'https://modelcontextprotocol.io/specification/2025-06-18/client/elicitation'

export const mcp20250618 = clausesOf('Model Context Protocol 2025-06-18', {
  'mcp-2025-06-18/challenge-with-resource-metadata': {
    keyword: 'MUST',
    link: `${authorization}#authorization-server-location`,
    revisions: { first: '2025-06-18', last: '2025-06-18' },
    text: 'A 401 answer names the protected-resource metadata in its WWW-Authenticate header.',
  },
  'mcp-2025-06-18/no-sensitive-elicitation': {
    keyword: 'MUST NOT',
    link: `${elicitation}#security-considerations`,
    revisions: { first: '2025-06-18', last: '2025-06-18' },
    text: 'A server does not ask for credentials or other secrets through elicitation.',
  },
})
