/** Clauses of the standards that rules and tests cite. This is the whole public surface of the package. */
import { asvs50 } from './asvs-5.0.ts'
import { mcp20250326 } from './mcp-2025-03-26.ts'
import { mcp20250618 } from './mcp-2025-06-18.ts'
import { mcp20251125 } from './mcp-2025-11-25.ts'
import { mcp20260728 } from './mcp-2026-07-28.ts'
import { owaspSession } from './owasp-session.ts'
import type { Requirement } from './requirement.ts'
import { rfc9449 } from './rfc-9449.ts'
import { rfc9700 } from './rfc-9700.ts'

export type { Keyword, Requirement } from './requirement.ts'

/** One record per source, in the order in which reports list them. */
export const sources = [
  mcp20250326,
  mcp20250618,
  mcp20251125,
  mcp20260728,
  asvs50,
  owaspSession,
  rfc9700,
  rfc9449,
] as const

/** Every clause by its id. */
export const requirements = {
  ...mcp20250326,
  ...mcp20250618,
  ...mcp20251125,
  ...mcp20260728,
  ...asvs50,
  ...owaspSession,
  ...rfc9700,
  ...rfc9449,
} as const

export type RequirementId = keyof typeof requirements

/** The clause of an id. */
export function requirement(id: RequirementId): Requirement {
  return requirements[id]
}
