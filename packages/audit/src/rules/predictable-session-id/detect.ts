import type { EntropyFact, MintFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

/** A random UUID has 122; the clauses ask for 128 and accept it. */
const ENOUGH_BITS = 122

export function detect(facts: ServerFacts): Verdict {
  if (facts.stores.length === 0 && facts.mints.length === 0 && facts.madeSecrets.length === 0)
    return notApplicable('The server hands out no session IDs and makes no secrets.')
  const weak = [
    ...facts.mints.filter((mint) => mint.sources !== undefined && mint.soundBits < ENOUGH_BITS),
    // How long a secret must be depends on what it is for; that it can be computed is wrong for any.
    ...facts.madeSecrets.filter((secret) => secret.soundBits === 0),
  ]
  const unknown = facts.mints.filter((mint) => mint.sources === undefined)
  return judged(
    weak.map(guessable),
    unknown.map((mint) => `How the ID in ${mint.at.path}:${mint.at.startLine} is made could not be followed.`),
  )
}

function guessable(mint: MintFact): FindingDraft {
  const sources = mint.sources ?? []
  return {
    what: `The ${mint.what} holds at most ${mint.bits} bits: ${list(sources.map((source) => source.label))}${verdictOn(mint)}.`,
    trace: [
      ...sources.map((source) => ({ note: noteOf(source), location: source.at })),
      { note: `becomes the ${mint.what}${cutOf(mint)}`, location: mint.at },
    ],
    confidence: 'high',
  }
}

function verdictOn(mint: MintFact): string {
  if (mint.bits === 0) return ', which anyone can name'
  return mint.soundBits === 0 ? ', none of them unpredictable' : ''
}

function cutOf(mint: MintFact): string {
  const made = (mint.sources ?? []).reduce((sum, source) => sum + source.bits, 0)
  return mint.bits < Math.floor(made) ? `, cut to ${mint.bits} bits` : ''
}

function noteOf(source: EntropyFact): string {
  return source.bits === 0 ? `${source.label}: no bits` : `${source.label}: at most ${Math.floor(source.bits)} bits`
}

function list(labels: readonly string[]): string {
  const unique = [...new Set(labels)]
  return unique.length < 2 ? unique.join('') : `${unique.slice(0, -1).join(', ')} and ${unique.at(-1)}`
}
