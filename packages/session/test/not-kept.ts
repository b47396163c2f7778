/** Clauses that the session layer does not keep, with the reason: whose they are, or why no test of ours could show it. */
import type { RequirementId } from '@sallyport/requirements'

const verifier = "the application's verifier checks the token before it names a principal"
const issuer = 'the authorization server, which issues tokens'
const documented = 'documentation: the README says it for this layer, the operator for the system'
const modernServer = 'the server of the modern revision, which reads the message; the layer sees handles only'

export const notKept: Partial<Record<RequirementId, string>> = {
  'mcp-2025-03-26/handle-session-timeouts':
    'about sessions at third parties, whose end is their credential’s: `credentialExpiresAt`',
  'mcp-2025-03-26/check-third-party-token': verifier,
  'mcp-2025-03-26/expire-tokens': issuer,
  'mcp-2025-06-18/challenge-with-resource-metadata': 'the application names the document in the option `challenge`',
  'mcp-2025-06-18/no-sensitive-elicitation': 'the tool, which words the question',
  'mcp-2025-11-25/bind-to-loopback': 'the server, which listens',
  'mcp-2025-11-25/validate-token': verifier,
  'mcp-2025-11-25/validate-audience': verifier,
  'mcp-2025-11-25/no-token-passthrough': 'the application, which calls other services',
  'mcp-2025-11-25/harden-consent-cookies': 'the authorization server, which asks for consent',
  'mcp-2025-11-25/list-own-tasks-only': 'the server, which keeps the list',
  'mcp-2025-11-25/no-credentials-in-elicitation-url': 'the tool, which makes the URL',
  'mcp-2026-07-28/access-control-beyond-cache-scope': modernServer,
  'mcp-2026-07-28/no-policy-on-unvalidated-headers': 'the gateway, which decides by headers',
  'mcp-2026-07-28/bind-to-loopback': 'the server, which listens',
  'mcp-2026-07-28/validate-token': verifier,
  'mcp-2026-07-28/validate-audience': verifier,
  'mcp-2026-07-28/no-token-passthrough': 'the application, which calls other services',
  'asvs-5.0/3.4.2':
    'the application, which answers preflights; a request from an origin that is not listed gets 403 here',
  'asvs-5.0/4.1.4': 'the adapter, which routes',
  'asvs-5.0/7.1.1': documented,
  'asvs-5.0/7.1.3': documented,
  'asvs-5.0/12.3.2': "the database client's settings for TLS",
  'asvs-5.0/13.3.1': 'the operator, who keeps the secrets of the key ring',
  'asvs-5.0/14.2.6': 'the application, which words the answers',
  'asvs-5.0/15.2.1': 'the operator, who updates',
  'owasp-session/renewal-timeout':
    'the application calls `regenerate` when it is time: an `Mcp-Session-Id` must not change in place, and a page may have requests under way',
  'owasp-session/current-framework': 'the operator, who updates',
  'rfc-9700/2.2.2-refresh-token-replay': issuer,
  'rfc-9700/2.6-end-to-end-tls': 'the operator, who ends TLS; the layer refuses what did not come over it',
  'rfc-9700/4.10.2-audience-restricted-tokens': issuer,
  'rfc-9700/4.14.2-expire-refresh-tokens': issuer,
}
