/**
 * MCP 2025-03-26, the first revision with Streamable HTTP and `Mcp-Session-Id`. Here stands only what this revision
 * says alone; clauses that later revisions repeat stand with the latest that has them, `revisions` says since when.
 */
import { clausesOf } from './requirement.ts'

const transports = 'https://modelcontextprotocol.io/specification/2025-03-26/basic/transports'
const authorization = 'https://modelcontextprotocol.io/specification/2025-03-26/basic/authorization'

export const mcp20250326 = clausesOf('Model Context Protocol 2025-03-26', {
  'mcp-2025-03-26/validate-origin': {
    keyword: 'MUST',
    link: `${transports}#security-warning`,
    revisions: { first: '2024-11-05', last: '2025-06-18' },
    text: 'A server over HTTP checks the Origin header of every incoming connection; how it refuses is left open.',
  },
  'mcp-2025-03-26/handle-session-timeouts': {
    keyword: 'MUST',
    link: `${authorization}#security-considerations-2`,
    revisions: { first: '2025-03-26', last: '2025-03-26' },
    text: 'A server that authorizes through a third party handles session timeouts.',
  },
  'mcp-2025-03-26/check-third-party-token': {
    keyword: 'MUST',
    link: `${authorization}#session-binding-requirements`,
    revisions: { first: '2025-03-26', last: '2025-03-26' },
    text: 'A server that authorizes through a third party honours its own token only while the third-party token behind it is valid.',
  },
  'mcp-2025-03-26/expire-tokens': {
    keyword: 'SHOULD',
    link: `${authorization}#security-considerations`,
    revisions: { first: '2025-03-26', last: '2025-03-26' },
    text: 'A server lets access tokens expire and replaces them.',
  },
})
