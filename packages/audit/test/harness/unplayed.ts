/**
 * Examples that are probed and still not told apart: the weakness is there, and what a client can send and see does not
 * show it. Each is probed all the same, to see that it is so.
 */

/** Why the wire does not show it. */
export type Why =
  /** There is no MCP, and no page or stream that the prober could tell a principal by. */
  | 'no MCP'
  /** The server asks its clients for something that MCP does not have, and no other client sends. */
  | 'its own protocol'
  /** On loopback nobody can read along, whatever the transport. */
  | 'loopback'
  /** It happens within the server, or on its way to a log. */
  | 'not answered'
  /** MCP allows what the server does. */
  | 'allowed'
  /** A handle has a part that only the server's own data would explain. */
  | 'unknown part'
  /** What comes out depends on what else the machine does: it may be shown, or not. */
  | 'chance'

export interface Unplayed {
  readonly why: Why
  readonly because: string
  /** Where it is probed, other than the examples of its rule. */
  readonly path?: string
}

const noMcp = (because: string, path: string): Unplayed => ({ why: 'no MCP', because, path })
const headerOnly: Unplayed = {
  why: 'its own protocol',
  because: 'Its clients send the ID in a header, which those of HTTP+SSE do not do.',
  path: '/sse',
}
const headerOfStream: Unplayed = {
  why: 'its own protocol',
  because: 'Its clients learn the ID from a header of the stream, which those of HTTP+SSE do not do.',
  path: '/sse',
}
const loopback: Unplayed = { why: 'loopback', because: 'Over loopback it does not matter.' }
const logged: Unplayed = {
  why: 'not answered',
  because: 'What a server writes to its log does not come over the wire.',
}
const gateway: Unplayed = {
  why: 'its own protocol',
  because: 'It lets through nothing but calls of tools, so that nobody can ask it what it speaks.',
}
const earlier: Unplayed = {
  why: 'allowed',
  because: 'It speaks earlier revisions, in which headers are to repeat nothing.',
}
const password: Unplayed = { why: 'not answered', because: 'What is drawn is a password, and no session.' }

/** By name. */
export const unplayed: Readonly<Record<string, Unplayed>> = {
  'client-supplied-session-id/safe-cart-cookie.ts': noMcp('A shop without a login.', '/cart'),
  'client-supplied-session-id/vulnerable-cart-cookie.ts': noMcp('A shop without a login.', '/cart'),
  'client-supplied-session-id/safe-unknown-is-not-found.ts': noMcp('An API of its own.', '/sessions'),
  'client-supplied-session-id/vulnerable-create-if-unknown.ts': noMcp('An API of its own.', '/sessions'),
  'client-supplied-session-id/vulnerable-through-three-functions.ts': {
    why: 'its own protocol',
    because: 'The ID is brought along in a field that this server alone knows.',
  },
  'header-body-mismatch/safe-fastify-gateway.ts': gateway,
  'header-body-mismatch/vulnerable-fastify-gateway.ts': gateway,
  'header-body-mismatch/safe-express-tools.ts': earlier,
  'header-body-mismatch/vulnerable-express-tools.ts': earlier,
  'header-body-mismatch/vulnerable-hono-handler.ts': earlier,
  'missing-session-invalidation/vulnerable-express-no-delete.ts': {
    why: 'allowed',
    because: 'DELETE is answered with 404, which leaves open whether a session ends otherwise.',
  },
  'missing-session-invalidation/vulnerable-node-http-onclose.ts': {
    why: 'allowed',
    because: 'DELETE is answered with 405, which the protocol allows.',
  },
  'plaintext-transport/safe-config-module': loopback,
  'plaintext-transport/vulnerable-config-module': loopback,
  'plaintext-transport/safe-express-listen.ts': loopback,
  'plaintext-transport/vulnerable-express-listen.ts': loopback,
  'plaintext-transport/safe-express-redirect.ts': loopback,
  'plaintext-transport/vulnerable-express-redirect.ts': loopback,
  'plaintext-transport/safe-fastify-proxy.ts': loopback,
  'plaintext-transport/vulnerable-fastify-proxy.ts': loopback,
  'plaintext-transport/safe-hono-serve.ts': loopback,
  'plaintext-transport/vulnerable-hono-serve.ts': loopback,
  'plaintext-transport/safe-node-http-host.ts': loopback,
  'plaintext-transport/vulnerable-node-http-host.ts': loopback,
  'predictable-session-id/safe-random-password.ts': password,
  'predictable-session-id/vulnerable-random-password.ts': password,
  'predictable-session-id/vulnerable-clock-and-counter.ts': {
    why: 'chance',
    because: 'What a busy machine makes of a clock is tried on a clock of its own, in test/wire/prediction.',
  },
  'predictable-session-id/vulnerable-hash-of-user-and-time.ts': {
    why: 'unknown part',
    because: 'A digest that holds the name of a user, which the prober does not know.',
  },
  'session-as-authentication/safe-messages-behind-auth.ts': headerOnly,
  'session-as-authentication/vulnerable-messages-before-auth.ts': headerOnly,
  'session-token-exposure/vulnerable-express-log.ts': logged,
  'session-token-exposure/vulnerable-node-http-headers.ts': logged,
  'session-token-in-url/safe-express-sse.ts': headerOnly,
  'session-token-in-url/safe-node-http-redirect.ts': noMcp('It hands out a token, and nothing that asks for one.', '/'),
  'session-token-in-url/vulnerable-node-http-redirect.ts': noMcp(
    'It hands out a token, and nothing that asks for one.',
    '/',
  ),
  'shared-session-state/safe-transport-per-session.ts': headerOnly,
  'shared-session-state/safe-answers-to-the-asker.ts': headerOfStream,
  'shared-session-state/vulnerable-answers-to-all.ts': headerOfStream,
  'shared-session-state/safe-read-again.ts': noMcp('An API of its own.', '/baskets'),
  'shared-session-state/vulnerable-late-write.ts': noMcp('An API of its own.', '/baskets'),
  'unauthorized-subscription/safe-express-streams.ts': noMcp('Streams that everybody has one of.', '/events/alice'),
  'unauthorized-subscription/vulnerable-express-streams.ts': noMcp(
    'Streams that everybody has one of.',
    '/events/alice',
  ),
}
