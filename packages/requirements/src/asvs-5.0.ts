/**
 * OWASP ASVS 5.0.0: chapter 7 in full, and what else bears on sessions. ASVS states what to verify and uses no key
 * words; ids are its own numbers.
 */
import { clausesOf } from './requirement.ts'

const chapters = 'https://github.com/OWASP/ASVS/blob/v5.0.0_release/5.0/en'
const logic = `${chapters}/0x11-V2-Validation-and-Business-Logic.md`
const frontend = `${chapters}/0x12-V3-Web-Frontend-Security.md`
const api = `${chapters}/0x13-V4-API-and-Web-Service.md`
const session = `${chapters}/0x16-V7-Session-Management.md`
const authorization = `${chapters}/0x17-V8-Authorization.md`
const tokens = `${chapters}/0x18-V9-Self-contained-Tokens.md`
const oauth = `${chapters}/0x19-V10-OAuth-and-OIDC.md`
const cryptography = `${chapters}/0x20-V11-Cryptography.md`
const communication = `${chapters}/0x21-V12-Secure-Communication.md`
const configuration = `${chapters}/0x22-V13-Configuration.md`
const data = `${chapters}/0x23-V14-Data-Protection.md`
const coding = `${chapters}/0x24-V15-Secure-Coding-and-Architecture.md`
const logging = `${chapters}/0x25-V16-Security-Logging-and-Error-Handling.md`

const keyword = 'none'

export const asvs50 = clausesOf('OWASP ASVS 5.0', {
  // V2 Validation and Business Logic
  'asvs-5.0/2.3.3': {
    keyword,
    link: `${logic}#v23-business-logic-security`,
    text: 'A business operation succeeds as a whole or leaves everything as it was.',
  },
  'asvs-5.0/2.3.4': {
    keyword,
    link: `${logic}#v23-business-logic-security`,
    text: 'Locks keep a scarce resource from being given out twice.',
  },
  // V3 Web Frontend Security
  'asvs-5.0/3.3.1': {
    keyword,
    link: `${frontend}#v33-cookie-setup`,
    text: 'Cookies have the Secure attribute and a name with the __Host- or __Secure- prefix.',
  },
  'asvs-5.0/3.3.2': {
    keyword,
    link: `${frontend}#v33-cookie-setup`,
    text: 'Each cookie has the SameSite value that its purpose needs.',
  },
  'asvs-5.0/3.3.3': {
    keyword,
    link: `${frontend}#v33-cookie-setup`,
    text: 'Cookies that are not meant for other hosts have the __Host- prefix.',
  },
  'asvs-5.0/3.3.4': {
    keyword,
    link: `${frontend}#v33-cookie-setup`,
    text: 'A session token in a cookie is HttpOnly and reaches the client by Set-Cookie alone.',
  },
  'asvs-5.0/3.4.2': {
    keyword,
    link: `${frontend}#v34-browser-security-mechanism-headers`,
    text: 'The allowed CORS origin is fixed or checked against a list, and a wildcard never exposes sensitive data.',
  },
  'asvs-5.0/3.5.1': {
    keyword,
    link: `${frontend}#v35-browser-origin-separation`,
    text: 'Requests to sensitive functions are shown to come from the application itself.',
  },
  // V4 API and Web Service
  'asvs-5.0/4.1.2': {
    keyword,
    link: `${api}#v41-generic-web-service-security`,
    text: 'Only pages made for browsers redirect from HTTP to HTTPS; other endpoints refuse plain HTTP.',
  },
  'asvs-5.0/4.1.3': {
    keyword,
    link: `${api}#v41-generic-web-service-security`,
    text: 'Headers that an intermediary sets cannot be set by the end user.',
  },
  'asvs-5.0/4.1.4': {
    keyword,
    link: `${api}#v41-generic-web-service-security`,
    text: 'HTTP methods that the application does not use are blocked.',
  },
  // V7 Session Management
  'asvs-5.0/7.1.1': {
    keyword,
    link: `${session}#v71-session-management-documentation`,
    text: 'Idle timeout and absolute lifetime of sessions are documented, with reasons where they deviate from NIST SP 800-63B.',
  },
  'asvs-5.0/7.1.2': {
    keyword,
    link: `${session}#v71-session-management-documentation`,
    text: 'It is documented how many sessions one account may have at a time and what happens at the limit.',
  },
  'asvs-5.0/7.1.3': {
    keyword,
    link: `${session}#v71-session-management-documentation`,
    text: 'Systems that share a federated login are documented, with how their session lifetimes and ends are coordinated.',
  },
  'asvs-5.0/7.2.1': {
    keyword,
    link: `${session}#v72-fundamental-session-management-security`,
    text: 'Session tokens are verified by a trusted service on the server side.',
  },
  'asvs-5.0/7.2.2': {
    keyword,
    link: `${session}#v72-fundamental-session-management-security`,
    text: 'Session tokens are generated dynamically; static API keys do not stand in for them.',
  },
  'asvs-5.0/7.2.3': {
    keyword,
    link: `${session}#v72-fundamental-session-management-security`,
    text: 'A session ID is unique and has at least 128 bits from a cryptographically secure generator.',
  },
  'asvs-5.0/7.2.4': {
    keyword,
    link: `${session}#v72-fundamental-session-management-security`,
    text: 'Authentication, also a repeated one, yields a new session token and ends the current one.',
  },
  'asvs-5.0/7.3.1': {
    keyword,
    link: `${session}#v73-session-timeout`,
    text: 'A session ends after a time without activity.',
  },
  'asvs-5.0/7.3.2': {
    keyword,
    link: `${session}#v73-session-timeout`,
    text: 'A session ends after an absolute time, however active it is.',
  },
  'asvs-5.0/7.4.1': {
    keyword,
    link: `${session}#v74-session-termination`,
    text: 'A session that was ended, by logout or expiry, can no longer be used: its record on the server is invalidated.',
  },
  'asvs-5.0/7.4.2': {
    keyword,
    link: `${session}#v74-session-termination`,
    text: 'Disabling or deleting an account ends all its sessions.',
  },
  'asvs-5.0/7.4.3': {
    keyword,
    link: `${session}#v74-session-termination`,
    text: 'After an authentication factor changed, the user may end all other sessions.',
  },
  'asvs-5.0/7.4.4': {
    keyword,
    link: `${session}#v74-session-termination`,
    text: 'Logout is easy to find wherever authentication is needed.',
  },
  'asvs-5.0/7.4.5': {
    keyword,
    link: `${session}#v74-session-termination`,
    text: 'Administrators can end the sessions of one user and of all users.',
  },
  'asvs-5.0/7.5.1': {
    keyword,
    link: `${session}#v75-defenses-against-session-abuse`,
    text: 'Changing what authentication rests on needs full authentication again.',
  },
  'asvs-5.0/7.5.2': {
    keyword,
    link: `${session}#v75-defenses-against-session-abuse`,
    text: 'Users can see their active sessions and, authenticated once more, end them.',
  },
  'asvs-5.0/7.5.3': {
    keyword,
    link: `${session}#v75-defenses-against-session-abuse`,
    text: 'A highly sensitive operation needs a further authentication or confirmation.',
  },
  'asvs-5.0/7.6.1': {
    keyword,
    link: `${session}#v76-federated-re-authentication`,
    text: 'Session lifetime and end at relying party and identity provider behave as documented.',
  },
  'asvs-5.0/7.6.2': {
    keyword,
    link: `${session}#v76-federated-re-authentication`,
    text: 'A session comes into being only by consent or an explicit action of the user.',
  },
  // V8 Authorization
  'asvs-5.0/8.2.2': {
    keyword,
    link: `${authorization}#v82-general-authorization-design`,
    text: 'A data item is reached only by those with permission for that very item.',
  },
  'asvs-5.0/8.3.1': {
    keyword,
    link: `${authorization}#v83-operation-level-authorization`,
    text: 'Authorization is enforced at a trusted service layer, by nothing that an untrusted caller could manipulate.',
  },
  'asvs-5.0/8.3.2': {
    keyword,
    link: `${authorization}#v83-operation-level-authorization`,
    text: 'A change of what authorization rests on takes effect at once.',
  },
  'asvs-5.0/8.3.3': {
    keyword,
    link: `${authorization}#v83-operation-level-authorization`,
    text: 'Access follows the permissions of the subject who asked first, not those of a service in between.',
  },
  'asvs-5.0/8.4.1': {
    keyword,
    link: `${authorization}#v84-other-authorization-considerations`,
    text: 'The operations of one tenant never touch another.',
  },
  // V9 Self-contained Tokens
  'asvs-5.0/9.1.1': {
    keyword,
    link: `${tokens}#v91-token-source-and-integrity`,
    text: 'The signature or MAC of a self-contained token is checked before its content is used.',
  },
  'asvs-5.0/9.1.2': {
    keyword,
    link: `${tokens}#v91-token-source-and-integrity`,
    text: 'Tokens are made and checked with allow-listed algorithms only, never with none.',
  },
  'asvs-5.0/9.2.1': {
    keyword,
    link: `${tokens}#v92-token-content`,
    text: 'A token is accepted within its validity period only.',
  },
  'asvs-5.0/9.2.3': {
    keyword,
    link: `${tokens}#v92-token-content`,
    text: 'A service accepts only tokens whose audience it is.',
  },
  // V10 OAuth and OIDC
  'asvs-5.0/10.3.1': {
    keyword,
    link: `${oauth}#v103-oauth-resource-server`,
    text: 'A resource server accepts only access tokens whose audience it is.',
  },
  'asvs-5.0/10.3.3': {
    keyword,
    link: `${oauth}#v103-oauth-resource-server`,
    text: 'A user is identified by claims that cannot pass to another user, normally issuer and subject together.',
  },
  'asvs-5.0/10.3.5': {
    keyword,
    link: `${oauth}#v103-oauth-resource-server`,
    text: 'Access tokens are bound to their sender by mutual TLS or DPoP, so that a stolen one is useless.',
  },
  // V11 Cryptography
  'asvs-5.0/11.2.4': {
    keyword,
    link: `${cryptography}#v112-secure-cryptography-implementation`,
    text: 'Cryptographic operations, comparisons among them, take constant time.',
  },
  'asvs-5.0/11.4.1': {
    keyword,
    link: `${cryptography}#v114-hashing-and-hash-based-functions`,
    text: 'Only approved hash functions are used, never MD5.',
  },
  'asvs-5.0/11.5.1': {
    keyword,
    link: `${cryptography}#v115-random-values`,
    text: 'Values that nobody may guess have at least 128 bits from a cryptographically secure generator.',
  },
  // V12 Secure Communication
  'asvs-5.0/12.1.1': {
    keyword,
    link: `${communication}#v121-general-tls-security-guidance`,
    text: 'Only recommended versions of TLS, 1.2 and 1.3, are enabled.',
  },
  'asvs-5.0/12.2.1': {
    keyword,
    link: `${communication}#v122-https-communication-with-external-facing-services`,
    text: 'Clients reach an exposed HTTP service over TLS, with no fall-back to plain text.',
  },
  'asvs-5.0/12.3.2': {
    keyword,
    link: `${communication}#v123-general-service-to-service-communication-security`,
    text: 'A TLS client validates the certificate of the server it talks to.',
  },
  // V13 Configuration
  'asvs-5.0/13.2.3': {
    keyword,
    link: `${configuration}#v132-backend-communication-configuration`,
    text: 'A credential between services is never a default one.',
  },
  'asvs-5.0/13.3.1': {
    keyword,
    link: `${configuration}#v133-secret-management`,
    text: 'Secrets live in a secrets manager and never in source code or build artifacts.',
  },
  'asvs-5.0/13.3.4': {
    keyword,
    link: `${configuration}#v133-secret-management`,
    text: 'Secrets expire and are rotated.',
  },
  // V14 Data Protection
  'asvs-5.0/14.2.1': {
    keyword,
    link: `${data}#v142-general-data-protection`,
    text: 'Session tokens and keys travel in headers or bodies and never in a URL.',
  },
  'asvs-5.0/14.2.6': {
    keyword,
    link: `${data}#v142-general-data-protection`,
    text: 'An answer returns no more sensitive data than its purpose needs.',
  },
  // V15 Secure Coding and Architecture
  'asvs-5.0/15.2.1': {
    keyword,
    link: `${coding}#v152-security-architecture-and-dependencies`,
    text: 'No component is in use beyond its documented time for updates.',
  },
  'asvs-5.0/15.4.1': {
    keyword,
    link: `${coding}#v154-safe-concurrency`,
    text: 'Objects shared by concurrent work are accessed safely, with locks or the like.',
  },
  'asvs-5.0/15.4.2': {
    keyword,
    link: `${coding}#v154-safe-concurrency`,
    text: 'A check and the action that depends on it are one atomic operation.',
  },
  // V16 Security Logging and Error Handling
  'asvs-5.0/16.2.5': {
    keyword,
    link: `${logging}#v162-general-logging`,
    text: 'Credentials are not logged, and session tokens only hashed or masked.',
  },
})
