import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: 'timing-unsafe-comparison',
  title: 'A secret is compared in a time that depends on it',
  severity: 'medium',
  impact: 4,
  cwe: ['CWE-208'],
  requirements: ['asvs-5.0/11.2.4'],
  eras: ['legacy', 'modern'],
  why: 'The comparison stops at the first character that differs: Mallory measures how long refusals take and learns the secret piece by piece instead of guessing it whole.',
  todo: 'Compare digests of equal length with `timingSafeEqual`: hash both sides, or check a MAC with the library that made it.',
})
