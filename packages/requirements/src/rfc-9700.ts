/** RFC 9700 (BCP 240): what OAuth deployments learned about tokens that are stolen, replayed or sent to the wrong server. */
import { clausesOf } from './requirement.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc9700.html'

export const rfc9700 = clausesOf('RFC 9700, OAuth 2.0 Security Best Current Practice', {
  'rfc-9700/2.2.1-sender-constrained-tokens': {
    keyword: 'SHOULD',
    link: `${rfc}#section-2.2.1`,
    text: 'Servers bind access tokens to their sender, by mutual TLS or DPoP, so that a stolen one is useless.',
  },
  'rfc-9700/2.2.2-refresh-token-replay': {
    keyword: 'MUST',
    link: `${rfc}#section-2.2.2`,
    text: 'Refresh tokens of public clients are bound to their sender or rotated at each use.',
  },
  'rfc-9700/2.3-verify-audience': {
    keyword: 'MUST',
    link: `${rfc}#section-2.3`,
    text: 'A resource server checks for every request that the token was meant for it, and refuses it otherwise.',
  },
  'rfc-9700/2.6-end-to-end-tls': {
    keyword: 'SHOULD',
    link: `${rfc}#section-2.6`,
    text: 'TLS reaches from the client to the resource server.',
  },
  'rfc-9700/4.3.2-no-token-in-query': {
    keyword: 'MUST NOT',
    link: `${rfc}#section-4.3.2`,
    text: 'Access tokens do not travel in a query parameter, where browsers and logs keep them.',
  },
  'rfc-9700/4.9.3-tokens-are-secrets': {
    keyword: 'MUST',
    link: `${rfc}#section-4.9.3`,
    text: 'A resource server treats access tokens as secrets and neither stores nor forwards them in plain text.',
  },
  'rfc-9700/4.10.2-audience-restricted-tokens': {
    keyword: 'SHOULD',
    link: `${rfc}#section-4.10.2`,
    text: 'An access token is restricted to one resource server, which verifies that.',
  },
  'rfc-9700/4.13-sanitise-proxy-headers': {
    keyword: 'MUST',
    link: `${rfc}#section-4.13`,
    text: 'A proxy that ends TLS removes security headers that come from outside and protects the way to the application server.',
  },
  'rfc-9700/4.14.2-expire-refresh-tokens': {
    keyword: 'SHOULD',
    link: `${rfc}#section-4.14.2`,
    text: 'Refresh tokens expire when their client has not used them for some time.',
  },
})
