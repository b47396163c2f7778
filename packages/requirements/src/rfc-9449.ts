/** RFC 9449 (DPoP): how a client proves, with each request, that it holds the key a token is bound to. */
import { clausesOf } from './requirement.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc9449.html'

export const rfc9449 = clausesOf('RFC 9449, OAuth 2.0 Demonstrating Proof of Possession', {
  'rfc-9449/4.3-check-proof': {
    keyword: 'MUST',
    link: `${rfc}#section-4.3`,
    text: 'The server checks type, algorithm, signature, method, address, age and token hash of a proof.',
  },
  'rfc-9449/7.1-check-binding': {
    keyword: 'MUST',
    link: `${rfc}#section-7.1`,
    text: 'A resource server refuses a bound token unless the proof is valid and made with the key the token is bound to.',
  },
  'rfc-9449/7.2-no-bearer-downgrade': {
    keyword: 'MUST',
    link: `${rfc}#section-7.2`,
    text: 'A bound token that is presented as a bearer token is refused.',
  },
  'rfc-9449/9-server-nonce': {
    keyword: 'MAY',
    link: `${rfc}#section-9`,
    text: 'A resource server may hand out nonces that proofs have to carry.',
  },
  'rfc-9449/11.1-limit-proof-age': {
    keyword: 'MUST',
    link: `${rfc}#section-11.1`,
    text: 'A proof is accepted for a short time after it was made.',
  },
  'rfc-9449/11.1-single-use-proof': {
    keyword: 'none',
    link: `${rfc}#section-11.1`,
    text: 'A server that remembers the identifiers of recent proofs refuses a second use.',
  },
})
