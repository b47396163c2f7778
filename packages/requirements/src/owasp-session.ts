/** OWASP Session Management Cheat Sheet: advice on web sessions, written without the key words of RFC 2119. */
import { clausesOf } from './requirement.ts'

const sheet = 'https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html'

const keyword = 'none'

export const owaspSession = clausesOf('OWASP Session Management Cheat Sheet', {
  // Session IDs
  'owasp-session/long-ids': {
    keyword,
    link: `${sheet}#session-id-length`,
    text: 'A session ID is at least 128 bits long.',
  },
  'owasp-session/unpredictable-ids': {
    keyword,
    link: `${sheet}#session-id-entropy`,
    text: 'A session ID comes from a cryptographically secure generator, so that it cannot be guessed.',
  },
  'owasp-session/meaningless-ids': {
    keyword,
    link: `${sheet}#session-id-content-or-value`,
    text: 'A session ID says nothing about its user or its session.',
  },
  'owasp-session/strict-ids': {
    keyword,
    link: `${sheet}#session-id-generation-and-verification-permissive-and-strict-session-management`,
    text: 'An ID that the server never generated is not accepted; the caller gets a new one.',
  },
  'owasp-session/ids-are-untrusted-input': {
    keyword,
    link: `${sheet}#manage-session-id-as-any-other-user-input`,
    text: 'A presented session ID is validated like any other input.',
  },
  'owasp-session/renew-id-after-privilege-change': {
    keyword,
    link: `${sheet}#renew-the-session-id-after-any-privilege-level-change`,
    text: 'Authentication and every other change of privilege yields a new session ID and destroys the old one.',
  },
  'owasp-session/one-exchange-mechanism': {
    keyword,
    link: `${sheet}#used-vs-accepted-session-id-exchange-mechanisms`,
    text: 'A session ID is accepted by the one way in which it is handed out, and never from a URL.',
  },
  // Transport and cookies
  'owasp-session/tls-for-the-whole-session': {
    keyword,
    link: `${sheet}#transport-layer-security`,
    text: 'The whole session runs over TLS, not only the login.',
  },
  'owasp-session/secure-cookie': {
    keyword,
    link: `${sheet}#secure-attribute`,
    text: 'A session cookie has the Secure attribute.',
  },
  'owasp-session/http-only-cookie': {
    keyword,
    link: `${sheet}#httponly-attribute`,
    text: 'A session cookie has the HttpOnly attribute.',
  },
  'owasp-session/same-site-cookie': {
    keyword,
    link: `${sheet}#samesite-attribute`,
    text: 'A session cookie has an explicit SameSite attribute.',
  },
  'owasp-session/narrow-cookie-scope': {
    keyword,
    link: `${sheet}#domain-and-path-attributes`,
    text: 'A session cookie has no Domain attribute and a narrow Path.',
  },
  'owasp-session/uncached-ids': {
    keyword,
    link: `${sheet}#web-content-caching`,
    text: 'Answers that carry a session ID are not cached.',
  },
  // Expiry and end
  'owasp-session/idle-timeout': {
    keyword,
    link: `${sheet}#idle-timeout`,
    text: 'Every session ends after a time without activity, measured by the server.',
  },
  'owasp-session/absolute-timeout': {
    keyword,
    link: `${sheet}#absolute-timeout`,
    text: 'Every session ends at a set time after it was opened, however active it is.',
  },
  'owasp-session/renewal-timeout': {
    keyword,
    link: `${sheet}#renewal-timeout`,
    text: 'In a long session the ID is renewed from time to time.',
  },
  'owasp-session/destroy-on-server': {
    keyword,
    link: `${sheet}#session-expiration`,
    text: 'When a session expires or its user logs out, the server destroys its record; clearing the cookie is not enough.',
  },
  'owasp-session/logout': {
    keyword,
    link: `${sheet}#manual-session-expiration`,
    text: 'A user can end the session at any time.',
  },
  // Watching
  'owasp-session/bind-to-client-properties': {
    keyword,
    link: `${sheet}#binding-the-session-id-to-other-user-properties`,
    text: 'A session ID is bound to properties of its user or client, and a mismatch is taken as a sign of hijacking.',
  },
  'owasp-session/detect-anomalies': {
    keyword,
    link: `${sheet}#detecting-session-id-anomalies`,
    text: 'Changed, deleted, added and reused session IDs are noticed.',
  },
  'owasp-session/hashed-ids-in-logs': {
    keyword,
    link: `${sheet}#logging-sessions-life-cycle-monitoring-creation-usage-and-destruction-of-session-ids`,
    text: 'Logs hold a salted hash of a session ID and never the ID.',
  },
  'owasp-session/simultaneous-sessions': {
    keyword,
    link: `${sheet}#simultaneous-session-logons`,
    text: 'It is decided whether one user may have several sessions, and the decision is enforced at login.',
  },
  'owasp-session/current-framework': {
    keyword,
    link: `${sheet}#built-in-session-management-implementations`,
    text: "A framework's session management is kept up to date and configured beyond its defaults.",
  },
})
