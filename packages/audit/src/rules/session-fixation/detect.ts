import type { LoginFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft, Step } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.stores.length === 0 && facts.logins.length === 0) return notApplicable('The server keeps no sessions.')
  const surviving = facts.logins.filter((login) => login.regenerated === false)
  const undecided = facts.logins.filter((login) => login.regenerated === undefined)
  return judged(
    surviving.map(fixable),
    undecided.map(
      (login) =>
        `Whether the login in ${login.at.path}:${login.at.startLine} regenerates the session depends on a passport version that is not locked.`,
    ),
  )
}

function fixable(login: LoginFact): FindingDraft {
  const before: Step[] =
    login.session === undefined ? [] : [{ note: 'the session exists before login', location: login.session }]
  return {
    what: whatOf(login),
    trace: [...before, { note: noteOf(login), location: login.at }],
    confidence: login.how === 'record' ? 'medium' : 'high',
  }
}

function whatOf(login: LoginFact): string {
  switch (login.how) {
    case 'web-session':
      return `The login writes ${login.field === '*' ? 'who the caller is' : login.field} into the session that existed before it, without regenerating the session ID on every path.`
    case 'passport':
      return 'The login keeps the session ID from before it: this passport does not regenerate the session.'
    case 'old-id-kept':
      return 'The session gets a new ID at login, but the old ID still names it.'
    case 'record':
      return `The login marks the session it was called with (${login.field}) and goes on under the same ID.`
  }
}

function noteOf(login: LoginFact): string {
  return login.how === 'old-id-kept'
    ? 'stored under a new ID; the old one stays'
    : 'becomes authenticated under the same ID'
}
