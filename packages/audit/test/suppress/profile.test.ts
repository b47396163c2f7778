import { expect, test } from 'vitest'
import type { Confidence, Finding, Profile, Severity } from '../../src/finding/finding.ts'
import { profileOf } from '../../src/finding/profile.ts'
import { aFinding, aRule } from '../score/build.ts'

const kinds: readonly (readonly [Severity, Confidence])[] = [
  ['critical', 'high'],
  ['medium', 'medium'],
  ['low', 'high'],
  ['high', 'low'],
]

function findings(): readonly Finding[] {
  return kinds.map(([severity, confidence], at) => aFinding(aRule(`r${at}`), `${at}`, { severity, confidence }))
}

test.each<[Profile, readonly string[]]>([
  ['regular', ['r0', 'r1']],
  ['pedantic', ['r0', 'r1', 'r2']],
  ['auditor', ['r0', 'r1', 'r2', 'r3']],
])('%s lists %j and counts the rest', (profile, listed) => {
  const divided = profileOf(findings(), profile)
  expect(divided.listed.map(({ rule }) => rule)).toEqual(listed)
  expect(divided.leftOut).toBe(4 - listed.length)
})

test('a rule whose finding is left out is open, and says which profile lists it', () => {
  expect(profileOf(findings(), 'regular').open).toMatchObject([
    { rules: ['r2'], reason: 'A finding of low severity is left to --profile pedantic.' },
    { rules: ['r3'], reason: 'A suspicion of low confidence is left to --profile auditor.' },
  ])
})
