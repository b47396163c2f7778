/** Ties a test to the clauses that it proves; `npm run requirements-table` lists them. */
import { test } from 'vitest'
import type { RequirementId } from '@sallyport/requirements'

/** A test that fails where one of these clauses is not kept. */
export function verifies(
  ids: RequirementId | readonly RequirementId[],
  name: string,
  body: () => Promise<void> | void,
  timeoutMs?: number,
) {
  test(`${name} (${[ids].flat().join(', ')})`, { ...(timeoutMs !== undefined && { timeout: timeoutMs }) }, body)
}
