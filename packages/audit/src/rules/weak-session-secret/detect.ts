import type { SecretFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft, Step } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

type Weak = Exclude<SecretFact['source'], 'outside'>

const REASONS: Readonly<Record<Weak, string>> = {
  written: 'is text in the source: everybody who can read it has it',
  fallback: 'falls back to text in the source where its setting is missing',
  short: 'is random but shorter than the 32 bytes that a key should have',
  guessable: 'comes from no sound generator',
  known: 'is derived from names, numbers or paths of the machine: whoever knows them derives it as well',
}

const SOURCES: Readonly<Record<Weak, string>> = {
  written: 'written down here',
  fallback: 'used where the setting is missing',
  short: 'too few random bytes',
  guessable: 'made here',
  known: 'no secret to anybody on the machine',
}

export function detect(facts: ServerFacts): Verdict {
  if (facts.secrets.length === 0) return notApplicable('No secret signs, seals or admits anything here.')
  return judged(
    facts.secrets.flatMap((secret) => (secret.source === 'outside' ? [] : [findingOf(secret, secret.source)])),
  )
}

function findingOf({ at, what, from, used }: SecretFact, source: Weak): FindingDraft {
  const use: Step = { note: used ? `used as ${what}` : SOURCES[source], location: at }
  return {
    what: `${capital(what)} ${REASONS[source]}.`,
    trace: from === undefined ? [use] : [{ note: SOURCES[source], location: from }, use],
    primary: 0,
    confidence: used ? 'high' : 'medium',
    partial: source === 'short',
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
