/** The one text of a finding for readers that take only one. */
import type { Finding } from '../finding/finding.ts'

/** What is wrong, why it matters, what to do. */
export function messageOf({ what, why, todo }: Finding): string {
  return [what, why, todo]
    .map(sentence)
    .filter((part) => part !== '')
    .join(' ')
}

function sentence(text: string): string {
  const trimmed = text.trim()
  return trimmed === '' || /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`
}
