/** MCP 2025-11-25, the last revision with protocol sessions: the measure for every server of the legacy era. */
import { clausesOf } from './requirement.ts'

const transports = 'https://modelcontextprotocol.io/specification/2025-11-25/basic/transports'
const authorization = 'https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization'
const tasks = 'https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks'
const elicitation = 'https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation'
const practices = 'https://modelcontextprotocol.io/docs/2025-11-25/tutorials/security/security_best_practices'

const sinceMarch = { first: '2025-03-26', last: '2025-11-25' }
const sinceJune = { first: '2025-06-18', last: '2025-11-25' }
const november = { first: '2025-11-25', last: '2025-11-25' }

export const mcp20251125 = clausesOf('Model Context Protocol 2025-11-25', {
  // Session identifiers
  'mcp-2025-11-25/server-assigns-session-id': {
    keyword: 'MAY',
    link: `${transports}#session-management`,
    revisions: sinceMarch,
    text: 'It is the server that assigns a session ID, in the response that carries the InitializeResult.',
  },
  'mcp-2025-11-25/unique-session-ids': {
    keyword: 'SHOULD',
    link: `${transports}#session-management`,
    revisions: sinceMarch,
    text: 'Session IDs are globally unique and cryptographically secure.',
  },
  'mcp-2025-11-25/visible-ascii-session-ids': {
    keyword: 'MUST',
    link: `${transports}#session-management`,
    revisions: sinceMarch,
    text: 'A session ID holds visible ASCII characters only, 0x21 to 0x7E.',
  },
  'mcp-2025-11-25/refuse-missing-session-id': {
    keyword: 'SHOULD',
    link: `${transports}#session-management`,
    revisions: sinceMarch,
    text: 'A server that needs a session ID answers 400 to a later request without one.',
  },
  'mcp-2025-11-25/not-found-after-termination': {
    keyword: 'MUST',
    link: `${transports}#session-management`,
    revisions: sinceMarch,
    text: 'Once a session has been terminated, a request that names it is answered with 404.',
  },
  'mcp-2025-11-25/delete-terminates-session': {
    keyword: 'SHOULD',
    link: `${transports}#session-management`,
    revisions: sinceMarch,
    text: 'A client ends a session that it no longer needs with HTTP DELETE; a server may refuse with 405.',
  },
  'mcp-2025-11-25/secure-session-ids': {
    keyword: 'MUST',
    link: `${practices}#session-hijacking`,
    revisions: sinceJune,
    text: 'Session IDs are secure and non-deterministic, so that neither a sequence nor a guess yields one.',
  },
  'mcp-2025-11-25/no-session-authentication': {
    keyword: 'MUST NOT',
    link: `${practices}#session-hijacking`,
    revisions: sinceJune,
    text: 'A session is never used to authenticate a caller.',
  },
  'mcp-2025-11-25/verify-every-request': {
    keyword: 'MUST',
    link: `${practices}#session-hijacking`,
    revisions: sinceJune,
    text: 'A server with authorization verifies every inbound request.',
  },
  'mcp-2025-11-25/bind-session-to-user': {
    keyword: 'SHOULD',
    link: `${practices}#session-hijacking`,
    revisions: sinceJune,
    text: 'A session ID is valid only together with its user, who is known from the verified token and not from the client.',
  },
  'mcp-2025-11-25/expire-session-ids': {
    keyword: 'none',
    link: `${practices}#session-hijacking`,
    revisions: sinceJune,
    text: 'Session IDs that expire or are replaced leave a thief less time.',
  },
  // Streams
  'mcp-2025-11-25/unique-event-ids': {
    keyword: 'MUST',
    link: `${transports}#resumability-and-redelivery`,
    revisions: sinceMarch,
    text: 'An event ID is unique across all streams of its session, or of its client where there is no session.',
  },
  'mcp-2025-11-25/event-id-names-stream': {
    keyword: 'SHOULD',
    link: `${transports}#resumability-and-redelivery`,
    revisions: november,
    text: 'From an event ID the server can tell the stream that the event belongs to.',
  },
  'mcp-2025-11-25/no-cross-stream-replay': {
    keyword: 'MUST NOT',
    link: `${transports}#resumability-and-redelivery`,
    revisions: sinceMarch,
    text: 'Resumption never replays messages that belonged to another stream.',
  },
  'mcp-2025-11-25/one-stream-per-message': {
    keyword: 'MUST',
    link: `${transports}#multiple-connections`,
    revisions: sinceMarch,
    text: 'A message is sent on one of the connected streams only.',
  },
  // Exposure
  'mcp-2025-11-25/validate-origin': {
    keyword: 'MUST',
    link: `${transports}#security-warning`,
    revisions: november,
    text: 'A server over HTTP checks the Origin header of every incoming connection and answers 403 to one it does not trust.',
  },
  'mcp-2025-11-25/bind-to-loopback': {
    keyword: 'SHOULD',
    link: `${transports}#security-warning`,
    revisions: { first: '2024-11-05', last: '2025-11-25' },
    text: 'A local server listens on 127.0.0.1 and not on all interfaces.',
  },
  'mcp-2025-11-25/authenticate-connections': {
    keyword: 'SHOULD',
    link: `${transports}#security-warning`,
    revisions: { first: '2024-11-05', last: '2025-11-25' },
    text: 'A server over HTTP authenticates all connections.',
  },
  // Authorization
  'mcp-2025-11-25/authorization-in-every-request': {
    keyword: 'MUST',
    link: `${authorization}#token-requirements`,
    revisions: sinceMarch,
    text: 'Every HTTP request carries its authorization, also within one session.',
  },
  'mcp-2025-11-25/no-token-in-query': {
    keyword: 'MUST NOT',
    link: `${authorization}#token-requirements`,
    revisions: sinceMarch,
    text: 'Access tokens do not travel in the query string of a URI.',
  },
  'mcp-2025-11-25/validate-token': {
    keyword: 'MUST',
    link: `${authorization}#token-handling`,
    revisions: sinceMarch,
    text: 'The server validates an access token before it processes the request.',
  },
  'mcp-2025-11-25/refuse-expired-token': {
    keyword: 'MUST',
    link: `${authorization}#token-handling`,
    revisions: sinceMarch,
    text: 'An invalid or expired token is answered with 401.',
  },
  'mcp-2025-11-25/validate-audience': {
    keyword: 'MUST',
    link: `${authorization}#token-audience-binding-and-validation`,
    revisions: sinceJune,
    text: 'The server accepts only tokens that were issued for it.',
  },
  'mcp-2025-11-25/no-token-passthrough': {
    keyword: 'MUST NOT',
    link: `${authorization}#access-token-privilege-restriction`,
    revisions: sinceJune,
    text: 'The token that a client presented is not forwarded to another service.',
  },
  'mcp-2025-11-25/store-tokens-securely': {
    keyword: 'MUST',
    link: `${authorization}#token-theft`,
    revisions: sinceJune,
    text: 'Tokens are stored so that caches and logs do not give them away.',
  },
  'mcp-2025-11-25/secure-communication': {
    keyword: 'MUST',
    link: `${authorization}#communication-security`,
    revisions: sinceJune,
    text: 'Tokens travel over TLS as OAuth 2.1 section 1.5 demands; authorization endpoints are served over HTTPS.',
  },
  'mcp-2025-11-25/harden-consent-cookies': {
    keyword: 'MUST',
    link: `${practices}#confused-deputy-problem`,
    revisions: { first: '2025-11-25' },
    text: 'A consent cookie has a __Host- name, Secure, HttpOnly and SameSite=Lax, is signed or kept on the server, and names its client.',
  },
  // Tasks and elicitation
  'mcp-2025-11-25/bind-tasks-to-context': {
    keyword: 'MUST',
    link: `${tasks}#task-isolation-and-access-control`,
    revisions: november,
    text: 'Where callers are authorized, a task belongs to the authorization context that created it and every other is refused.',
  },
  'mcp-2025-11-25/list-own-tasks-only': {
    keyword: 'MUST',
    link: `${tasks}#task-isolation-and-access-control`,
    revisions: november,
    text: "A list of tasks shows the caller's own tasks only.",
  },
  'mcp-2025-11-25/secure-task-ids': {
    keyword: 'MUST',
    link: `${tasks}#task-isolation-and-access-control`,
    revisions: november,
    text: 'Where tasks cannot be bound to a caller, their IDs are cryptographically secure.',
  },
  'mcp-2025-11-25/limit-task-lifetime': {
    keyword: 'SHOULD',
    link: `${tasks}#resource-management`,
    revisions: november,
    text: 'A server limits how long tasks live and how many one caller may have.',
  },
  'mcp-2025-11-25/state-not-by-session-alone': {
    keyword: 'MUST NOT',
    link: `${elicitation}#statefulness`,
    revisions: november,
    text: 'State kept for an elicitation is tied to the user and not to a session ID alone.',
  },
  'mcp-2025-11-25/no-claimed-identity': {
    keyword: 'MUST NOT',
    link: `${elicitation}#identifying-the-user`,
    revisions: { first: '2025-11-25' },
    text: 'A user identity that the client merely claims is not trusted.',
  },
  'mcp-2025-11-25/no-credentials-in-elicitation-url': {
    keyword: 'MUST NOT',
    link: `${elicitation}#safe-url-handling`,
    revisions: { first: '2025-11-25' },
    text: 'A URL sent for elicitation carries no credentials and is not authenticated in advance.',
  },
})
