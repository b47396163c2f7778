/** MCP 2026-07-28, the revision without protocol sessions: handles, requestState, subscriptions and tasks instead. */
import { clausesOf } from './requirement.ts'

const basic = 'https://modelcontextprotocol.io/specification/2026-07-28/basic'
const http = `${basic}/transports/streamable-http`
const authorization = `${basic}/authorization`
const mrtr = `${basic}/patterns/mrtr`
const subscriptions = `${basic}/patterns/subscriptions`
const server = 'https://modelcontextprotocol.io/specification/2026-07-28/server'
const practices = 'https://modelcontextprotocol.io/docs/2026-07-28/tutorials/security/security_best_practices'
const tasks = 'https://modelcontextprotocol.io/seps/2663-tasks-extension'

const revisions = { first: '2026-07-28' }

export const mcp20260728 = clausesOf('Model Context Protocol 2026-07-28', {
  // Statelessness and state handles
  'mcp-2026-07-28/no-context-from-earlier-requests': {
    keyword: 'MUST NOT',
    link: `${basic}#statelessness`,
    revisions,
    text: 'Who the client is and what it can do is read from each request, never from an earlier one on the same connection.',
  },
  'mcp-2026-07-28/explicit-state-handles': {
    keyword: 'MUST',
    link: `${basic}#statelessness`,
    revisions,
    text: 'State that spans requests is named by a handle that the client passes with each of them.',
  },
  'mcp-2026-07-28/no-handle-authentication': {
    keyword: 'MUST NOT',
    link: `${practices}#state-handle-hijacking`,
    revisions,
    text: 'Possession of a state handle is never taken as authentication.',
  },
  'mcp-2026-07-28/verify-every-request': {
    keyword: 'MUST',
    link: `${practices}#state-handle-hijacking`,
    revisions,
    text: 'A server with authorization verifies every inbound request.',
  },
  'mcp-2026-07-28/secure-state-handles': {
    keyword: 'SHOULD',
    link: `${practices}#state-handle-hijacking`,
    revisions,
    text: 'State handles are non-deterministic and come from a secure random generator.',
  },
  'mcp-2026-07-28/bind-handles': {
    keyword: 'SHOULD',
    link: `${practices}#state-handle-hijacking`,
    revisions,
    text: 'The server binds a handle to the authenticated user and refuses it from any other principal.',
  },
  'mcp-2026-07-28/expire-handles': {
    keyword: 'none',
    link: `${practices}#state-handle-hijacking`,
    revisions,
    text: 'State handles that expire leave a thief less time.',
  },
  'mcp-2026-07-28/bounded-handle-lifetime': {
    keyword: 'none',
    link: `${server}/tools#stateful-tools`,
    revisions,
    text: 'Where callers are anonymous, a handle is hard to guess and lives for a bounded time.',
  },
  'mcp-2026-07-28/no-session-ids': {
    keyword: 'SHOULD',
    link: `${http}#earlier-streamable-http-revisions`,
    revisions,
    text: 'A server of this revision ignores Mcp-Session-Id and neither mints nor echoes one.',
  },
  // requestState
  'mcp-2026-07-28/protect-request-state': {
    keyword: 'MUST',
    link: `${mrtr}#server-requirements-basic-workflow`,
    revisions,
    text: 'requestState is attacker-controlled input: where it matters it carries a MAC or is sealed, and state that fails the check is refused.',
  },
  'mcp-2026-07-28/bind-request-state-to-principal': {
    keyword: 'SHOULD',
    link: `${mrtr}#server-requirements-basic-workflow`,
    revisions,
    text: 'requestState names the authenticated principal and is refused from any other.',
  },
  'mcp-2026-07-28/expire-request-state': {
    keyword: 'SHOULD',
    link: `${mrtr}#server-requirements-basic-workflow`,
    revisions,
    text: 'requestState carries a short lifetime and is refused after it.',
  },
  'mcp-2026-07-28/bind-request-state-to-request': {
    keyword: 'SHOULD',
    link: `${mrtr}#server-requirements-basic-workflow`,
    revisions,
    text: 'requestState names the method and the parameters it was made for and is refused with others.',
  },
  'mcp-2026-07-28/single-use-request-state': {
    keyword: 'MUST',
    link: `${mrtr}#server-requirements-basic-workflow`,
    revisions,
    text: 'Where a requestState may be redeemed once only, the server itself enforces that.',
  },
  'mcp-2026-07-28/no-caching-of-request-state': {
    keyword: 'MUST NOT',
    link: `${server}/utilities/caching#cache-key`,
    revisions,
    text: 'Results of requests that carry requestState or input responses are not cached.',
  },
  // Subscriptions, tasks, access
  'mcp-2026-07-28/requested-notifications-only': {
    keyword: 'MUST NOT',
    link: `${subscriptions}#opening-a-stream`,
    revisions,
    text: 'A subscription delivers no kind of notification that the client did not ask for.',
  },
  'mcp-2026-07-28/access-control': {
    keyword: 'MUST',
    link: `${server}/tools#security-considerations`,
    revisions,
    text: 'A server controls access to what its tools reach.',
  },
  'mcp-2026-07-28/access-control-beyond-cache-scope': {
    keyword: 'MUST NOT',
    link: `${server}/utilities/caching#security-considerations`,
    revisions,
    text: 'A server does not rely on the cache scope to keep one caller from the primitives of another.',
  },
  'mcp-2026-07-28/authorize-task-requests': {
    keyword: 'MUST',
    link: `${tasks}#security-implications`,
    revisions,
    text: 'Every request about a task is authenticated and authorized, and task IDs are hard to guess.',
  },
  // Headers and exposure
  'mcp-2026-07-28/headers-match-body': {
    keyword: 'MUST',
    link: `${http}#server-validation`,
    revisions,
    text: 'A request whose MCP headers are missing or differ from its body is answered with 400.',
  },
  'mcp-2026-07-28/no-policy-on-unvalidated-headers': {
    keyword: 'SHOULD',
    link: `${http}#server-validation`,
    revisions,
    text: 'An intermediary that decides by mirrored headers refuses requests of versions in which nobody checks them.',
  },
  'mcp-2026-07-28/validate-origin': {
    keyword: 'MUST',
    link: http,
    revisions,
    text: 'A server over HTTP checks the Origin header of every incoming connection and answers 403 to one it does not trust.',
  },
  'mcp-2026-07-28/bind-to-loopback': {
    keyword: 'SHOULD',
    link: http,
    revisions,
    text: 'A local server listens on 127.0.0.1 and not on all interfaces.',
  },
  'mcp-2026-07-28/authenticate-connections': {
    keyword: 'SHOULD',
    link: http,
    revisions,
    text: 'A server over HTTP authenticates all connections.',
  },
  // Authorization
  'mcp-2026-07-28/authorization-in-every-request': {
    keyword: 'MUST',
    link: `${authorization}#token-requirements`,
    revisions,
    text: 'Every HTTP request carries its authorization.',
  },
  'mcp-2026-07-28/no-token-in-query': {
    keyword: 'MUST NOT',
    link: `${authorization}#token-requirements`,
    revisions,
    text: 'Access tokens do not travel in the query string of a URI.',
  },
  'mcp-2026-07-28/validate-token': {
    keyword: 'MUST',
    link: `${authorization}#token-handling`,
    revisions,
    text: 'The server validates an access token before it processes the request.',
  },
  'mcp-2026-07-28/refuse-expired-token': {
    keyword: 'MUST',
    link: `${authorization}#token-handling`,
    revisions,
    text: 'An invalid or expired token is answered with 401.',
  },
  'mcp-2026-07-28/validate-audience': {
    keyword: 'MUST',
    link: `${authorization}/security-considerations#token-audience-binding-and-validation`,
    revisions,
    text: 'The server accepts only tokens that were issued for it.',
  },
  'mcp-2026-07-28/no-token-passthrough': {
    keyword: 'MUST NOT',
    link: `${authorization}/security-considerations#access-token-privilege-restriction`,
    revisions,
    text: 'The token that a client presented is not forwarded to another service.',
  },
  'mcp-2026-07-28/store-tokens-securely': {
    keyword: 'MUST',
    link: `${authorization}/security-considerations#token-theft`,
    revisions,
    text: 'Tokens are stored so that caches and logs do not give them away.',
  },
  'mcp-2026-07-28/secure-communication': {
    keyword: 'MUST',
    link: `${authorization}/security-considerations#communication-security`,
    revisions,
    text: 'Tokens travel over TLS as OAuth 2.1 section 1.5 demands; authorization endpoints are served over HTTPS.',
  },
  'mcp-2026-07-28/no-trust-in-client-info': {
    keyword: 'SHOULD NOT',
    link: `${basic}#meta`,
    revisions,
    text: 'What a client says about its own name and version decides nothing about security.',
  },
})
